"""Tests of PostgreSQL as the database of the metadata: what is refused, and what a server that goes away leaves."""

import psycopg
import pytest

from tests.servers.real_postgres import OWNER, RealPostgres

pytestmark = pytest.mark.server


def test_the_server_of_the_tests_takes_nothing_but_tls_and_scram(postgres: RealPostgres) -> None:
    address = {"host": "localhost", "port": postgres.port, "user": OWNER, "password": postgres.password}
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(**address, dbname="postgres", sslmode="disable")
    with pytest.raises(psycopg.OperationalError, match="authentication method requirement"):
        psycopg.connect(**address, dbname="postgres", sslmode="require", require_auth="md5")
    with postgres.connect(user=OWNER) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
        assert connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone() == (False,)
