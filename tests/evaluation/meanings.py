"""`python -m tests.evaluation.meanings`: how many judged facts are right, by how much they mean of their sentence."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from app.domain.documents import Span
from app.domain.graph import Assertion, VerifiedTriple
from app.meaning import open_meaning
from app.pipeline.fact_meaning import LEAST_COSINE
from app.pipeline.readable import readable
from app.pipeline.verification import ParsedSentence
from app.settings import default_model_dir
from backends.embeddings.base import Embedder
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.loading import load

_JUDGED = Path(__file__).parent / "judged_triples.csv"
_BOUNDS = (0.6, 0.65, LEAST_COSINE, 0.75, 0.8)


def main() -> None:
    with _JUDGED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    embedder = load(Embedder, OnnxEmbedderSettings(), model_dir=default_model_dir())
    sentences = [_sentence(place, row["sentence"]) for place, row in enumerate(rows)]
    triples = [_triple(sentence.span, row) for sentence, row in zip(sentences, rows, strict=True)]
    weights = open_meaning(embedder, model_dir=default_model_dir()).weigh(triples, sentences)
    cosines = {where[0].start: cosine for where, cosine in weights.items()}
    print(f"{len(rows)} judged facts, {len(cosines)} of them weighed")
    for bound in _BOUNDS:
        below = [row for place, row in enumerate(rows) if cosines.get(place, 1.0) < bound]
        others = [row for place, row in enumerate(rows) if cosines.get(place, 1.0) >= bound]
        print(f"below {bound:.2f}: {_shares(below)}; others: {_shares(others)}")


def _sentence(place: int, text: str) -> ParsedSentence:
    return ParsedSentence(Span(place, place + 1), text, SimpleNamespace(text=readable(text)))


def _triple(span: Span, row: dict[str, str]) -> VerifiedTriple:
    return VerifiedTriple(
        sentence=span,
        subject=row["subject"],
        relation=row["relation"],
        object=row["object"],
        subject_span=span,
        object_span=span,
        subject_type="",
        object_type="",
        assertion=Assertion(row["status"]),
        kind=row["kind"],
        confidence=1.0,
    )


def _shares(rows: Sequence[dict[str, str]]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    shares = ", ".join(f"{name} {counts[name] / max(1, len(rows)):.2f}" for name in ("right", "vague", "wrong"))
    return f"{len(rows)} ({shares})"


if __name__ == "__main__":
    main()
