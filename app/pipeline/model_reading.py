"""Has a language model read numbered sentences: one call, then one on each half, then given up."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.domain.documents import Chunk, ChunkState
from app.domain.graph import ProposedTriple
from app.domain.ids import WorkspaceId
from app.domain.models import Message, ModelInfo
from app.errors import BackendUnavailableError, InvalidInputError, ModelOutputError
from app.pipeline.cache_keys import cache_key
from app.pipeline.model_asking import ask, room_for_answer
from app.pipeline.model_output import FACTS_SCHEMA, MALFORMED, read_facts
from app.pipeline.ontology import ONTOLOGY_NAMES, describe_ontology, load_ontology
from app.pipeline.prompting import hash_prompt, read_prompt
from app.pipeline.verification import GATE_VERSION, ParsedSentence
from app.pipeline.words import words
from backends.cache.base import CacheStore, Layer
from backends.llm.base import LanguageModel

UNREADABLE = "the model's answer was not readable"
EXAMPLE_NAMES = frozenset({"quillbrook", "tarnmoor", "oskelin", "brindamide"})
"""Words that only the prompt's example has: the gate keeps them out of arguments, this out of relations."""
_FROM_EXAMPLE = "a name of the prompt's example"
_ANSWER_TOKENS = 1536
_NO_SUCH_SENTENCE = "sentence not there"


@dataclass(frozen=True, slots=True)
class ModelReading:
    """What the model offers the gate; `state` QUARANTINED means that nothing of its answers was used."""

    proposals: tuple[ProposedTriple, ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    state: ChunkState = ChunkState.EXTRACTED


def facts_messages(sentences: Sequence[str], *, ontology: str) -> tuple[Message, ...]:
    """The prompt, its constant part first, so that a server can keep what it computed for it."""
    numbered = "\n".join(f"{number}. {' '.join(text.split())}" for number, text in enumerate(sentences, start=1))
    system = f"{read_prompt('extraction')}\n\n{describe_ontology(load_ontology(ontology))}"
    return (Message("system", system), Message("user", f"Sentences:\n{numbered}"))


def prompt_version() -> str:
    """Changes with the prompt, the ontologies or the form of the answer."""
    texts = [read_prompt("extraction"), str(FACTS_SCHEMA)]
    return hash_prompt(*texts, *(describe_ontology(load_ontology(name)) for name in ONTOLOGY_NAMES))


class ModelReader:
    """Every finished answer is stored before it is used, so that none is asked for twice. Threads may share this."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        info: ModelInfo,
        cache: CacheStore,
        ontology_of: Callable[[WorkspaceId], str] = lambda _: "general",
    ) -> None:
        """`info` is what the probe tested; a model of another digest is not asked."""
        self._model = model
        self._info = info
        self._cache = cache
        self._ontology_of = ontology_of
        self.version = f"{info.digest}/{prompt_version()}/{GATE_VERSION}"

    def read(self, chunk: Chunk, sentences: Sequence[ParsedSentence], *, go_on: Callable[[], bool]) -> ModelReading:
        """Proposals from these sentences of the chunk; without sentences no call.

        Raises BackendUnavailableError when the model is away or another one, CancelledError when `go_on` says stop.
        """
        if not sentences:
            return ModelReading()
        if self._model.describe().digest != self._info.digest:
            raise BackendUnavailableError(
                "The language model is another one than was tested: it is tested again before it reads documents."
            )
        try:
            return self._read_once(chunk, sentences, go_on)
        except (ModelOutputError, InvalidInputError):
            return self._read_halves(chunk, sentences, go_on)

    def _read_halves(
        self, chunk: Chunk, sentences: Sequence[ParsedSentence], go_on: Callable[[], bool]
    ) -> ModelReading:
        middle = (len(sentences) + 1) // 2
        halves = [half for half in (sentences[:middle], sentences[middle:]) if half]
        try:
            if len(halves) < 2:
                raise ModelOutputError("A single sentence has no halves to try.")
            readings = [self._read_once(chunk, half, go_on) for half in halves]
        except (ModelOutputError, InvalidInputError):
            return ModelReading(refused={UNREADABLE: 1}, state=ChunkState.QUARANTINED)
        refused = sum((Counter(reading.refused) for reading in readings), Counter[str]())
        proposals = tuple(proposal for reading in readings for proposal in reading.proposals)
        return ModelReading(proposals, dict(refused), ChunkState.RETRIED)

    def _read_once(self, chunk: Chunk, sentences: Sequence[ParsedSentence], go_on: Callable[[], bool]) -> ModelReading:
        facts, malformed = read_facts(self._answer(chunk, sentences, go_on))
        refused = Counter({MALFORMED: malformed} if malformed else {})
        proposals = []
        for fact in facts:
            if not 1 <= fact.sentence <= len(sentences):
                refused[_NO_SUCH_SENTENCE] += 1
                continue
            foreign = EXAMPLE_NAMES.intersection(words(fact.relation))
            if foreign.difference(words(sentences[fact.sentence - 1].text)):
                refused[_FROM_EXAMPLE] += 1
                continue
            proposals.append(
                ProposedTriple(
                    sentence=sentences[fact.sentence - 1].span,
                    subject=fact.subject,
                    relation=fact.relation,
                    object=fact.object,
                    kind="model",
                    assertion=fact.status,
                )
            )
        return ModelReading(tuple(proposals), dict(refused))

    def _answer(self, chunk: Chunk, sentences: Sequence[ParsedSentence], go_on: Callable[[], bool]) -> str:
        messages = facts_messages(
            [sentence.text for sentence in sentences], ontology=self._ontology_of(chunk.workspace_id)
        )
        scope = f"{chunk.workspace_id}/{chunk.document_id}"
        key = _answer_key(self._info.digest, messages)
        stored = self._cache.get(key, scope=scope)
        if stored is not None:
            return stored.decode()
        room = room_for_answer(self._model, messages, window_tokens=self._info.window_tokens, at_most=_ANSWER_TOKENS)
        answer = ask(self._model, messages, max_tokens=room, schema=FACTS_SCHEMA, go_on=go_on)
        self._cache.put(key, answer.encode(), scope=scope)
        return answer


def _answer_key(digest: str, messages: Sequence[Message]) -> str:
    parts = [f"{message.role}: {message.text}" for message in messages]
    return cache_key(Layer.TRIPLE, "model", digest, str(FACTS_SCHEMA), *parts)
