"""Starts a real streaming standby of the PostgreSQL server of the tests."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.real_postgres import RealPostgres, metadata_settings

_START_SECONDS = 60.0
_REPLICATING = "hostssl replication all 127.0.0.1/32 scram-sha-256\n"


class RealStandby(RealPostgres):
    """Has the certificate, the users and the passwords of its primary."""

    def __init__(self, folder: Path, primary: RealPostgres) -> None:
        self._primary = primary
        super().__init__(folder, primary.programs)

    def promote(self) -> None:
        self.execute("SELECT pg_promote()")

    def follow(self, other: RealPostgres) -> None:
        """Instead of its primary."""
        self.execute(f"ALTER SYSTEM SET primary_conninfo = '{_conninfo(other)}'")
        self.execute("SELECT pg_reload_conf()")

    def catch_up(self) -> None:
        """Until it has replayed what the primary has flushed."""
        ((lsn,),) = self._primary.execute("SELECT pg_current_wal_flush_lsn()::text")
        until = time.monotonic() + _START_SECONDS
        while self.execute(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") != [(True,)]:
            assert time.monotonic() < until, "the standby does not catch up"
            time.sleep(0.02)

    def settings(self, name: str, /, **changed: Any) -> Any:
        """Of the metadata store in this database of the primary, with this standby, which has the database then."""
        self.catch_up()
        here = {"replica_host": "localhost", "replica_port": self.port}
        return metadata_settings(self._primary, name, **{**here, **changed})

    def _make(self) -> None:
        self.authority, self.password = self._primary.authority, self._primary.password
        self.admin_password = self._primary.admin_password
        # A standby that is stopped or slow for a while finds what it has not received yet.
        self._primary.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")
        self._primary.allow(_REPLICATING)
        self._give(self._folder)
        how = ("-R", "-X", "stream", "-c", "fast", "--no-sync")
        copying = self._spawn("pg_basebackup", "-D", str(self._folder / "data"), "-d", _conninfo(self._primary), *how)
        if copying.wait(_START_SECONDS) != 0:
            raise RuntimeError("pg_basebackup failed: " + (self._folder / "server.log").read_text()[-2000:])
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"port = {self.port}\n")
        self.start()


def _conninfo(server: RealPostgres) -> str:
    return f"host=localhost port={server.port} user=postgres sslmode=require password={server.admin_password}"


@contextmanager
def real_standby(primary: RealPostgres) -> Iterator[RealStandby]:
    with tempfile.TemporaryDirectory(prefix="dafe-standby-", ignore_cleanup_errors=True) as folder:
        standby = RealStandby(Path(folder), primary)
        try:
            yield standby
        finally:
            standby.stop()
