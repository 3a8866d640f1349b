"""The sample sets that are shipped: documents, questions with gold answers, and a guided story."""

from dataclasses import dataclass
from pathlib import Path

_NO_DOCUMENTS = frozenset({"questions.yaml", "story.yaml", "README.md"})
_TITLES = {"hospital": ("Hospital (demo)", "clinical"), "bank": ("Bank (demo)", "finance")}


@dataclass(frozen=True, slots=True)
class SampleSet:
    """`files` are the documents, by name; `title` names the demo workspace."""

    name: str
    title: str
    ontology: str
    folder: Path
    files: tuple[Path, ...]


def find_sample_sets() -> list[SampleSet]:
    """In the order hospital, bank; a set without documents is left out."""
    found = []
    for name, (title, ontology) in _TITLES.items():
        folder = Path(__file__).parent / "samples" / name
        files = tuple(sorted(path for path in folder.glob("*") if path.name not in _NO_DOCUMENTS))
        if files:
            found.append(SampleSet(name, title, ontology, folder, files))
    return found
