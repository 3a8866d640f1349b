"""Draws triples with their sentences, for people to judge."""

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from app.errors import InvalidInputError
from app.evaluation.datasets import SourceText
from app.evaluation.extraction import ExtractedText, extract_loaded
from app.evaluation.workspace import Instruments
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.loading import load

_SEED = 20
_COLUMNS = ("set", "text", "sentence", "subject", "relation", "object", "status", "kind", "verdict")
_SUFFIXES = frozenset({".md", ".txt", ".pdf", ".docx", ".html", ".eml", ".csv", ".xlsx", ".pptx"})


def extract_folder(folder: Path, *, instruments: Instruments) -> list[ExtractedText]:
    """Every document below a folder, read as an upload would be; what cannot be read is left out."""
    loader = load(DocumentLoader, LocalLoaderSettings(ocr=False))
    extracted = []
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)):
        try:
            loaded = loader.load(path.name, path.read_bytes())
        except InvalidInputError:
            continue
        source = SourceText(path.name, loaded.title or "", loaded.text)
        extracted.append(extract_loaded(number, source, loaded, instruments, name=path.name))
    return extracted


def sample_triples(sets: Mapping[str, Sequence[ExtractedText]], *, each: int) -> list[dict[str, str]]:
    """`each` rows of every set, the same whenever the triples are the same."""
    rows = []
    for name, extracted in sets.items():
        everything = [(one, triple) for one in extracted for triple in one.triples]
        chosen = random.Random(_SEED).sample(everything, min(each, len(everything)))  # noqa: S311 - a draw, not a key
        for one, triple in chosen:
            values = (name, one.source.id, one.quote(triple.sentence), triple.subject, triple.relation, triple.object)
            rows.append(dict(zip(_COLUMNS, (*values, triple.assertion.value, triple.kind, ""), strict=True)))
    return rows


def write_sample(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
