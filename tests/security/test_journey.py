"""No personal data where it does not belong, nothing beyond loopback: a journey through a running installation."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.security.canaries import CANARIES, found_canaries
from tests.security.journey_evidence import PLACES, Evidence, gather, leaks
from tests.security.tracing import is_loopback, read_trace, tracer
from tests.servers.requiring import require

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(900)]
IN_A_BROWSER = ("error cards of pages", "addresses in the browser", "the browser's console")
TRIES_EVERYTHING = """
import socket
from contextlib import suppress
from tests.security.tracing import listening_sockets, raise_loopback
raise_loopback()
for address in ("192.0.2.1", "2001:db8::1"):
    with suppress(OSError):
        socket.create_connection((address, 443), timeout=1)
with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as letter:
    letter.sendto(b"hello", ("198.51.100.7", 99))
with suppress(OSError):
    socket.getaddrinfo("dafe.example", 443)
with socket.create_server(("0.0.0.0", 0)), socket.create_server(("127.0.0.1", 0)):
    print(sorted(address for _, address, _ in listening_sockets()))
"""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return gather(tmp_path_factory.mktemp("journey"))


def test_the_canaries_went_through_everything(evidence: Evidence) -> None:
    refused = {one["status"] for one in evidence.seen["errors"]}
    assert refused >= {400, 401, 403, 404, 405, 422, 500, 503}, sorted(refused)
    assert evidence.seen["job_kinds"] == ["delete", "export", "index"]
    assert evidence.seen["job_errors"], "broken files were to fail"
    assert evidence.seen["succeeded"] > 50
    assert len(evidence.seen["events"]) > 100
    filled = {place for place, read in PLACES.items() if any(read(evidence))}
    assert filled == {*PLACES} - {*IN_A_BROWSER}


@pytest.mark.parametrize("place", [one for one in PLACES if one not in IN_A_BROWSER])
def test_no_canary_is_in(evidence: Evidence, place: str) -> None:
    assert leaks(evidence, place) == []


def test_every_failure_shows_a_reference_that_finds_its_line(evidence: Evidence) -> None:
    assert [one["status"] for one in evidence.seen["failures"]] == [503, *[500] * 4, *[503] * 3, 200]
    assert evidence.unlogged == []


def test_no_process_tries_to_reach_anything_beyond_loopback(evidence: Evidence) -> None:
    if evidence.calls is None:
        require("strace", "install Debian's strace, and let unshare make a network")
    assert evidence.attempts == []
    assert evidence.calls > 1_000


def test_everything_listens_on_loopback_alone(evidence: Evidence) -> None:
    if evidence.calls is None:
        require("strace", "install Debian's strace, and let unshare make a network")
    assert [(protocol, address) for protocol, address, _ in evidence.sockets] == [("tcp", "127.0.0.1")]


def test_a_planted_canary_is_found_in_every_place(evidence: Evidence) -> None:
    for canary in CANARIES:
        assert canary in found_canaries(f"x{canary.upper()}y")
        assert canary in found_canaries(canary.encode("utf-16-le"))
    error = {"request": "GET /", "status": 500, "headers": "", "body": CANARIES[0]}
    lists = ("cards", "job_errors", "payloads", "events", "urls", "console")
    planted = {name: [*evidence.seen[name], CANARIES[0]] for name in lists} | {"errors": [error], "failures": [error]}
    spoiled = replace(evidence, seen=evidence.seen | planted, log=f"{evidence.log}\nfailed: {CANARIES[0]}\n")
    for place in PLACES:
        if place != "files of the data folder":
            ((names, _),) = leaks(spoiled, place)
            assert names == [CANARIES[0]]
    assert spoiled.unlogged == [f"GET /: {CANARIES[0]}", CANARIES[0]]


def test_the_trace_shows_whatever_is_tried_beyond_loopback(tmp_path: Path) -> None:
    if not (before := tracer()):
        require("strace", "install Debian's strace, and let unshare make a network")
    command = [*before, "-o", str(tmp_path / "trace"), sys.executable, "-c", TRIES_EVERYTHING]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    attempts, _ = read_trace(tmp_path / "trace")
    sent = {(one.call, one.address) for one in attempts}
    assert sent >= {
        ("connect", "192.0.2.1"),
        ("connect", "2001:db8::1"),
        ("sendto", "198.51.100.7"),
        ("bind", "0.0.0.0"),
    }
    assert any(one.name for one in attempts), "the name was looked up"
    assert printed.strip() == "['0.0.0.0', '127.0.0.1']"
    assert all(map(is_loopback, ("127.0.0.53", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "0.0.0.0", "::", "::ffff:10.0.0.1")))
