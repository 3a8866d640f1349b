"""Checks a sentence that a language model wrote against the passages it cites."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from app.domain.answers import Verdict
from app.domain.documents import Chunk, Span
from app.domain.workspaces import Workspace
from app.pipeline.claim_status import compare_status
from app.pipeline.parsing import SentenceParser
from app.pipeline.support import BEST_SENTENCES, WEAK_REASON, judge, overlap, support
from app.pipeline.verification import find_tokens, numbers_of
from app.pipeline.words import content_stems
from backends.embeddings.base import Embedder
from backends.metadata.base_content import Postings

NO_SOURCE = "The model named no source for this sentence."
OTHER_NUMBER = "A number in this sentence is not in its sources."
OTHER_NAME = "This sentence names something that its sources do not name."
CONTRARY = "Its sources state this otherwise."
LESS_CERTAIN = "Its sources state this with less certainty or in another way; read them before relying on it."
UNLIKE = "Its sources do not say this."
_COMPARED_A_PASSAGE = 6
_OVERLAP_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """`sources` are the sentences it is shown with, the best of each cited passage, in the order of the citations."""

    verdict: Verdict
    reason: str = ""
    sources: tuple[tuple[Chunk, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    chunk: Chunk
    span: Span
    text: str
    stems: frozenset[str]
    """Of the sentence and its topic."""
    similarity: float
    weight: float


class ClaimChecker:
    """Threads may share this object."""

    def __init__(self, *, parser: SentenceParser, embedder: Embedder) -> None:
        self._parser = parser
        self._embedder = embedder

    def check(
        self,
        claim: str,
        *,
        cited: Sequence[Chunk],
        workspace: Workspace,
        find_postings: Callable[[Collection[str]], Postings],
    ) -> CheckedClaim:
        """Supported, weak or not supported, by the workspace's bounds.

        Numbers digit for digit and names must stand in the passages, the status must be theirs, and likeness of
        meaning + share of its words in the three nearest sentences must reach the bounds.
        """
        if not cited:
            return CheckedClaim(Verdict.NOT_SUPPORTED, NO_SOURCE)
        stems = set(content_stems(claim))
        postings = find_postings(stems)
        ranked = self._rank(claim, stems, postings, cited)
        best = ranked[:BEST_SENTENCES]
        sources = tuple(_best_of_each(ranked, cited))
        if reason := self._foreign(claim, cited):
            return CheckedClaim(Verdict.NOT_SUPPORTED, reason, sources)
        claim_document, *documents = self._parser.parse([claim, *(_one_line(source.text) for source in best[:2])])
        status = compare_status(claim_document, documents)
        if status is Verdict.NOT_SUPPORTED:
            return CheckedClaim(status, CONTRARY, sources)
        similarities = [source.similarity for source in best]
        held = support(similarities, [source.stems for source in best], question_stems=stems, postings=postings)
        verdict = judge(held, refuse_below=workspace.refuse_below, weak_below=workspace.weak_below)
        if verdict is Verdict.NOT_SUPPORTED:
            return CheckedClaim(verdict, UNLIKE, sources)
        if status is Verdict.WEAK:
            return CheckedClaim(status, LESS_CERTAIN, sources)
        return CheckedClaim(verdict, WEAK_REASON if verdict is Verdict.WEAK else "", sources)

    def _rank(self, claim: str, stems: set[str], postings: Postings, cited: Sequence[Chunk]) -> list[_Source]:
        """The sentences of the passages that share most words with the claim, nearest first."""
        rough = [found for chunk in cited for found in _sharing_most(chunk, stems, postings)]
        texts = [f"{chunk.topic}: {text}" if chunk.topic else text for chunk, _, text in rough]
        vectors = self._embedder.embed_passages([claim, *texts])
        found = []
        for (chunk, span, text), titled, vector in zip(rough, texts, vectors[1:], strict=True):
            held = frozenset(content_stems(titled))
            similarity = float(vector @ vectors[0])
            weight = similarity + _OVERLAP_WEIGHT * overlap(stems, held, postings)
            found.append(_Source(chunk, span, text, held, similarity, weight))
        return sorted(found, key=lambda source: -source.weight)

    def _foreign(self, claim: str, cited: Sequence[Chunk]) -> str:
        """Why words of the claim cannot come from the passages; empty when they can."""
        text = "\n".join(f"{chunk.topic}\n{chunk.text}" for chunk in cited)
        if numbers_of(claim) - numbers_of(text):
            return OTHER_NUMBER
        held = set(content_stems(text))
        for name in self._parser.find_entities(claim):
            if not find_tokens(name.text, text) and not held.issuperset(content_stems(name.text)):
                return OTHER_NAME
        return ""


def _sharing_most(chunk: Chunk, stems: set[str], postings: Postings) -> list[tuple[Chunk, Span, str]]:
    start = chunk.span.start
    spans = [sentence.span for sentence in chunk.sentences if not sentence.heading] or [chunk.span]
    texts = {span: chunk.text[span.start - start : span.end - start] for span in spans}
    shared = {span: overlap(stems, content_stems(text), postings) for span, text in texts.items()}
    nearest = sorted(spans, key=lambda span: (-shared[span], span))[:_COMPARED_A_PASSAGE]
    return [(chunk, span, texts[span]) for span in nearest]


def _best_of_each(ranked: Sequence[_Source], cited: Sequence[Chunk]) -> list[tuple[Chunk, Span]]:
    best: dict[str, Span] = {}
    for source in ranked:
        best.setdefault(source.chunk.id, source.span)
    return [(chunk, best[chunk.id]) for chunk in cited if chunk.id in best]


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))
