"""Rounds in which an installation indexes documents while its processes are killed, and what is left afterwards."""

import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.ids import WorkspaceId
from app.domain.jobs import JobState, Stage
from app.sample_sets import find_sample_sets
from app.settings import Settings, load_settings
from tests.security.contents import Contents, contents, cut_off, leftovers, problems
from tests.security.killing import CHROMA, EVERYTHING, ROOT, SEALER, UP, WEB, WORKER, Application, Killer, Person

KINDS = (WORKER, WORKER, WEB, EVERYTHING, UP, SEALER)
"""What is killed; what stands there twice is killed twice as often."""
USERNAME, PASSWORD = "ilse", "four unrelated words here"
_OF_MODEL = re.compile(r" [0-9a-f]{64} (?:model|both) ")
_OPEN = [state.value for state in JobState if not state.finished]
_ROUND_SECONDS = 7_200.0
_SWEPT_SECONDS = 60.0
"""Within it a new worker has looked through the stored files twice, ten seconds apart."""
_T = TypeVar("_T")


@dataclass
class Survived:
    documents: int = 0
    rounds: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    cut_off: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    undisturbed: dict[str, int] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0


def make_documents(count: int, *, only: Container[str] | None = None) -> list[tuple[str, bytes]]:
    """The shipped samples, and copies of them under other names whose bytes differ where no reader looks; `only` those
    with these suffixes."""
    samples = [path for one in find_sample_sets() for path in one.files if only is None or path.suffix in only]
    found = []
    for number in range(count):
        copy, place = divmod(number, len(samples))
        path = samples[place]
        name = f"copy {copy} of {path.name}" if copy else path.name
        found.append((name, _marked(path, copy)))
    return found


def _marked(path: Path, copy: int) -> bytes:
    content = path.read_bytes()
    if not copy:
        return content
    if path.suffix == ".pdf":
        return content + f"\n% copy {copy}\n".encode()
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content + b"\n" * copy
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = f"copy {copy}".encode()
    return target.getvalue()


