"""What a real Redis server, a bad one, and the way to it can do to us, and what is said of it."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import ValidationError

from app.container import OPERATOR, open_services
from app.domain.ids import JobId
from app.errors import BackendUnavailableError, ConfigurationError
from app.settings import load_settings
from backends.queue.redis import RedisJobQueue
from backends.queue.settings import RedisQueueSettings
from tests.servers.certificates import Authority
from tests.servers.drip import proxy_to
from tests.servers.real_redis import PASSWORD, USER, RealRedis

pytestmark = pytest.mark.server
Open = Callable[..., RedisJobQueue]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def open_queue(server: RealRedis, tmp_path: Path) -> Iterator[Open]:
    opened: list[RedisJobQueue] = []

    def open_one(**values: Any) -> RedisJobQueue:
        settings = RedisQueueSettings(**server.values() | values)
        opened.append(RedisJobQueue(settings, data_dir=tmp_path))
        return opened[-1]

    yield open_one
    for queue in opened:
        queue.close()


def refusal(queue: RedisJobQueue) -> str:
    """The sentence with which a put is refused; it holds no secret."""
    with pytest.raises(BackendUnavailableError) as caught:
        queue.put(JobId("a"))
    sentence = caught.value.message
    assert PASSWORD not in sentence + repr(caught.value.__cause__)
    return sentence


def test_what_is_stored_outlives_a_killed_server(server: RealRedis, open_queue: Open) -> None:
    queue = open_queue()
    names = {f"job{number}" for number in range(50)}
    for name in names:
        queue.put(JobId(name), delay_seconds=1.0)
    server.kill()
    assert "does not answer: check that it runs" in refusal(queue)
    server.start()
    assert queue.find() == names
    assert queue.count() == 50


def test_a_wrong_password_or_user_is_said(open_queue: Open) -> None:
    for wrong in ({"password": "wrong"}, {"user": "nobody"}, {"user": "default", "password": "x"}):
        assert "refused the user or the password" in refusal(open_queue(**wrong))


def test_a_certificate_of_another_authority_is_not_accepted(open_queue: Open, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", name="Another authority")
    for bundle in (other.bundle, None):
        said = refusal(open_queue(ca_bundle=bundle))
        assert "certificate" in said
        assert "unable to get local issuer certificate" in said or "self-signed" in said


def test_a_certificate_that_is_over_is_not_accepted(server: RealRedis, open_queue: Open) -> None:
    server.kill()
    server.start(server.authority.issue("over", expired=True))
    assert "(certificate has expired)" in refusal(open_queue())


def test_a_certificate_of_another_host_is_not_accepted(server: RealRedis, open_queue: Open) -> None:
    assert "certificate is not valid for 'localhost'" in refusal(open_queue(url=f"rediss://localhost:{server.port}"))
    server.kill()
    server.start(server.authority.issue("other", hosts=("redis.example", "127.0.0.2")))
    assert "certificate is not valid for '127.0.0.1'" in refusal(open_queue())


def test_the_client_speaks_tls_1_3_alone(server: RealRedis, open_queue: Open) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate.certificate, server.certificate.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            for _ in range(8):
                client, _address = listener.accept()
                try:
                    context.wrap_socket(client, server_side=True).close()
                except (ssl.SSLError, OSError) as error:
                    seen.append(str(error))
                client.close()

        seen: list[str] = []
        threading.Thread(target=refuse, daemon=True).start()
        assert "with TLS 1.3" in refusal(open_queue(url=f"rediss://127.0.0.1:{listener.getsockname()[1]}"))
    assert any("PROTOCOL" in one.upper() for one in seen)


def test_a_server_without_tls_and_one_that_is_none_are_said(open_queue: Open) -> None:
    assert "does not answer" in refusal(open_queue(url="rediss://127.0.0.1:9"))


def test_certificates_that_cannot_be_read_are_said(open_queue: Open, tmp_path: Path) -> None:
    for bundle in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ConfigurationError, match="ca_bundle"):
            open_queue(ca_bundle=bundle)


def test_the_documented_user_has_its_keys_and_needs_nothing_more(server: RealRedis, open_queue: Open) -> None:
    assert "does not let this user do that" in refusal(open_queue(prefix="other:"))
    client = server.client(USER, PASSWORD)
    for command in ("KEYS *", "SCAN 0", "FLUSHALL", "CONFIG GET *", "ACL LIST", "MONITOR", "GET other", "DUMP dafe:x"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command.split())
    client.close()
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis("127.0.0.1", server.port, ssl=True, ssl_ca_certs=str(server.authority.bundle)).ping()


def test_a_server_that_may_give_up_queued_jobs_is_refused(server: RealRedis, open_queue: Open) -> None:
    with server.admin() as admin:
        admin.config_set("maxmemory-policy", "allkeys-lru")
    queue = open_queue()
    assert "set its maxmemory-policy to volatile-lru" in refusal(queue)
    with server.admin() as admin:
        admin.config_set("maxmemory-policy", "noeviction")
    queue.put(JobId("a"))


def test_a_full_server_is_said_and_what_it_holds_can_be_done(server: RealRedis, open_queue: Open) -> None:
    queue = open_queue()
    queue.put(JobId("a"))
    with server.admin() as admin:
        admin.config_set("maxmemory", "1")
    assert "is full" in refusal(queue)
    assert queue.find() == {"a"}
    stop, seen = threading.Event(), []

    def handle(job_id: JobId) -> None:
        seen.append(job_id)
        stop.set()

    queue.run(handle, stop=stop)
    assert seen == ["a"]
    assert queue.count() == 0


@pytest.mark.parametrize("after_connecting", [False, True])
def test_an_answer_of_one_byte_a_second_is_not_waited_for(
    server: RealRedis, open_queue: Open, after_connecting: bool
) -> None:
    with proxy_to(server.port) as proxy:
        queue = open_queue(url=f"rediss://127.0.0.1:{proxy.port}", timeout_seconds=2.0)
        if after_connecting:
            queue.put(JobId("a"))
        proxy.drips = True
        start = time.monotonic()
        assert "did not answer in time" in refusal(queue)
        assert time.monotonic() - start < 5


def test_plain_bytes_of_one_a_second_are_not_waited_for(open_queue: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _address = listener.accept()
            try:
                while True:
                    client.sendall(b"+")
                    time.sleep(0.3)
            except OSError:
                client.close()

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        queue = open_queue(url=f"redis://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=1.0)
        start = time.monotonic()
        assert "did not answer in time" in refusal(queue)
        assert time.monotonic() - start < 4
        thread.join()


def test_a_half_open_connection_is_given_up_and_the_next_one_works(server: RealRedis, open_queue: Open) -> None:
    with proxy_to(server.port) as proxy:
        queue = open_queue(url=f"rediss://127.0.0.1:{proxy.port}", timeout_seconds=1.0)
        queue.put(JobId("a"))
        proxy.is_silent = True
        start = time.monotonic()
        assert "did not answer in time" in refusal(queue)
        assert time.monotonic() - start < 4
        proxy.is_silent = False
        queue.put(JobId("b"))
        assert queue.find() == {"a", "b"}


def test_a_connection_that_the_server_closed_is_opened_again_at_once(server: RealRedis, open_queue: Open) -> None:
    queue = open_queue()
    queue.put(JobId("a"))
    with server.admin() as admin:
        for _ in range(3):
            admin.client_kill_filter(_type="normal", skipme=True)
            queue.put(JobId("b"))
    assert queue.count() == 4


def test_a_connection_that_breaks_under_a_command_is_opened_again_once(server: RealRedis, open_queue: Open) -> None:
    with proxy_to(server.port) as proxy:
        queue = open_queue(url=f"rediss://127.0.0.1:{proxy.port}")
        queue.put(JobId("a"))
        proxy.cuts = 1
        queue.put(JobId("b"))
        assert proxy.cuts == 0
        assert queue.find() == {"a", "b"}
        proxy.cuts = 100
        assert "does not answer" in refusal(queue)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://redis.example:6379", "for this machine only"),
        ("https://redis.example", "rediss://host:port"),
        ("rediss://", "rediss://host:port"),
        ("rediss://redis.example:6379/1", "without a path"),
        ("rediss://redis.example:6379?ssl_cert_reqs=none", "without a path"),
        ("rediss://redis.example:port", "rediss://host:port"),
        ("rediss://dafe:secret@redis.example", "settings of their own"),
    ],
)
def test_an_unsafe_or_incomplete_address_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        RedisQueueSettings(url=url, password="x")


def test_a_server_in_the_network_needs_a_password_and_a_prefix_is_no_pattern() -> None:
    with pytest.raises(ValidationError, match="needs a password"):
        RedisQueueSettings(url="rediss://redis.example:6379")
    with pytest.raises(ValidationError, match="prefix"):
        RedisQueueSettings(prefix="*")


def test_health_says_that_no_worker_runs_and_that_a_server_is_away(server: RealRedis, tmp_path: Path) -> None:
    values = server.values()
    made = load_settings(
        data_dir=tmp_path / "data",
        queue={"kind": "redis", **values},
        cache={"kind": "redis", **values},
        embeddings={"kind": "hashing"},
        llm={"kind": "none"},
    )
    services = open_services(made)

    def said() -> str:
        return next(one.detail for one in services.health.checks(OPERATOR) if one.name == "Worker")

    assert "No worker is running" in said()
    server.kill()
    assert "check that it runs" in said()
    services.close()
