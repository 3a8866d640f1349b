"""A running installation with many people in several workspaces, what its processes cost, and people who add files."""

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Event, Thread

import httpx

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.documents import DocumentStatus
from app.domain.ids import WorkspaceId
from app.services.documents import Upload
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from tests.api.conftest import PASSWORD, add_person
from tests.bench.questions import VERBS, names
from tests.bench.visits import Visitor, word_of_person, word_of_workspace
from tests.security.running import Running

_TICK = os.sysconf("SC_CLK_TCK")
_AHEAD = 4
"""Documents that wait for the worker, so that it never idles."""
_DONE = frozenset({DocumentStatus.INDEXED})
_FAILED = frozenset({DocumentStatus.FAILED, DocumentStatus.REFUSED})


@dataclass(frozen=True, slots=True)
class Crowd:
    """People numbered from 0; person n is in workspace n modulo `workspaces` and writes there."""

    people: int
    workspaces: int
    samples: bool = False
    """Whether the workspaces hold the sample documents of a hospital or a bank too."""

    def prepare(self, services: Services) -> None:
        """Into an installation that does not run yet."""
        places = []
        for number in range(self.workspaces):
            added = services.workspaces.add(OPERATOR, name=f"Ward {word_of_workspace(number)}", ontology="clinical")
            places.append(added.id)
            letter = Upload(f"letter {word_of_workspace(number)}.txt", _letter(word_of_workspace(number)).encode())
            services.documents.upload(OPERATOR, workspace_id=added.id, files=[letter])
            if self.samples:
                sets = services.samples.list(OPERATOR)
                services.samples.load(OPERATOR, workspace_id=added.id, name=sets[number % len(sets)].name)
        for number in range(self.people):
            user_id = add_person(services, _username(number), name=f"Person {word_of_person(number)}")
            place = places[number % self.workspaces]
            services.workspaces.set_member(OPERATOR, workspace_id=place, user_id=user_id, role=Role.ANALYST)

    def sign_in(self, address: str, sessions: int) -> list[Visitor]:
        """Through the gate's form, each with a session of its own; people share them out among them."""

        def one(session: int) -> Visitor:
            number = session % self.people
            form = {"username": _username(number), "password": PASSWORD}
            answer = httpx.post(
                f"{address}/session/sign-in", data=form, headers={"origin": address}, timeout=300, trust_env=False
            )
            assert answer.status_code == 303, answer.text
            place = word_of_workspace(number % self.workspaces)
            return Visitor(form["username"], answer.cookies["dafe"], word_of_person(number), place)

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, range(sessions)))


def _username(number: int) -> str:
    return f"person{number:03}"


def _letter(word: str) -> str:
    return (
        f"Discharge letter\n\nMrs {word} takes warfarin. {word} has atrial fibrillation. Warfarin increases the risk of"
        f" bleeding. Amiodarone interacts with warfarin. Dr Halden treats {word}. {word} was admitted to Northgate"
        " Hospital on 3 May 2026.\n"
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a process with those of its children that ended: CPU seconds so far, and what it holds in memory now."""

    cpu_seconds: float
    megabytes: float

    @classmethod
    def of(cls, pid: int) -> "Cost":
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = sum(int(fields[place]) for place in (11, 12, 13, 14))
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return cls(ticks / _TICK, int(found[1]) / 1024 if found else 0.0)


class Indexing:
    """What the worker has finished, in documents."""

    def __init__(self, metadata: MetadataStore) -> None:
        self._metadata = metadata
        self.workspaces: list[WorkspaceId] = [one.id for one in metadata.workspaces.find()]

    def all(self) -> int:
        return self._count(frozenset())

    def done(self) -> int:
        return self._count(_DONE)

    def failed(self) -> int:
        return self._count(_FAILED)

    def _count(self, statuses: frozenset[DocumentStatus]) -> int:
        wanted = DocumentFilter(statuses=statuses, limit=0)
        return sum(self._metadata.documents.find(wanted, workspace_id=one, reader=None)[1] for one in self.workspaces)

    def wait_for(self, documents: int, *, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.done() < documents:
            assert not self.failed(), "a document could not be indexed"
            assert time.monotonic() < until, f"{self.done()} of {documents} indexed in {seconds:.0f} seconds"
            time.sleep(0.5)

    @contextmanager
    def busy(self, running: Running, crowd: Crowd, *, sentences: int = 100) -> Iterator[None]:
        """People add documents over REST, in turn to each workspace, just before the worker would run out of them."""
        end = Event()
        writer = Thread(target=self._feed, args=(running, crowd, sentences, end), name="writer")
        writer.start()
        try:
            yield
        finally:
            end.set()
            writer.join()

    def _feed(self, running: Running, crowd: Crowd, sentences: int, end: Event) -> None:
        random, before, added = Random(time.time_ns()), self.done(), 0
        bearers = [running.bearer(_username(number)) for number in range(crowd.workspaces)]
        with httpx.Client(base_url=f"{running.address}/api/v1", timeout=300, trust_env=False) as client:
            places = [client.get("/workspaces", headers=bearer).json()[0]["id"] for bearer in bearers]
            while not end.wait(0.2):
                if added - (self.done() - before) >= _AHEAD:
                    continue
                turn = added % len(places)
                file = (f"report {random.getrandbits(48):x}.txt", _report(sentences, random), "text/plain")
                path = f"/workspaces/{places[turn]}/documents"
                answer = client.post(path, headers=bearers[turn], files={"files": file})
                assert answer.status_code == 202, answer.text
                added += 1


def _report(sentences: int, random: Random) -> bytes:
    """Facts about made-up firms."""
    known = names(sentences // 2, random)
    lines = []
    for _ in range(sentences):
        first, second = random.sample(known, 2)
        lines.append(f"{first} {random.choice(VERBS)} {second} since {random.randrange(1990, 2026)}.")
    return f"Report {random.getrandbits(40):x}\n\n{' '.join(lines)}\n".encode()
