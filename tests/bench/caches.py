"""Questions answered from the cache: how much faster, and how many of a day's, through the services and real stores.

python -m tests.bench.caches [--documents 20] [--asked 5000] [--distinct 500] [--alone 20]; writes its section of
RESULTS.md. The language model is a scripted one at the pace of a 7B model on one slot: it reads 4,000 tokens a second
and writes 60. For `--asked` people ask in turn by Zipf's law, and sentences are quoted, since only what is found again
is counted there.
"""

import argparse
import os
import platform
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor, Role
from app.domain.answers import Answer, Mode
from app.domain.ids import WorkspaceId
from app.domain.models import Message
from app.pipeline.model_answering import AnswerWriter
from app.services.documents import Upload
from app.settings import load_settings
from backends.llm.base import Piece
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings
from tests.bench.questions import VERBS, names
from tests.security.results import write_section
from tests.working import work_off

ROOT = Path(__file__).parents[2]
_READ_A_SECOND, _WRITTEN_A_SECOND = 4_000.0, 60.0
_WRITTEN = " ".join(f"The documents state this in their passage number {number} [1]." for number in range(1, 11))
_PEOPLE, _SCOPES = 20, 4
_INDEXED_TOGETHER = 5


class Paced(ScriptedLanguageModel):
    """Counts its calls."""

    def __init__(self) -> None:
        answer = ScriptedAnswer(text=_WRITTEN)
        super().__init__(ScriptedSettings(answers=(answer,), seconds_per_piece=1 / _WRITTEN_A_SECOND))
        self.calls = 0

    def stream(self, messages: Sequence[Message], **options: Any) -> Iterator[Piece]:
        self.calls += 1
        time.sleep(sum(self.count_tokens(message.text) for message in messages) / _READ_A_SECOND)
        return super().stream(messages, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--asked", type=int, default=5_000)
    parser.add_argument("--distinct", type=int, default=500)
    parser.add_argument("--alone", type=int, default=20)
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "bench" / "RESULTS.md")
    options = parser.parse_args()
    draw = random.Random(7)
    known = names(options.distinct, draw)
    with tempfile.TemporaryDirectory() as folder:
        services = open_services(load_settings(data_dir=Path(folder) / "data", llm={"kind": "none"}))
        try:
            ward, people = _set_up(services, known, options.documents, draw)
            questions = [f"Who {draw.choice(VERBS)} {known[number]}?" for number in range(options.distinct)]
            lines = [
                *_alone(services, ward, questions[: options.alone]),
                *_at_once(services, ward, questions[-1]),
                *_by_many(services, ward, people, questions, options.asked, draw),
            ]
        finally:
            services.close()
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    command = (
        f"python -m tests.bench.caches --documents {options.documents} --asked {options.asked} --alone {options.alone}"
    )
    heading = f"## Cached questions\n\n`{command}` ({made}, Python {platform.python_version()})\n"
    about = (
        "Embedded profile, ONNX embeddings, SQLCipher. A cached question reads what the person may see, the answer, and"
        " writes its audit event and its place in the history, both on disk.\n"
    )
    section = "\n".join([heading, about, "| what | figure |", "|---|---|", *lines])
    print(section)
    write_section(options.results, "caches", section)


def _set_up(
    services: Services, known: Sequence[str], documents: int, draw: random.Random
) -> tuple[WorkspaceId, list[Actor]]:
    """A workspace of which every person sees all but a document that is kept from the others of three scopes."""
    ward = services.workspaces.add(OPERATOR, name="Bench", ontology="finance").id
    files = []
    for number in range(documents):
        lines = [
            f"{known[place % len(known)]} {draw.choice(VERBS)} {draw.choice(known)} since {1990 + place % 35}."
            for place in range(number * 25, number * 25 + 25)
        ]
        files.append(Upload(f"report{number}.txt", f"Report {number}\n\n{' '.join(lines)}\n".encode()))
    added = []
    for start in range(0, len(files), _INDEXED_TOGETHER):
        some = files[start : start + _INDEXED_TOGETHER]
        added += [one.document for one in services.documents.upload(OPERATOR, workspace_id=ward, files=some)]
        work_off(services)
    people = []
    for number in range(_PEOPLE):
        user = services.users.add(OPERATOR, username=f"p{number}", name=f"P {number}", roles=()).user
        services.workspaces.set_member(OPERATOR, workspace_id=ward, user_id=user.id, role=Role.ANALYST)
        people.append(services.sessions.actor_of(user, session_id=f"s{number}", address="127.0.0.1", channel="web"))
    for scope in range(1, _SCOPES):
        document = added[scope]
        assert document is not None
        its_own = [person.user_id for number, person in enumerate(people) if number % _SCOPES == scope]
        services.access.set(OPERATOR, workspace_id=ward, document_id=document.id, user_ids=its_own)
    return ward, people


