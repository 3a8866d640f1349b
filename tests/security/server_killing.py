"""The cluster profile on real servers, and what kills these like the processes of the application."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any, Protocol

from app.settings import load_settings
from tests.security.kill_rounds import Attack, make_documents
from tests.security.killing import WORKER, Application
from tests.servers.clusters import plain, variables
from tests.servers.real_neo4j import RealNeo4j, real_neo4j
from tests.servers.real_ollama import MODEL, RealOllama, real_ollama
from tests.servers.real_postgres import RealPostgres, metadata_settings, prepare_audit, real_postgres
from tests.servers.real_qdrant import qdrant_server
from tests.servers.real_redis import RealRedis
from tests.services.letters import DRUGS

POSTGRES, CONNECTION, REDIS, NEO4J = "PostgreSQL", "process of a PostgreSQL connection", "Redis", "Neo4j"
OLLAMA, RUNNER = "Ollama", "Ollama's runner"
KINDS = (POSTGRES, CONNECTION, REDIS, NEO4J, OLLAMA, RUNNER, WORKER)
_WINDOW_TOKENS = 2_048
"""Leaves a few hundred tokens for an answer: what SmolLM2 says without end does not last for minutes."""
_TABLES = frozenset({".csv", ".json", ".xlsx"})
_PEOPLE = "Marisol Tennant|Petra Oduya|Ilse Marrow|Peter Wendlock|Ruth Amberley|Elias Norvik|Hugo Kestrane".split("|")
_LONGEST_AWAY_SECONDS = 6.0
_START_SECONDS = 300.0
_WORKERS, _BAND = 2, "rules_and_model"


class Server(Protocol):
    """One of tests.servers: it comes again on its port and its files."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


@dataclass(frozen=True)
class Servers:
    postgres: RealPostgres
    redis: RealRedis
    neo4j: RealNeo4j
    ollama: RealOllama

    def whole(self) -> dict[str, Server]:
        return {POSTGRES: self.postgres, REDIS: self.redis, NEO4J: self.neo4j, OLLAMA: self.ollama}

    def parts(self) -> dict[str, Callable[[], Sequence[int]]]:
        """Processes of which a server makes new ones itself."""
        return {CONNECTION: self.postgres.clients, RUNNER: self.ollama.runners}


class ServedApplication(Application):
    """`kill` takes the servers' kinds too, and one worker at a time: several servers may be away together, each of them
    for a random time."""

    def __init__(self, folder: Path, settings: dict[str, str], *, servers: Servers, random: Random) -> None:
        super().__init__(folder, settings)
        self._servers = servers
        self._random = random
        self._coming: dict[str, Thread] = {}
        self._lost: list[str] = []

    def kill(self, wanted: str) -> bool:
        if wanted in (whole := self._servers.whole()):
            return self._kill_server(wanted, whole[wanted])
        if wanted in (parts := self._servers.parts()):
            return self._kill_one([] if self._is_away(wanted) else parts[wanted]())
        if wanted == WORKER:
            return self._kill_one([process for process, name in self.find_processes().items() if name == WORKER])
        return super().kill(wanted)

    def keep_up(self) -> None:
        assert not self._lost, self._lost
        super().keep_up()

    def wait_until_ready(self) -> None:
        """The servers before it."""
        self.wait_for_servers()
        super().wait_until_ready()

    def wait_for_servers(self) -> None:
        for thread in self._coming.values():
            thread.join(_START_SECONDS)

    def _kill_server(self, name: str, server: Server) -> bool:
        if self._is_away(name):
            return False
        server.kill()
        seconds = self._random.uniform(0, _LONGEST_AWAY_SECONDS)
        self._coming[name] = Thread(target=self._start, args=(name, server, seconds), name=name, daemon=True)
        self._coming[name].start()
        return True

    def _start(self, name: str, server: Server, seconds: float) -> None:
        time.sleep(seconds)
        try:
            server.start()
        except Exception as error:  # noqa: BLE001 - said by `keep_up` in another thread
            self._lost.append(f"{name}: {error}")

    def _is_away(self, name: str) -> bool:
        whole = {CONNECTION: POSTGRES, RUNNER: OLLAMA}.get(name, name)
        return whole in self._coming and self._coming[whole].is_alive()

    def _kill_one(self, processes: Sequence[int]) -> bool:
        if not processes:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._random.choice(processes), signal.SIGKILL)
            return True
        return False


def letters_and_tables(count: int) -> list[tuple[str, bytes]]:
    """Letters, two of five with a sentence that the language model is asked about, and the shipped tables in turn."""
    tables = make_documents(count // 2, only=_TABLES)
    letters = [(f"letter {number}.txt", _letter(number)) for number in range(count - len(tables))]
    return [one for pair in zip_longest(letters, tables) for one in pair if one is not None]


def _letter(number: int) -> bytes:
    drug, other = DRUGS[number % 10].title(), DRUGS[(number * 7 + 3) % 10]
    text = f"Letter {number}\n\n{drug} interacts with {other} in patient group {number}."
    if number % 5 < 2:  # Two names that the rules do not join.
        text += f" {_PEOPLE[number % 7]}, with {_PEOPLE[(number + 3) % 7]} at Carrick Hospital."
    return f"{text}\n".encode()


@contextmanager
def served_attack(folder: Path, *, documents: Sequence[tuple[str, bytes]], seed: int) -> Iterator[Attack]:
    """An attack on the cluster profile with two workers, where rules and SmolLM2 in Ollama read. Servers and processes
    end with the block."""
    with ExitStack() as closing:
        postgres = closing.enter_context(real_postgres())
        redis = RealRedis(folder / "redis")
        closing.callback(redis.kill)
        redis.start()
        neo4j = closing.enter_context(real_neo4j(_made(folder / "neo4j")))
        ollama = closing.enter_context(real_ollama(_made(folder / "ollama"), num_ctx=_WINDOW_TOKENS))
        database = postgres.new_database()
        prepare_audit(postgres, database)
        chosen: dict[str, dict[str, Any]] = {
            "metadata": plain(metadata_settings(postgres, database)),
            "graph": plain(neo4j.settings()),
            "vectors": plain(closing.enter_context(qdrant_server())),
            "queue": {"kind": "redis", **redis.values()},
            "cache": {"kind": "redis", **redis.values()},
            "llm": {"kind": "ollama", "url": ollama.url, "model": MODEL, "num_ctx": _WINDOW_TOKENS},
            "embeddings": {"kind": "hashing"},
        }
        settings = load_settings(
            data_dir=folder.resolve() / "data",
            profile="cluster",
            samples=False,
            model_band=_BAND,
            workers=_WORKERS,
            **chosen,
        )
        given = {f"DAFE_{name}": value for name, value in variables(chosen).items()}
        given |= {"DAFE_LLM__KIND": "ollama", "DAFE_EMBEDDINGS__KIND": "hashing"}
        given |= {"DAFE_PROFILE": "cluster", "DAFE_SAMPLES": "false", "DAFE_MODEL_BAND": _BAND}
        given |= {"DAFE_WORKERS": str(_WORKERS)}
        servers = Servers(postgres, redis, neo4j, ollama)
        application = ServedApplication(folder, given, servers=servers, random=Random(seed))
        attack = Attack(application, settings, documents=documents, kinds=KINDS)
        closing.callback(attack.end)
        closing.callback(application.wait_for_servers)
        yield attack


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
