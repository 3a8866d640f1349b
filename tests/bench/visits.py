"""People who go between Home, Ask and Graph in tabs of their own, think in between, and look whose pages they get."""

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.bench.browser_tab import BrowserTab, Rerun

PAGES = ("Home", "Ask", "Graph")
ABOUT_A_FACT = "Does Mrs {} take warfarin"
"""Answered from the graph, whatever the embedder."""
ABOUT_PASSAGES = "Which medicine does {} take"
_OWNED = re.compile(rb"(?:Quorvax|Melbrand)[a-z]{3}")
"""A word that only one person or one workspace has."""
_CARDS = (b":red[:material/error:]", b"Your session ended", b"st.exception")


def word_of_person(number: int) -> str:
    return f"Quorvax{_letters(number)}"


def word_of_workspace(number: int) -> str:
    return f"Melbrand{_letters(number)}"


def _letters(number: int) -> str:
    """Letters and no digits, so that the word is read as a name."""
    return "".join("bcdfglmnrt"[int(digit)] for digit in f"{number:03}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in."""

    username: str
    token: str
    own_word: str
    """In the name that the page shows."""
    workspace_word: str
    """In the workspace's documents."""


@dataclass
class Seen:
    """What all tabs of a measurement saw."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Reruns that a person asked for, by page."""
    timer_seconds: list[float] = field(default_factory=list)
    answered_seconds: list[float] = field(default_factory=list)
    received_bytes: int = 0
    done: Counter[str] = field(default_factory=Counter)
    """What people did."""
    wrong: list[str] = field(default_factory=list)

    @property
    def clicks(self) -> int:
        """Reruns that people asked for."""
        return sum(map(len, self.seconds.values()))

    @property
    def reruns(self) -> int:
        return self.clicks + len(self.timer_seconds)


class _TimeIsOver(Exception):  # noqa: N818 - no error: it ends a walk
    pass


class Visit:
    """One visitor's tab. `think_seconds` is the mean between what they do; 0 does the next thing at once."""

    def __init__(
        self,
        address: str,
        visitor: Visitor,
        *,
        think_seconds: float,
        random: Random,
        questions: Sequence[str] = (ABOUT_A_FACT,),
    ) -> None:
        self._visitor = visitor
        self.seen = Seen()
        self._until = float("inf")
        self._think_seconds = think_seconds
        self._questions = questions
        self._random = random
        self._page = "Home"
        self._allowed = {visitor.own_word.encode(), visitor.workspace_word.encode()}
        self.tab = BrowserTab(address, visitor.token, noted=self._note, looked=self._look)

    def _note(self, rerun: Rerun) -> None:
        self.seen.received_bytes += rerun.received_bytes
        if rerun.by_timer:
            self.seen.timer_seconds.append(rerun.seconds)
        else:
            self.seen.seconds[self._page].append(rerun.seconds)

    def _look(self, content: bytes) -> None:
        for word in set(_OWNED.findall(content)) - self._allowed:
            self.seen.wrong.append(f"{self._visitor.username} on {self._page} sees {word.decode()}")
        for card in _CARDS:
            if card in content:
                self.seen.wrong.append(f"{self._visitor.username} on {self._page} has an error: {content!r:.600}")

    async def walk(self, *, until: float = float("inf"), rounds: int = 0) -> None:
        """Visit pages in turn until that time of `time.monotonic`, or so many rounds of all three."""
        self._until = until
        turn = self._random.randrange(len(PAGES)) if not rounds else 0
        with suppress(_TimeIsOver):
            await self._think(first=True)
            while time.monotonic() < until and (not rounds or turn < rounds * len(PAGES)):
                await self.visit(PAGES[turn % len(PAGES)])
                await self._think()
                turn += 1

    async def visit(self, page: str) -> None:
        try:
            await self._open(page)
            await {"Home": self._home, "Ask": self._ask, "Graph": self._graph}[page]()
        except LookupError as missing:
            self.seen.wrong.append(f"{self._visitor.username} on {page}: {missing}")
        else:
            self.seen.done[page] += 1

    async def _open(self, page: str) -> None:
        if not self.tab.is_open and page != "Home":
            await self._open("Home")
        self._page = page
        await self.tab.visit(page)
        self._one("menu_button", label=self._visitor.own_word)

    async def _home(self) -> None:
        self._one("metric", label="Facts with a quote")

    async def _ask(self) -> None:
        await self._think()
        question = self._random.choice(self._questions).format(self._visitor.workspace_word)
        begun = time.monotonic()
        await self.tab.submit(self._one("chat_input"), question)
        await self.tab.settle()
        self.seen.answered_seconds.append(time.monotonic() - begun)
        self._one("heading", body=question)
        answer = self._one("bidi_component", component_name="dafe_answer")
        cited = [number for sentence in _sentences(answer) for number in sentence["citations"]]
        await self._think()
        await self.tab.send(answer, "opened", cited[-1])
        self.seen.done["questions"] += 1

    async def _graph(self) -> None:
        await self._think()
        await self.tab.write(self._one("text_input", label="Find an entity"), self._visitor.workspace_word)
        suggested = self._one("button_group", label="Entities of this name")
        await self._think()
        await self.tab.choose(suggested, suggested.options[0].content)
        await self._think()
        canvas = self._one("bidi_component", component_name="dafe_graph_canvas")
        chosen = self._random.choice(json.loads(canvas.json)["nodes"])
        await self.tab.send(canvas, "expand", {"id": chosen["id"]})
        self._one("bidi_component", component_name="dafe_graph_canvas")
        self.seen.done["expansions"] += 1
        await self._think()
        await self.tab.press(self._one("button", label="Clear"))

    def _one(self, kind: str, **wanted: str) -> Any:
        """What a page must show. Raises LookupError."""
        found = self.tab.find(kind, **wanted)
        if not found:
            raise LookupError(f"no {kind} {wanted} beside {self.tab.words}")
        return found[0]

    async def _think(self, *, first: bool = False) -> None:
        """Raises _TimeIsOver in the midst of a long thought."""
        if self._think_seconds:
            mean = self._think_seconds
            seconds = self._random.uniform(0, mean) if first else self._random.expovariate(1 / mean)
            left = self._until - time.monotonic()
            await asyncio.sleep(min(seconds, max(0.0, left)))
            if seconds > left:
                raise _TimeIsOver


def _sentences(answer: Any) -> list[dict[str, Any]]:
    data = json.loads(answer.json)
    return [*data["sentences"], *data["quoted"]]