def _ask(services: Services, actor: Actor, ward: WorkspaceId, text: str, **how: Any) -> tuple[float, Answer]:
    started = time.perf_counter()
    *_, answer = services.questions.ask(actor, workspace_id=ward, text=text, **how)
    return time.perf_counter() - started, answer


def _model(services: Services) -> tuple[Any, Paced, AnswerWriter]:
    answerer: Any = services.questions._answerer._answerer
    model = Paced()
    embedder = answerer._retriever.find_space(WorkspaceId("any")).embedder
    writer = AnswerWriter(model, info=model.describe(), parser=answerer._retriever._parser, embedder=embedder)
    return answerer, model, writer


def _alone(services: Services, ward: WorkspaceId, questions: Sequence[str]) -> Iterator[str]:
    """Each question anew and from the cache in turn, so that both meet the same load."""
    answerer, _, writer = _model(services)
    _ask(services, OPERATOR, ward, "Who audits nobody at all?")
    for who, find in (("by a model of 60 tokens/s", lambda: writer), ("quoting", lambda: None)):
        before, answerer._find_writer = answerer._find_writer, find
        anew, cached, used = [], [], 0.0
        for question in questions:
            seconds, answer = _ask(services, OPERATOR, ward, question, mode=Mode.RAG, fresh=True)
            before_cpu = time.process_time()
            again = [_ask(services, OPERATOR, ward, question, mode=Mode.RAG) for _ in range(3)]
            spent_cpu = time.process_time() - before_cpu
            assert all(one.kept_at is not None for _, one in again)
            assert answer.refused or (answer.model is None) == (find() is None)
            if not answer.refused:
                anew.append(seconds)
                cached += [spent for spent, _ in again]
                used += spent_cpu
        answerer._find_writer = before
        ratio = statistics.median(anew) / statistics.median(cached)
        yield f"| {len(anew)} questions answered anew, {who} | p50 {_ms(anew)} |"
        cpu_ms = used / len(cached) * 1000
        yield f"| the same from the cache | p50 {_ms(cached)}, {cpu_ms:.0f} ms of CPU; {ratio:,.0f} times faster |"


def _at_once(services: Services, ward: WorkspaceId, question: str) -> Iterator[str]:
    answerer, model, writer = _model(services)
    before, answerer._find_writer = answerer._find_writer, lambda: writer
    number = 100
    barrier = Barrier(number)

    def one(_: int) -> tuple[float, Answer]:
        barrier.wait()
        return _ask(services, OPERATOR, ward, question, mode=Mode.RAG)

    with ThreadPoolExecutor(number) as threads:
        answered = list(threads.map(one, range(number)))
    answerer._find_writer = before
    seconds = max(spent for spent, _ in answered)
    same = len({answer.text for _, answer in answered})
    yield (
        f"| {number} equal questions at once, one process | {model.calls} call of the model, {same} answer,"
        f" the last after {seconds:.1f} s |"
    )


def _by_many(
    services: Services,
    ward: WorkspaceId,
    people: Sequence[Actor],
    questions: Sequence[str],
    asked: int,
    draw: random.Random,
) -> Iterator[str]:
    """Zipf's law with exponent 1. An answer that was given before must have been made for the same scope."""
    weights = [1 / rank for rank in range(1, len(questions) + 1)]
    hits: Counter[int] = Counter()
    totals: Counter[int] = Counter()
    made_for: dict[tuple[str, datetime], set[int]] = defaultdict(set)
    asked_in: set[tuple[int, str]] = set()
    across = 0
    started = time.perf_counter()
    for text in draw.choices(questions, weights, k=asked):
        number = draw.randrange(len(people))
        scope = number % _SCOPES
        _, answer = _ask(services, people[number], ward, text, mode=Mode.RAG)
        totals[scope] += 1
        if answer.kept_at is not None:
            hits[scope] += 1
            across += (scope, text) not in asked_in
            made_for[text, answer.kept_at].add(scope)
        asked_in.add((scope, text))
    across += sum(len(scopes) > 1 for scopes in made_for.values())
    ratios = " ".join(f"{hits[scope] / totals[scope]:.2f}" for scope in sorted(totals))
    reachable = 1 - len(asked_in) / asked
    yield (
        f"| {asked:,} questions by Zipf's law, {len(questions)} distinct, {len(people)} people in {_SCOPES} scopes |"
        f" found again within the scopes {ratios} (at best {reachable:.2f} in all), across scopes {across};"
        f" {time.perf_counter() - started:.0f} s |"
    )


def _ms(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:,.1f} ms"


if __name__ == "__main__":
    main()
