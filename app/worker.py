"""The worker process: takes jobs until it is told to end."""

import signal
import sys
from threading import Event
from types import FrameType

from app.container import process_services
from app.errors import DafeError
from app.logs import get_logger, set_up_logs
from app.parent import end_with_parent
from app.settings import switch_telemetry_off

_log = get_logger("worker")


def main() -> int:
    """The job in hand is ended cleanly on SIGTERM and SIGINT, and goes on where it was when a worker comes again."""
    switch_telemetry_off()
    end_with_parent()
    set_up_logs()
    stop = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        services = process_services()
        _log.info("the worker is ready")
        services.make_indexing().serve(stop=stop)
    except DafeError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 4
    services.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
