"""Scheduled jobs with the queue in a real Redis server and the records in a real PostgreSQL."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.jobs import JobState
from backends.metadata.settings import PostgresMetadataSettings
from backends.queue.settings import RedisQueueSettings
from tests.servers.real_postgres import RealPostgres, metadata_settings
from tests.servers.real_redis import RealRedis
from tests.services.verifying import jobs, last, made_days_ago, slow_workers, wait_until, work

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def metadata(postgres: RealPostgres) -> Iterator[PostgresMetadataSettings]:
    name = postgres.new_database()
    yield metadata_settings(postgres, name)
    postgres.drop(name)


def test_of_two_workers_one_makes_the_job_and_a_killed_ones_is_done_by_another(
    metadata: PostgresMetadataSettings, redis_server: RealRedis, tmp_path: Path
) -> None:
    queue = redis_server.values()
    given = metadata.model_dump() | {"password": metadata.password.get_secret_value()}
    variables = {"METADATA__KIND": "postgres", "QUEUE__KIND": "redis"}
    variables |= {f"QUEUE__{name}".upper(): str(value) for name, value in queue.items()}
    for name in ("host", "port", "database", "user", "password", "ca_bundle"):
        variables[f"METADATA__{name}".upper()] = str(given[name])
    with closing(made_days_ago(tmp_path / "data", metadata=metadata, queue=RedisQueueSettings(**queue))) as services:
        with slow_workers(services.settings.data_dir, variables):
            wait_until(lambda: [job.state for job in jobs(services)] == [JobState.RUNNING])
            time.sleep(3.0)
            (running,) = jobs(services)
        done = work(services, count=1)
        assert (done.id, done.state, last(services).ok) == (running.id, JobState.DONE, True)
