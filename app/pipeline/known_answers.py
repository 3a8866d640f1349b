"""Keeps finished answers for a while: who asks the same of the same documents gets the same answer at once."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from pydantic import TypeAdapter

from app.domain.answers import Answer, Mode
from app.domain.ids import VersionId
from app.errors import BackendUnavailableError
from app.pipeline.answering import Answerer, Scope
from app.pipeline.cache_keys import answers_scope, cache_key, corpus_digest
from app.pipeline.model_answering import NOTHING_FOUND
from app.pipeline.single_flight import SingleFlight
from backends.cache.base import CacheStore, Layer

_LOOK_AGAIN_SECONDS = 0.5
_LOOK_EVERY_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 30.0
"""For another process's answer; its reader may have gone to sleep."""
_FORM = "2"
"""To be changed when the same documents give another answer, or answers are written otherwise."""


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    at: datetime


@dataclass(frozen=True)
class _Asked:
    question: str
    scope: Scope
    mode: Mode
    version: str
    """Who answers."""
    look_again: Callable[[], frozenset[VersionId]]

    @cached_property
    def corpus(self) -> str:
        return corpus_digest(self.scope.permitted)

    @cached_property
    def key(self) -> str:
        here = self.scope.workspace
        settings = (self.version, str(here.refuse_below), str(here.weak_below), self.mode)
        return cache_key(Layer.ANSWER, _FORM, here.id, self.corpus, *settings, self.question)

    @property
    def place(self) -> str:
        return answers_scope(self.scope.workspace.id)

    def is_all_there(self) -> bool:
        """Whether everything that was searched may still be seen; what came since is another corpus."""
        return self.scope.permitted <= self.look_again()


_KEPT = TypeAdapter(_Kept)


class KnownAnswers:
    """Answers are shared by people who may see the same versions of documents, and by nobody else. Equal
    questions at once are answered once, and where `lead` knows them once by all processes. Threads may share this
    object."""

    def __init__(
        self,
        answerer: Answerer,
        *,
        cache: CacheStore,
        ttl_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lead: Callable[[str], AbstractContextManager[bool]] = lambda _key: nullcontext(True),
    ) -> None:
        """With 0 seconds every question is answered by itself. `lead` tells whether no other process answers what has
        this key, and keeps others from it within its block."""
        self._answerer = answerer
        self._cache = cache
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._lead = lead
        self._flights = SingleFlight()

    def answer(
        self,
        question: str,
        *,
        scope: Scope,
        mode: Mode,
        look_again: Callable[[], frozenset[VersionId]],
        fresh: bool = False,
    ) -> Generator[Answer, None, None]:
        """As `Answerer.answer`; one that was kept comes alone, with the time at which it was made.

        `look_again` gives the versions that the person may see then. With `fresh` it is made anew and kept in place of
        the old one.
        """
        if not self._ttl_seconds:
            yield from self._answerer.answer(question, scope=scope, mode=mode)
            return
        began = time.monotonic()
        asked = _Asked(question, scope, mode, self._answerer.version(scope.workspace.id), look_again)
        if fresh:
            yield from self._compute(asked, search_anew=True)
        else:
            yield from self._flights.follow(asked.key, lambda: self._begin(asked, began))

    def _begin(self, asked: _Asked, began: float) -> Generator[Answer, None, None]:
        """Found, or computed here, or waited for while another process computes it."""
        until = time.monotonic() + _LONGEST_WAIT_SECONDS
        while True:
            with self._lead(asked.key) as leads:
                if leads or time.monotonic() >= until or self._find(asked):
                    yield from self._answer_after(asked, time.monotonic() - began)
                    return
            time.sleep(_LOOK_EVERY_SECONDS)

    def _answer_after(self, asked: _Asked, waited_seconds: float) -> Generator[Answer, None, None]:
        """Who waited for somebody else's answer in vain gets one from what of it may still be seen."""
        if waited_seconds > _LOOK_AGAIN_SECONDS and not asked.is_all_there():
            now = asked.look_again()
            left = {version_id: version for version_id, version in asked.scope.documents.items() if version_id in now}
            asked = replace(asked, scope=replace(asked.scope, documents=left))
        yield from self._find_or_compute(asked)

    def _find_or_compute(self, asked: _Asked) -> Generator[Answer, None, None]:
        started = time.perf_counter()
        kept = self._find(asked)
        if kept is None:
            yield from self._compute(asked)
        else:
            yield replace(kept.answer, kept_at=kept.at, timings={"kept": time.perf_counter() - started})

    def _find(self, asked: _Asked) -> _Kept | None:
        stored = self._cache.get(asked.key, scope=asked.place)
        try:
            return None if stored is None else _KEPT.validate_json(stored)
        except ValueError:  # Of another version of this program.
            return None

    def _compute(self, asked: _Asked, *, search_anew: bool = False) -> Generator[Answer, None, None]:
        corpus = None if search_anew else asked.corpus
        try:
            with closing(
                self._answerer.answer(asked.question, scope=asked.scope, mode=asked.mode, corpus=corpus)
            ) as answers:
                for answer in answers:
                    if answer.finished:
                        self._keep(answer, asked)
                    yield answer
        finally:
            self._check(asked)

    def _keep(self, answer: Answer, asked: _Asked) -> None:
        """Nothing cut or given in the place of what a model should have written."""
        is_whole = (
            answer.notice in {"", NOTHING_FOUND} and self._answerer.version(asked.scope.workspace.id) == asked.version
        )
        kept = _KEPT.dump_json(_Kept(answer, self._clock()))
        with suppress(BackendUnavailableError):  # It was answered all the same.
            if is_whole and asked.is_all_there():
                self._cache.put(asked.key, kept, scope=asked.place, ttl_seconds=self._ttl_seconds)

    def _check(self, asked: _Asked) -> None:
        """What was found or answered may have been put after it was removed with its document: it is removed again."""
        with suppress(BackendUnavailableError):
            if not asked.is_all_there():
                self._cache.delete_scope(asked.place)
