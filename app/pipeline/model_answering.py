"""Answers written by a language model from numbered passages, each sentence checked, the quotes kept beside it."""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from app.domain.answers import Answer, AnswerSentence
from app.domain.documents import Chunk
from app.domain.models import Message, ModelInfo
from app.domain.names import fold
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError, InvalidInputError, ModelOutputError
from app.pipeline.answer_sentences import SentenceStream, WrittenSentence
from app.pipeline.citing import Citations
from app.pipeline.claim_checking import ClaimChecker
from app.pipeline.model_asking import room_for_answer, streaming
from app.pipeline.parsing import SentenceParser
from app.pipeline.prompting import hash_prompt, read_prompt
from backends.embeddings.base import Embedder
from backends.llm.base import LanguageModel
from backends.metadata.base_content import Postings

GONE = "The language model stopped answering, so sentences of the documents are quoted instead."
CHANGED = "The language model was replaced and is not tested yet, so sentences of the documents are quoted instead."
UNUSABLE = "The language model gave no usable answer, so sentences of the documents are quoted instead."
NOTHING_FOUND = "The language model found no answer in the passages; the closest sentences are quoted instead."
STANDS_IN = "The language model that comes first was not available; this answer was written by {name}."
CUT = "The answer reached its longest length and ends early."
_NOT_THERE = "not in the documents"
_ANSWER_TOKENS = 400
_FEWEST_ANSWER_TOKENS = 120
_MOST_PASSAGES = 8
_TOKENS_AROUND_A_PASSAGE = 8


class _ReplacedError(BackendUnavailableError):
    """The server has another model than was tested."""


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to write from: the finished quoting answer, the passages it rests on, best first, and the rest."""

    quoted: Answer
    chunks: Sequence[Chunk]
    citations: Citations
    workspace: Workspace
    find_postings: Callable[[Collection[str]], Postings]
    """Of stems, over the permitted chunks."""


class AnswerWriter:
    """Never called for a question that the documents do not support. Threads may share this object."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        info: ModelInfo,
        parser: SentenceParser,
        embedder: Embedder,
        stands_in: bool = False,
        otherwise: "AnswerWriter | None" = None,
    ) -> None:
        """`info` is what the probe tested; a model of another digest does not answer. `stands_in`: a model that comes
        before it is away, and the answer says so. `otherwise` writes when this one is away before its first sentence.
        """
        self._model = model
        self._info = info
        self._stands_in = stands_in
        self._otherwise = otherwise
        self._checker = ClaimChecker(parser=parser, embedder=embedder)
        self.version = f"{info.digest}/{hash_prompt(read_prompt('answering'))}"

    def write(self, question: str, *, material: Material, stands_in: bool = False) -> Generator[Answer, None, None]:
        """The answer sentence by sentence, last the finished one; closing the iterator ends the call at the server.

        A model that goes away after its first sentence gives way to the quoting answer with a notice; sentences it
        wrote are dropped.
        """
        draft = replace(
            material.quoted, sentences=(), quoted=material.quoted.sentences, model=self._info.name, finished=False
        )
        yield draft
        notice: list[str] = []
        try:
            with closing(self._checked(question, material, notice)) as sentences:
                for sentence in sentences:
                    draft = replace(draft, sentences=(*draft.sentences, sentence), citations=material.citations.all)
                    yield draft
        except BackendUnavailableError as error:
            if self._otherwise is not None and not draft.sentences:
                yield from self._otherwise.write(question, material=material, stands_in=True)
            else:
                yield _quoting(material, CHANGED if isinstance(error, _ReplacedError) else GONE)
        except (ModelOutputError, InvalidInputError):
            yield _quoting(material, UNUSABLE)
        else:
            if (stands_in or self._stands_in) and (draft.sentences or notice == [NOTHING_FOUND]):
                notice.insert(0, STANDS_IN.format(name=self._info.name))
            if draft.sentences:
                yield replace(draft, notice=" ".join(notice), finished=True)
            else:
                yield _quoting(material, *(notice or [UNUSABLE]))

    def _checked(self, question: str, material: Material, notice: list[str]) -> Generator[AnswerSentence, None, None]:
        info = self._model.describe()
        if info.digest != self._info.digest:
            raise _ReplacedError(CHANGED)
        messages, chunks = self._prompt(question, material.chunks, window_tokens=info.window_tokens)
        room = room_for_answer(self._model, messages, window_tokens=info.window_tokens, at_most=_ANSWER_TOKENS)
        with closing(self._written(messages, room, notice)) as sentences:
            for place, written in enumerate(sentences):
                if not fold(written.text).startswith(_NOT_THERE):
                    yield self._check(written, chunks, material)
                elif place == 0:
                    notice.append(NOTHING_FOUND)
                    return

    def _written(
        self, messages: Sequence[Message], room: int, notice: list[str]
    ) -> Generator[WrittenSentence, None, None]:
        sentences = SentenceStream()
        finish = None
        with streaming(self._model.stream(messages, max_tokens=room)) as pieces:
            for piece in pieces:
                finish = piece.finish or finish
                yield from sentences.feed(piece.text)
        rest = sentences.rest()
        if finish != "stop":
            notice.append(CUT)
        elif rest is not None:
            yield rest

    def _check(self, written: WrittenSentence, chunks: Sequence[Chunk], material: Material) -> AnswerSentence:
        cited = [chunks[number - 1] for number in written.passages if 1 <= number <= len(chunks)]
        checked = self._checker.check(
            written.text, cited=cited, workspace=material.workspace, find_postings=material.find_postings
        )
        numbers = [material.citations.cite(span, chunk=chunk).n for chunk, span in checked.sources]
        return AnswerSentence(written.text, tuple(dict.fromkeys(numbers)), checked.verdict, checked.reason)

    def _prompt(
        self, question: str, chunks: Sequence[Chunk], *, window_tokens: int
    ) -> tuple[tuple[Message, ...], list[Chunk]]:
        """The messages and the passages that fit into the window, best first; whole ones only.

        Raises InvalidInputError when not even one fits.
        """
        system = Message("system", read_prompt("answering"))
        around = (system, Message("user", _request(question, [])))
        left = room_for_answer(self._model, around, window_tokens=window_tokens, at_most=window_tokens)
        left -= min(_ANSWER_TOKENS, max(_FEWEST_ANSWER_TOKENS, window_tokens // 4))
        chosen: list[Chunk] = []
        for chunk in chunks[: 2 * _MOST_PASSAGES]:
            needed = self._model.count_tokens(_passage(len(chosen) + 1, chunk)) + _TOKENS_AROUND_A_PASSAGE
            if needed <= left and len(chosen) < _MOST_PASSAGES:
                chosen.append(chunk)
                left -= needed
        if not chosen:
            raise InvalidInputError(
                "The language model's window is too small for one passage: raise its context length."
            )
        return (system, Message("user", _request(question, chosen))), chosen


def _request(question: str, chunks: Sequence[Chunk]) -> str:
    passages = [_passage(number, chunk) for number, chunk in enumerate(chunks, start=1)]
    return "\n\n".join(["Passages:", *passages, f"Question: {question}"])


def _passage(number: int, chunk: Chunk) -> str:
    """Two lines whatever the text holds: no passage can write the beginning of another, or of the question."""
    return f"[{number}] {' '.join(chunk.topic.split())}\n{' '.join(chunk.text.split())}"


def _quoting(material: Material, *notice: str) -> Answer:
    return replace(material.quoted, notice=" ".join(notice), finished=True)