class Attack:
    """One installation on which rounds are run, each in a workspace of its own."""

    def __init__(
        self,
        application: Application,
        settings: Settings,
        *,
        documents: Sequence[tuple[str, bytes]],
        kinds: Sequence[str] = KINDS,
    ) -> None:
        """`settings` are those that the application gets from its environment."""
        self._application = application
        self._settings = settings
        self._documents = documents
        self._kinds = kinds
        self._undisturbed: Contents | None = None
        self.survived = Survived(documents=len(documents))

    def begin(self) -> None:
        """Start, and index everything once without a kill."""
        self._application.wait_until_ready()
        self._person = Person(self._application, username=USERNAME, password=PASSWORD)
        self._with_services(_add_person)
        workspace_id, added, here = self._index(None)
        self._undisturbed, wrong, _ = self._with_services(lambda one: _look(one, workspace_id, added, here))
        self.survived.undisturbed = self._undisturbed.counts()
        assert not wrong, wrong
        assert self.survived.undisturbed["facts"], "nothing was found to compare"

    @property
    def of_model(self) -> int:
        """Places of evidence of the undisturbed run in which a language model had a part."""
        held = self._undisturbed.evidence if self._undisturbed else Counter[str]()
        return sum(number for place, number in held.items() if _OF_MODEL.search(place))

    def round(self, *, kills: int, seconds_between: float, random: Random, share: float = 0.0) -> None:
        killer = Killer(
            self._application, self._kinds, kills=kills, seconds_between=seconds_between, random=random, share=share
        )
        workspace_id, added, here = self._index(killer)
        found, wrong, cut = self._with_services(lambda one: _look(one, workspace_id, added, here))
        assert self._undisturbed is not None
        wrong += self._undisturbed.differences(found)
        survived = self.survived
        survived.rounds += 1
        survived.killed += killer.killed
        survived.cut_off += cut
        survived.wrong += [f"round {survived.rounds}: {one}" for one in wrong]
        survived.unanswered = self._person.unanswered

    def finish(self) -> None:
        """Let what was cut off be swept, end in order, and look at the whole."""
        until = time.monotonic() + _SWEPT_SECONDS
        while (left := self._with_services(leftovers)) and time.monotonic() < until:
            time.sleep(1)
        self.survived.wrong += left
        self._application.end()
        command = [str(Path(sys.executable).with_name("dafe")), "audit", "verify", "--json"]
        run = subprocess.run(
            command, env=self._application.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        result = json.loads(run.stdout)
        self.survived.events = result["events"]
        if run.returncode or result["ok"] is not True:
            self.survived.wrong.append(f"dafe audit verify: {result['findings']} {run.stderr}")

    def end(self) -> None:
        """Leave no process."""
        while self._application.kill(EVERYTHING):
            pass

    def _index(self, killer: Killer | None) -> tuple[WorkspaceId, set[str], set[str]]:
        """Upload all and wait until all is done, killing meanwhile; which were said to be added, and to be here."""
        name = "Undisturbed" if killer is None else f"Round {self.survived.rounds + 1}"
        workspace_id = self._with_services(lambda one: _add_workspace(one, name))
        if killer is not None:
            killer.start()
        try:
            added, here = self._upload(workspace_id, killer)
            until = time.monotonic() + _ROUND_SECONDS
            path = f"/workspaces/{workspace_id}/jobs"
            while (jobs := self._open_jobs(path, killer)) or self._lacks_jobs(path, added | here):
                assert time.monotonic() < until, f"not indexed in time: {jobs}"
                time.sleep(0.5)
        finally:
            if killer is not None:
                killer.end()
        self._application.wait_until_ready()
        return workspace_id, added, here

    def _open_jobs(self, path: str, killer: Killer | None) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self._person.ask("GET", path, params={"state": _OPEN}).json()
        if killer is not None and any(job["stage"] == Stage.EXTRACTING for job in jobs):
            killer.at_work.set()
        return jobs

    def _lacks_jobs(self, path: str, wanted: set[str]) -> bool:
        """A job that was cut off before it was written is written by the next look for what was left half done."""
        return bool(
            wanted - {job["document_id"] for job in self._person.ask("GET", path, params={"limit": 1000}).json()}
        )

    def _upload(self, workspace_id: WorkspaceId, killer: Killer | None) -> tuple[set[str], set[str]]:
        added: set[str] = set()
        here: set[str] = set()
        for name, content in self._documents:
            answer = self._person.ask("POST", f"/workspaces/{workspace_id}/documents", files={"files": (name, content)})
            if killer is not None:
                killer.at_work.set()
            for one in answer.json():
                assert one["state"] in {"added", "already_here"}, one
                if one["document"] is not None:
                    (added if one["state"] == "added" else here).add(one["document"]["id"])
        return added, here - added

    def _with_services(self, do: Callable[[Services], _T]) -> _T:
        """Opened for the moment: while the application is killed no other process holds its database open."""
        services = open_services(self._settings)
        try:
            return do(services)
        finally:
            services.close()


def attack_of_profile(folder: Path, *, profile: str, documents: int, embeddings: str = "hashing") -> Attack:
    """On an installation in this folder that needs no server."""
    settings = load_settings(
        data_dir=folder.resolve() / "data",
        profile=profile,
        embeddings={"kind": embeddings},
        llm={"kind": "none"},
        samples=False,
    )
    variables = {"DAFE_PROFILE": profile, "DAFE_EMBEDDINGS__KIND": embeddings, "DAFE_LLM__KIND": "none"}
    return Attack(
        Application(folder, {**variables, "DAFE_SAMPLES": "false"}),
        settings,
        documents=make_documents(documents),
        kinds=(*KINDS, CHROMA, CHROMA) if profile == "workstation" else KINDS,
    )


def _add_person(services: Services) -> None:
    added = services.users.add(OPERATOR, username=USERNAME, name=USERNAME)
    signed_in = services.sessions.sign_in(username=USERNAME, password=added.password, address="127.0.0.1", agent="")
    actor = services.sessions.actor_for(signed_in.token, address="127.0.0.1")
    services.users.change_own_password(actor, old=added.password, new=PASSWORD)


def _add_workspace(services: Services, name: str) -> WorkspaceId:
    workspace = services.workspaces.add(OPERATOR, name=name, ontology="clinical")
    (person,) = (one for one in services.users.list(OPERATOR) if one.username == USERNAME)
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=person.id, role=Role.CLINICIAN)
    return workspace.id


def _look(
    services: Services, workspace_id: WorkspaceId, added: set[str], here: set[str]
) -> tuple[Contents, list[str], Counter[str]]:
    actions = ("documents.upload", "worker.index")
    cut = Counter({action: cut_off(services, workspace_id, action) for action in actions})
    return contents(services, workspace_id), problems(services, workspace_id, added=added, here=here), cut
