"""Measures which gold pairs and facts the extracted triples hold, and how many of the triples are gold."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.documents import LoadedDocument, Span
from app.domain.graph import VerifiedTriple
from app.evaluation.datasets import SourceText, read_texts
from app.evaluation.extraction_matching import (
    count_between_entities,
    count_facts,
    count_pairs,
    stated,
)
from app.evaluation.workspace import Instruments, cut, loaded_text, make_version


@dataclass(frozen=True, slots=True)
class ExtractionFigures:
    """None where the format gives no gold for a figure. `refused` are candidates the gate turned away, by reason."""

    documents: int
    triples: int
    triples_per_sentence: float
    pair_recall: float | None = None
    pair_precision: float | None = None
    """Of the triples that join two gold entities, the share that are gold pairs."""
    fact_recall_triple: float | None = None
    fact_recall_sentence: float | None = None
    refused: dict[str, int] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ExtractedText:
    source: SourceText
    triples: tuple[VerifiedTriple, ...]
    sentences: int
    refused: dict[str, int]

    def quote(self, span: Span) -> str:
        return " ".join(self.source.text[span.start : span.end].split())


def evaluate_extraction(
    file: Path, *, instruments: Instruments, limit: int | None = None
) -> tuple[ExtractionFigures, list[ExtractedText]]:
    """Figures of one file, and what was extracted from each of its texts."""
    form, texts = read_texts(file, limit=limit)
    started = time.perf_counter()
    extracted = [extract_text(number, text, instruments) for number, text in enumerate(texts)]
    figures = score_extraction(form, extracted)
    return (
        ExtractionFigures(
            **figures,
            configuration={"format": form},
            model=instruments.extractor.version,
            seconds=round(time.perf_counter() - started, 1),
        ),
        extracted,
    )


def extract_text(number: int, text: SourceText, instruments: Instruments) -> ExtractedText:
    """What the extractor reads in one text."""
    return extract_loaded(number, text, loaded_text(text.text, title=text.title), instruments)


def extract_loaded(
    number: int, source: SourceText, loaded: LoadedDocument, instruments: Instruments, *, name: str = ""
) -> ExtractedText:
    """What the extractor reads in one document; a sentence that two chunks share counts once."""
    triples: dict[tuple[object, ...], VerifiedTriple] = {}
    sentences: set[Span] = set()
    refused: Counter[str] = Counter()
    for chunk in cut(make_version(number, name), loaded, instruments):
        found = instruments.extractor.extract(chunk).extraction
        for triple in found.triples:
            triples.setdefault((triple.sentence, triple.subject_span, triple.relation, triple.object_span), triple)
        sentences |= {sentence.span for sentence in chunk.sentences if not sentence.heading}
        refused.update(found.refused)
    return ExtractedText(source, tuple(triples.values()), len(sentences), dict(refused))


def score_extraction(form: str, extracted: Sequence[ExtractedText]) -> dict[str, Any]:
    """The figures that this format has gold for."""
    triples = sum(len(one.triples) for one in extracted)
    refused: Counter[str] = Counter()
    for one in extracted:
        refused.update(one.refused)
    figures: dict[str, Any] = {
        "documents": len(extracted),
        "triples": triples,
        "triples_per_sentence": _share(triples, sum(one.sentences for one in extracted)),
        "refused": dict(sorted(refused.items())),
    }
    if form == "mine":
        single, together = _sums(count_facts(one.source, one.triples) for one in extracted)
        facts = sum(len(one.source.facts) for one in extracted)
        return {
            **figures,
            "fact_recall_triple": _share(single, facts),
            "fact_recall_sentence": _share(together, facts),
        }
    pairs = sum(len(one.source.pairs) for one in extracted)
    found = sum(count_pairs(form, one.source, stated(form, one.triples)) for one in extracted)
    figures["pair_recall"] = _share(found, pairs)
    if form != "tekgen":
        gold, joining = _sums(count_between_entities(form, one.source, stated(form, one.triples)) for one in extracted)
        figures["pair_precision"] = _share(gold, joining)
    return figures


def _sums(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    first = second = 0
    for one, other in counts:
        first, second = first + one, second + other
    return first, second


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
