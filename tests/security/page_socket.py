"""A browser's side of a page's socket: asks for pages and tells what they show."""

from contextlib import AbstractContextManager
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

PATH = "/_stcore/stream"
_SECONDS = 120.0


def open_socket(
    address: str, *, token: str = "", origin: str | None = "", resume: str = "", cookie: str = "dafe"
) -> ClientConnection:
    """`origin` None sends none, an empty one the server's own. Raises InvalidStatus when it is refused."""
    headers = {"Cookie": f"{cookie}={token}"} if token else {}
    protocols = ["streamlit", "none", *([resume] if resume else [])]
    return connect(
        address.replace("http://", "ws://") + PATH,
        origin=(address if origin == "" else origin),  # type: ignore[arg-type]
        additional_headers=headers,
        subprotocols=protocols,  # type: ignore[arg-type]
        open_timeout=_SECONDS,
        close_timeout=1,
        max_size=None,
        proxy=None,
        legacy=True,
    )


class PageSocket(AbstractContextManager["PageSocket"]):
    def __init__(self, address: str, token: str, *, resume: str = "") -> None:
        self._socket = open_socket(address, token=token, resume=resume)
        self.session_id = ""
        """Streamlit's own, known after the first run."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def run(self, page: str = "", *, script_hash: str = "", is_auto_rerun: bool = False) -> str:
        """Everything that the run sent, as text."""
        self.ask(page, script_hash=script_hash, is_auto_rerun=is_auto_rerun)
        shown = ""
        while True:
            message = ForwardMsg.FromString(self._socket.recv(timeout=_SECONDS))  # type: ignore[arg-type]
            if message.HasField("new_session"):
                self.session_id = message.new_session.initialize.session_id or self.session_id
            shown += str(message.delta) + str(message.navigation)
            if message.WhichOneof("type") == "script_finished":
                return shown

    def ask(self, page: str = "", *, script_hash: str = "", is_auto_rerun: bool = False) -> None:
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.page_script_hash = script_hash
        message.rerun_script.is_auto_rerun = is_auto_rerun
        self._socket.send(message.SerializeToString())

    def wait_until_closed(self) -> int:
        """The code it was closed with. Raises TimeoutError."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                self._socket.recv(timeout=_SECONDS)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
