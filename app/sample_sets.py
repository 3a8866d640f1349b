"""The shipped sample documents: which sets there are, their questions with gold answers, and their guided story."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from app.domain.answers import Mode
from app.errors import IntegrityError

_STORY = "story.yaml"
_QUESTIONS = "questions.yaml"
KINDS = ("single-hop", "two-hop", "three-hop", "negation", "contradiction", "table", "not-in-documents")


@dataclass(frozen=True, slots=True)
class SampleSet:
    """`files` are the documents to index, by name; questions and story are not among them."""

    name: str
    title: str
    ontology: str
    folder: Path
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class GoldSentence:
    """A sentence or table row as it stands in the extracted text of `document`, a file name; space may differ."""

    document: str
    text: str


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """`kind` is one of `KINDS`; `mode` the one that suits the question; no evidence when no document answers it."""

    id: str
    question: str
    kind: str
    mode: Mode
    answer: str
    evidence: tuple[GoldSentence, ...]

    @property
    def documents(self) -> tuple[str, ...]:
        """File names of the gold documents, each once, in the order of the evidence."""
        return tuple(dict.fromkeys(sentence.document for sentence in self.evidence))

    @property
    def answerable(self) -> bool:
        return bool(self.evidence)


@dataclass(frozen=True, slots=True)
class StoryStep:
    """What to do on `page` (ask or graph) and what to notice; `question_id` names the question it rests on."""

    title: str
    page: str
    mode: Mode | None
    action: str
    notice: str
    question_id: str | None


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    steps: tuple[StoryStep, ...]


def find_sample_sets() -> list[SampleSet]:
    """Every set that is shipped, by name."""
    folder = Path(__file__).with_name("samples")
    return [_read_set(story.parent) for story in sorted(folder.glob(f"*/{_STORY}"))]


def load_questions(sample_set: SampleSet) -> tuple[SampleQuestion, ...]:
    """The set's questions in the order of their file. Raises IntegrityError when the file is not as shipped."""
    found = _read_yaml(sample_set.folder / _QUESTIONS)
    try:
        return tuple(_question(entry) for entry in found["questions"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(_QUESTIONS, sample_set.name) from error


def load_story(sample_set: SampleSet) -> Story:
    """The guided story of the set. Raises IntegrityError when the file is not as shipped."""
    found = _read_yaml(sample_set.folder / _STORY)
    try:
        return Story(found["title"], tuple(_step(entry) for entry in found["steps"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(_STORY, sample_set.name) from error


def _read_set(folder: Path) -> SampleSet:
    story = _read_yaml(folder / _STORY)
    files = tuple(sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".yaml"))
    try:
        return SampleSet(folder.name, story["set"], story["ontology"], folder, files)
    except KeyError as error:
        raise _damaged(_STORY, folder.name) from error


def _question(entry: dict[str, Any]) -> SampleQuestion:
    if entry["kind"] not in KINDS:
        raise ValueError(entry["kind"])
    evidence = tuple(GoldSentence(gold["document"], gold["sentence"]) for gold in entry["evidence"])
    return SampleQuestion(entry["id"], entry["question"], entry["kind"], Mode(entry["mode"]), entry["answer"], evidence)


def _step(entry: dict[str, Any]) -> StoryStep:
    mode = Mode(entry["mode"]) if "mode" in entry else None
    return StoryStep(entry["title"], entry["page"], mode, entry["action"], entry["notice"], entry.get("question"))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _damaged(path.name, path.parent.name) from error
    if not isinstance(found, dict):
        raise _damaged(path.name, path.parent.name)
    return found


def _damaged(name: str, sample_set: str) -> IntegrityError:
    return IntegrityError(f"The file {name} of the {sample_set} samples is damaged: install the program again.")
