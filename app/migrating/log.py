"""Takes the audit log to another store: the same rows, so that all that was signed about them holds there too."""

from itertools import islice, zip_longest

from app.errors import ConflictError, IntegrityError
from app.security.audit_log import AuditLog
from backends.audit.base import AuditStore

_WRITTEN_TOGETHER = 500


class LogMove:
    """Nothing that was copied is ever removed, so the longer of the two logs is the one in use, and the other is how it
    began. Raises ConflictError where that is not so."""

    def __init__(self, log: AuditLog, source: AuditStore, target: AuditStore, *, is_moved: bool) -> None:
        """`log` is made to use the store in use; where both are equal `is_moved` tells that it is the target."""
        self._log = log
        self._source, self._target = source, target
        shorter, longer = sorted((source, target), key=lambda one: one.head().seq)
        newest = shorter.head()
        row = longer.get(newest.seq)
        if newest.seq and (row is None or row.hash != newest.hash):
            raise ConflictError(
                "The two profiles hold different audit logs, which cannot become one: name a database without events."
            )
        self.was_before = target is longer if longer.head() != newest else is_moved
        if self.was_before:
            self.switch()

    def copy(self) -> None:
        """What the target lacks, and then all of it is compared. Raises IntegrityError where it differs."""
        if self.was_before:
            return
        with self._target.alone() as tail:
            rows = self._source.rows(after=tail.head().seq)
            while together := list(islice(rows, _WRITTEN_TOGETHER)):
                tail.append(together)
        if any(one != other for one, other in zip_longest(self._source.rows(), self._target.rows())):
            raise IntegrityError("The copy of the audit log differs from it, so nothing was switched.")

    def switch(self) -> None:
        """The next event is written to the target."""
        self._log.move_to(self._target)
