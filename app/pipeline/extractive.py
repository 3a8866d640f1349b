"""Picks the sentences of passages that answer a question best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.answers import Passage
from app.domain.documents import Chunk, Span
from app.domain.graph import Entity, RecognisedEntity
from app.pipeline.retrieval import Retrieved
from app.pipeline.support import BEST_SENTENCES, overlap, support
from app.pipeline.words import content_stems
from backends.embeddings.base import Embedder

PASSAGES_READ = 5
SENTENCES_SHOWN = 5
_RANK_WEIGHT = 0.5
_EMBEDDED_A_PASSAGE = 12
_FEWEST_LETTERS = 12
_FEWEST_WORDS = 4
_TARGET_UNSEEN = 0.35
_TARGET_ELSEWHERE = 0.1
"""What support loses where no sentence names what is asked for: "What blood group …" and no blood group anywhere."""
_NAMES_UNSEEN = 0.25
"""What it loses where no sentence holds any of the names in the question; in part for some of them."""
_PREDICATE_UNSEEN = 0.2
"""What it loses where the question says one thing of its names, and no document says that of anything."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage; `score` = cosine + overlap + ½ ÷ passage rank."""

    chunk: Chunk
    span: Span
    text: str
    similarity: float
    stems: frozenset[str]
    """Of the sentence and its title."""
    score: float
    around: frozenset[str]
    """Stems of the three best sentences of its passage, itself among them."""


def find_candidates(retrieved: Retrieved, *, embedder: Embedder, passages: int = PASSAGES_READ) -> list[Candidate]:
    """The best sentence of each of the top passages, best first; headings are no candidates.

    Of a long passage only the twelve sentences that share most with the question are compared by meaning.
    """
    rough = [
        found for passage in retrieved.passages[:passages] for found in _most_overlapping(passage, retrieved=retrieved)
    ]
    by_passage: dict[str, list[Candidate]] = {}
    for found in sorted(score(rough, retrieved=retrieved, embedder=embedder), key=lambda found: -found.score):
        by_passage.setdefault(found.chunk.id, []).append(found)
    return [
        replace(found[0], around=frozenset().union(*(one.stems for one in found[:BEST_SENTENCES])))
        for found in by_passage.values()
    ]


def score(sentences: Sequence[tuple[Chunk, Span, int]], *, retrieved: Retrieved, embedder: Embedder) -> list[Candidate]:
    """Candidates in the order given; a sentence comes with its chunk and the rank of its passage."""
    if not sentences:
        return []
    texts = [_text(chunk, span) for chunk, span, _ in sentences]
    titled = [
        f"{chunk.topic}: {text}" if chunk.topic else text for (chunk, _, _), text in zip(sentences, texts, strict=True)
    ]
    similarities = embedder.embed_passages(titled) @ retrieved.question_vector
    question_stems = set(retrieved.stems)
    candidates = []
    for (chunk, span, rank), text, whole, similarity in zip(sentences, texts, titled, similarities, strict=True):
        stems = frozenset(content_stems(whole))
        shared = overlap(question_stems, stems, retrieved.postings)
        total = float(similarity) + shared + _RANK_WEIGHT / rank
        candidates.append(Candidate(chunk, span, text, float(similarity), stems, total, around=stems))
    return candidates


def support_of(candidates: Sequence[Candidate], *, retrieved: Retrieved, joined: bool = False) -> float:
    """The support score of the three best candidates, less where what is asked for, or a name of the question, is in
    none of them, or where they share nothing but names with the question.

    A question without a name is answered by one passage, unless facts have `joined` several: words that only several
    have together are no support.
    """
    if retrieved.question_entities or joined:
        best = sorted(candidates, key=lambda found: -found.score)[:BEST_SENTENCES]
        found = _support([one.similarity for one in best], [one.stems for one in best], retrieved)
        found -= _NAMES_UNSEEN * _share_of_names_unseen(candidates, retrieved)
    else:
        found = max((_support([one.similarity], [one.around], retrieved) for one in candidates), default=0.0)
    frequencies = retrieved.postings.frequencies
    if retrieved.read.says_only_predicate and not any(frequencies.get(stem) for stem in retrieved.read.predicate):
        return found - _PREDICATE_UNSEEN
    target = set(retrieved.read.target)
    if not target or any(target <= one.stems for one in candidates):
        return found
    together = set.intersection(*(set(frequencies.get(stem, ())) for stem in target))
    return found - (_TARGET_ELSEWHERE if together else _TARGET_UNSEEN)


def _support(similarities: Sequence[float], stems: Sequence[frozenset[str]], retrieved: Retrieved) -> float:
    return support(similarities, stems, question_stems=set(retrieved.stems), postings=retrieved.postings)


def _share_of_names_unseen(candidates: Sequence[Candidate], retrieved: Retrieved) -> float:
    """Of names without a content word none is looked for."""
    names = [_forms(name, retrieved.seeds) for name in retrieved.question_entities]
    unseen = [not any(form <= one.stems for form in forms for one in candidates) for forms in names if forms]
    return sum(unseen) / len(unseen) if unseen else 0.0


def _forms(name: RecognisedEntity, seeds: Sequence[Entity]) -> list[frozenset[str]]:
    """Stems by which a sentence may name it: as the question does, a person by the last word, or as another name of
    the same entity."""
    stems = content_stems(name.text)
    forms = [frozenset(stems), *([frozenset(stems[-1:])] if name.type == "Person" else [])]
    for seed in seeds:
        known = [frozenset(content_stems(one)) for one in (seed.name, *seed.aliases)]
        forms += known if forms[0] in known else []
    return [form for form in forms if form]


def _most_overlapping(passage: Passage, *, retrieved: Retrieved) -> list[tuple[Chunk, Span, int]]:
    chunk = passage.chunk
    spans = [sentence.span for sentence in chunk.sentences if not sentence.heading]
    spans = [span for span in spans if _is_sentence(_text(chunk, span))] or spans
    if len(spans) > _EMBEDDED_A_PASSAGE:
        question_stems = set(retrieved.stems)
        shared = {
            span: overlap(question_stems, content_stems(_text(chunk, span)), retrieved.postings) for span in spans
        }
        spans = sorted(spans, key=lambda span: (-shared[span], span))[:_EMBEDDED_A_PASSAGE]
    return [(chunk, span, passage.rank) for span in spans]


def _is_sentence(text: str) -> bool:
    """Not a greeting, a signature, or the name of a speaker."""
    return sum(map(str.isalpha, text)) >= _FEWEST_LETTERS and len(text.split()) >= _FEWEST_WORDS


def _text(chunk: Chunk, span: Span) -> str:
    return chunk.text[span.start - chunk.span.start : span.end - chunk.span.start]
