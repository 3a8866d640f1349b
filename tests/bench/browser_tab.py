"""One browser tab without a browser: keeps what its page shows, sends what a person does and what its timers ask for.

It follows Streamlit's frontend: the whole state of its widgets goes with every message, large messages it has already
are named by their hash, an element that a run does not send again is gone, and a fragment that refreshes itself is
asked for until a run of the whole page ends that.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from tests.security.page_socket import PATH

_SECONDS = 300.0
_CACHED_RUNS = 2
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Rerun:
    """From the click, or the timer, until the page was told that the run is over."""

    seconds: float
    by_timer: bool
    received_bytes: int


@dataclass(frozen=True, slots=True)
class _Shown:
    element: Any
    """An Element or Block of Streamlit's protocol."""
    is_block: bool
    fragment_id: str
    run: int


class BrowserTab:
    """Use it with `async with`. One run at a time: what comes meanwhile waits, and its waiting counts."""

    def __init__(
        self, address: str, token: str, *, noted: Callable[[Rerun], None], looked: Callable[[bytes], None]
    ) -> None:
        """`looked` gets every message as it comes."""
        self._address = address
        self._token = token
        self._noted = noted
        self._looked = looked
        self._turn = asyncio.Lock()
        self._shown: dict[tuple[int, ...], _Shown] = {}
        self._states: dict[str, WidgetState] = {}
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._run = 0
        self._page_hash = ""
        self._query = ""
        self.failure: BaseException | None = None
        """What a timer's run ended with; looked at by whoever uses the tab."""
        self._socket: ClientConnection

    async def __aenter__(self) -> "BrowserTab":
        self._socket = await connect(
            self._address.replace("http://", "ws://") + PATH,
            origin=self._address,  # type: ignore[arg-type]
            additional_headers={"Cookie": f"dafe={self._token}"},
            subprotocols=["streamlit", "none"],  # type: ignore[list-item]
            open_timeout=_SECONDS,
            close_timeout=1,
            max_size=None,
            proxy=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._end_timers()
        await self._socket.close()

    @property
    def is_open(self) -> bool:
        """Whether it has shown a page."""
        return self._run > 0

    @property
    def words(self) -> str:
        """The headings and paragraphs on the page."""
        return "\n".join(one.body for kind in ("heading", "markdown") for one in self.find(kind))

    async def settle(self) -> None:
        """Return when the page shows everything and refreshes itself no more."""
        while self._timers or self._turn.locked():
            await asyncio.sleep(_LOOK_SECONDS)
            if self.failure is not None:
                raise self.failure

    def find(self, kind: str, **wanted: str) -> list[Any]:
        """Elements of a kind whose fields hold these texts, in no order."""
        found = (getattr(one.element, kind) for one in self._shown.values() if one.element.WhichOneof("type") == kind)
        return [one for one in found if all(text in getattr(one, name) for name, text in wanted.items())]

    async def visit(self, name: str) -> None:
        """Open the page that the sidebar calls `name`; the first visit, before there is a sidebar, opens Home."""
        links = self.find("page_link", label=name)
        if not links and self.is_open:
            raise LookupError(f"no link to {name} beside {self.words}")
        self._end_timers()
        self._states = {}
        await self.rerun(page_hash=links[0].page_script_hash if links else "")

    async def press(self, button: Any) -> None:
        await self._act(WidgetState(id=button.id, trigger_value=True))

    async def write(self, text_input: Any, text: str) -> None:
        await self._act(WidgetState(id=text_input.id, string_value=text), stays=True)

    async def submit(self, chat_input: Any, text: str) -> None:
        state = WidgetState(id=chat_input.id)
        state.chat_input_value.data = text
        await self._act(state)

    async def choose(self, button_group: Any, value: str) -> None:
        state = WidgetState(id=button_group.id)
        state.string_array_value.data.append(value)
        await self._act(state, stays=True)

    async def send(self, component: Any, event: str, value: object) -> None:
        """What a piece of the page that runs in the browser reports."""
        payload = json.dumps([{"event": event, "value": value}])
        await self._act(
            WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{component.id}__events", json_trigger_value=payload),
            fragment_id=self._fragment_of(component),
        )

    async def _act(self, state: WidgetState, *, stays: bool = False, fragment_id: str | None = None) -> None:
        if stays:
            self._states[state.id] = state
        fragment = self._fragment_of(state) if fragment_id is None else fragment_id
        await self.rerun(fragment_id=fragment, passing=() if stays else (state,))

    def _fragment_of(self, widget: Any) -> str:
        for one in self._shown.values():
            kind = one.element.WhichOneof("type")
            if kind and getattr(getattr(one.element, kind), "id", "") == widget.id:
                return one.fragment_id
        return ""

    async def rerun(
        self,
        *,
        page_hash: str | None = None,
        fragment_id: str = "",
        passing: tuple[WidgetState, ...] = (),
        by_timer: bool = False,
    ) -> None:
        """Return when the run is over, and the one that the script itself asked for in its place; `page_hash` names
        another page than the one shown."""
        begun = time.perf_counter()
        async with self._turn:
            if by_timer and fragment_id not in self._timers:
                return
            self._run += 1
            message = BackMsg()
            asked = message.rerun_script
            asked.page_script_hash = self._page_hash if page_hash is None else page_hash
            asked.query_string = self._query
            asked.fragment_id, asked.is_auto_rerun = fragment_id, by_timer
            asked.cached_message_hashes.extend(self._kept)
            asked.context_info.timezone, asked.context_info.locale = "Europe/London", "en-GB"
            asked.context_info.color_scheme = "light"
            asked.widget_states.widgets.extend([*self._states.values(), *passing])
            await self._socket.send(message.SerializeToString())
            received = await asyncio.wait_for(self._receive(), _SECONDS)
        self._noted(Rerun(time.perf_counter() - begun, by_timer, received))

    async def _receive(self) -> int:
        received = 0
        while True:
            content = await self._socket.recv()
            assert isinstance(content, bytes)
            received += len(content)
            self._looked(content)
            message = ForwardMsg.FromString(content)
            if message.WhichOneof("type") == "ref_hash":
                message = self._from_cache(message)
            elif message.metadata.cacheable:
                self._kept[message.hash] = message, self._run
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self._drop_stale(message)
                    return received
            else:
                self._take(kind or "", message)

    def _from_cache(self, reference: ForwardMsg) -> ForwardMsg:
        message = ForwardMsg()
        message.CopyFrom(self._kept[reference.ref_hash][0])
        message.metadata.CopyFrom(reference.metadata)
        self._kept[reference.ref_hash] = self._kept[reference.ref_hash][0], self._run
        return message

    def _take(self, kind: str, message: ForwardMsg) -> None:
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self._end_timers()
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment_id in message.stop_auto_rerun.fragment_ids:
                self._end_timers(fragment_id)
        elif kind == "delta" and message.delta.WhichOneof("type") != "new_transient":
            is_block = message.delta.WhichOneof("type") == "add_block"
            element = message.delta.add_block if is_block else message.delta.new_element
            path = tuple(message.metadata.delta_path)
            self._shown[path] = _Shown(element, is_block, message.delta.fragment_id, self._run)

    def _drop_stale(self, finished: ForwardMsg) -> None:
        fragments = set(finished.metadata.run.fragment_ids)
        for path, one in list(self._shown.items()):
            if one.run < self._run and (not fragments or one.fragment_id in fragments):
                del self._shown[path]
        if not fragments:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[1] > self._run - _CACHED_RUNS}

    def _start_timer(self, fragment_id: str, interval: float) -> None:
        if fragment_id in self._timers and self._timers[fragment_id][0] == interval:
            return
        self._end_timers(fragment_id)
        self._timers[fragment_id] = interval, asyncio.create_task(self._refresh(fragment_id, interval))

    async def _refresh(self, fragment_id: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            # Shielded: a run that ends this timer must not be cut off by that.
            await asyncio.shield(asyncio.create_task(self._refresh_once(fragment_id)))

    async def _refresh_once(self, fragment_id: str) -> None:
        try:
            await self.rerun(fragment_id=fragment_id, by_timer=True)
        except Exception as error:  # noqa: BLE001 - of a task nobody waits for: kept for whoever uses the tab
            self.failure = error

    def _end_timers(self, *fragment_ids: str) -> None:
        for fragment_id in fragment_ids or list(self._timers):
            if fragment_id in self._timers:
                self._timers.pop(fragment_id)[1].cancel()
