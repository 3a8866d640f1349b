"""Finds out what a language model can be trusted with, before it reads or answers anything."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter

from app.domain.graph import Assertion
from app.domain.models import Band, ModelInfo, ProbeResult
from app.domain.names import fold
from app.errors import CancelledError, InvalidInputError, ModelOutputError
from app.pipeline.model_asking import ask, room_for_answer
from app.pipeline.model_output import FACTS_SCHEMA, ModelFact, read_facts
from app.pipeline.model_reading import facts_messages, prompt_version
from app.pipeline.probe_items import PROBE_ITEMS, ProbeItem
from app.pipeline.prompting import hash_prompt
from app.pipeline.verification import find_tokens
from backends.cache.base import CacheStore
from backends.llm.base import LanguageModel

NO_MODEL = ProbeResult(None, Band.RULES_ONLY, reason="No language model is configured or found; rules read alone.")
GOLD_PAIRS = sum(len(item.pairs) for item in PROBE_ITEMS)
_LEADING = (9, 0.95)
_HELPING = (7, 0.8)
_ANSWER_TOKENS = 512
_SCOPE = "models"
_SLOW_KEPT_SECONDS = 3600.0
"""A machine that was busy is tried again; every other result stays until the model or the prompt changes."""
_RESULT = TypeAdapter(ProbeResult)


def probe(
    model: LanguageModel,
    *,
    cache: CacheStore,
    limit_seconds: float = 180.0,
    clock: Callable[[], float] = time.monotonic,
) -> ProbeResult:
    """The result for the model that the server has now, from the cache where its digest was tried before.

    Raises BackendUnavailableError when the server goes away. More than `limit_seconds` in all is too slow.
    """
    info = model.describe()
    key = "probe/" + hash_prompt(info.backend, info.name, info.digest, str(info.window_tokens), _version())
    stored = cache.get(key, scope=_SCOPE)
    if stored is not None:
        return _RESULT.validate_json(stored)
    trial = _Trial(model, info, limit_seconds=limit_seconds, clock=clock)
    result = trial.run()
    ttl_seconds = _SLOW_KEPT_SECONDS if trial.too_slow else None
    cache.put(key, _RESULT.dump_json(result), scope=_SCOPE, ttl_seconds=ttl_seconds)
    return result


def override_band(result: ProbeResult, band: Band, *, reason: str) -> ProbeResult:
    """The result with another band; `reason` is the administrator's own and is shown beside it."""
    return replace(
        result,
        band=band,
        reason=f"Set by an administrator: {reason.strip()} The probe said: {result.reason}",
        too_slow=False,
    )


def judge_probe(result: ProbeResult) -> ProbeResult:
    """The result with the band that its figures allow and the sentence that says why."""
    if not result.valid_json:
        return replace(result, band=Band.RULES_ONLY, reason="Its answers are no readable JSON; rules read alone.")
    found = f"It found {result.gold_pairs} of {GOLD_PAIRS} facts and copied {result.verbatim:.0%} of the words"
    flaws = [
        flaw
        for flaw, present in (
            ("lost a negation", not result.negation_kept),
            ("made up a fact", not result.empty_item_empty),
        )
        if present
    ]
    if _reaches(result, _LEADING) and not flaws:
        return replace(result, band=Band.MODEL_LED, reason=f"{found}; it reads first.")
    found = f"{found}{''.join(f', {flaw}' for flaw in flaws)}"
    if _reaches(result, _HELPING):
        return replace(result, band=Band.RULES_AND_MODEL, reason=f"{found}; it adds to the rules.")
    return replace(result, band=Band.RULES_ONLY, reason=f"{found}, which is too little; rules read alone.")


def _reaches(result: ProbeResult, bound: tuple[int, float]) -> bool:
    return result.gold_pairs >= bound[0] and result.verbatim >= bound[1]


def _version() -> str:
    return hash_prompt(prompt_version(), str(PROBE_ITEMS))


@dataclass
class _Tally:
    pairs: int = 0
    arguments: list[bool] = field(default_factory=list)
    negation_kept: bool = False
    empty_item_empty: bool = False

    def add(self, item: ProbeItem, facts: Sequence[ModelFact]) -> None:
        text = " ".join(item.sentences)
        self.arguments += [bool(find_tokens(end, text)) for fact in facts for end in (fact.subject, fact.object)]
        found = {pair: [fact for fact in facts if _is_pair(fact, pair)] for pair in item.pairs}
        self.pairs += sum(bool(matching) for matching in found.values())
        if item.negated:
            stated = [fact for matching in found.values() for fact in matching]
            self.negation_kept = bool(stated) and all(fact.status is Assertion.NEGATED for fact in stated)
        if not item.pairs:
            self.empty_item_empty = not facts


class _Trial:
    """One run over the items."""

    def __init__(
        self, model: LanguageModel, info: ModelInfo, *, limit_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._model = model
        self._info = info
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._started = clock()
        self.too_slow = False

    def run(self) -> ProbeResult:
        tally = _Tally()
        try:
            for item in PROBE_ITEMS:
                tally.add(item, self._facts(item))
        except (ModelOutputError, InvalidInputError):
            return judge_probe(ProbeResult(self._info, Band.RULES_ONLY, seconds=self._seconds()))
        except CancelledError:
            self.too_slow = True
            reason = f"It needed more than {self._limit_seconds:.0f} seconds for five short texts; rules read alone."
            return ProbeResult(self._info, Band.RULES_ONLY, seconds=self._seconds(), reason=reason, too_slow=True)
        return judge_probe(
            ProbeResult(
                self._info,
                Band.RULES_ONLY,
                gold_pairs=tally.pairs,
                verbatim=sum(tally.arguments) / len(tally.arguments) if tally.arguments else 0.0,
                negation_kept=tally.negation_kept,
                empty_item_empty=tally.empty_item_empty,
                valid_json=True,
                seconds=self._seconds(),
            )
        )

    def _facts(self, item: ProbeItem) -> list[ModelFact]:
        messages = facts_messages(item.sentences, ontology="general")
        room = room_for_answer(self._model, messages, window_tokens=self._info.window_tokens, at_most=_ANSWER_TOKENS)
        answer = ask(self._model, messages, max_tokens=room, schema=FACTS_SCHEMA, go_on=self._in_time)
        facts, malformed = read_facts(answer)
        if malformed:
            raise ModelOutputError("The language model did not keep to the agreed form.")
        return facts

    def _in_time(self) -> bool:
        return self._seconds() <= self._limit_seconds

    def _seconds(self) -> float:
        return self._clock() - self._started


def _is_pair(fact: ModelFact, pair: tuple[str, str]) -> bool:
    ends = [{fold(wording) for wording in end.split("|")} for end in pair]
    given = [fold(fact.subject), fold(fact.object)]
    return any(one in ends[0] and other in ends[1] for one, other in (given, given[::-1]))
