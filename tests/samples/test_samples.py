"""The shipped samples: complete, readable, true to their sources, and with gold sentences that stand in them."""

from functools import cache
from pathlib import Path

import pytest

from app.domain.documents import LoadedDocument
from app.errors import IntegrityError
from app.sample_sets import KINDS, SampleSet, find_sample_sets, load_questions, load_story
from backends.loaders.local import LocalLoader
from backends.loaders.settings import LocalLoaderSettings
from tests.samples.build import build_file, built_path, find_sources

SETS = find_sample_sets()
FILES = [path for found in SETS for path in found.files]
FORMATS = {
    "hospital": {".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".txt", ".md", ".html", ".eml", ".xml", ".json"},
    "bank": {".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".txt", ".md", ".html", ".eml", ".json"},
}


def named(value: SampleSet | Path) -> str:
    return value.name


def load(name: str, content: bytes) -> LoadedDocument:
    return LocalLoader(LocalLoaderSettings()).load(name, content)


@cache
def loaded(path: Path) -> LoadedDocument:
    return load(path.name, path.read_bytes())


def folded(text: str) -> str:
    return " ".join(text.split())


def test_there_is_a_hospital_and_a_bank() -> None:
    assert [found.name for found in SETS] == ["bank", "hospital"]
    assert {found.ontology for found in SETS} == {"clinical", "finance"}


@pytest.mark.parametrize("found", SETS, ids=named)
def test_a_set_has_at_least_twelve_documents_in_mixed_formats(found: SampleSet) -> None:
    assert len(found.files) >= 13
    assert {path.suffix for path in found.files} == FORMATS[found.name]


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_sample_is_small_and_reads_without_a_warning(path: Path) -> None:
    assert path.stat().st_size < 200_000
    document = loaded(path)
    assert document.warnings == ()
    assert len(document.text) > 500
    if path.suffix not in {".csv", ".json", ".xlsx"}:
        assert document.title


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in {".xlsx", ".csv"}], ids=named)
def test_tables_come_out_as_rows_with_header(path: Path) -> None:
    rows = loaded(path).rows
    assert len(rows) >= 8
    assert all(len(row.header) == len(row.cells) >= 5 for row in rows)


def test_the_guideline_has_at_least_eight_pages() -> None:
    (guideline,) = [path for path in FILES if path.name.startswith("anticoagulation_guideline")]
    assert len(loaded(guideline).pages) >= 8


@pytest.mark.parametrize("found", SETS, ids=named)
def test_every_gold_sentence_stands_in_its_document(found: SampleSet) -> None:
    files = {path.name: path for path in found.files}
    missing = [
        (question.id, gold.document, gold.text)
        for question in load_questions(found)
        for gold in question.evidence
        if folded(gold.text) not in folded(loaded(files[gold.document]).text)
    ]
    assert missing == []


@pytest.mark.parametrize("found", SETS, ids=named)
def test_questions_are_unique_and_of_every_kind(found: SampleSet) -> None:
    questions = load_questions(found)
    assert len(questions) >= 20
    assert len({question.id for question in questions}) == len(questions)
    assert len({question.question for question in questions}) == len(questions)
    counts = {kind: sum(question.kind == kind for question in questions) for kind in KINDS}
    assert all(count >= 3 for count in counts.values()), counts
    for question in questions:
        assert question.answerable == (question.kind != "not-in-documents")


@pytest.mark.parametrize("found", SETS, ids=named)
def test_questions_of_several_hops_and_contradictions_need_more_than_one_sentence(found: SampleSet) -> None:
    for question in load_questions(found):
        if question.kind in {"two-hop", "three-hop", "contradiction"}:
            assert len(question.evidence) >= 2, question.id
    crossing = [question for question in load_questions(found) if len(question.documents) > 1]
    assert len(crossing) >= 8


@pytest.mark.parametrize("found", SETS, ids=named)
def test_the_story_has_four_to_six_steps_that_rest_on_questions(found: SampleSet) -> None:
    questions = {question.id: question for question in load_questions(found)}
    story = load_story(found)
    assert 4 <= len(story.steps) <= 6
    for step in story.steps:
        assert step.page in {"ask", "graph"}
        if step.page == "ask":
            assert step.question_id is not None
            assert step.action.endswith(questions[step.question_id].question)


def test_every_generated_file_says_what_its_source_says() -> None:
    for source in find_sources():
        committed = built_path(source)
        content = build_file(source)
        if content == committed.read_bytes():
            continue
        rebuilt = load(committed.name, content)
        assert rebuilt.text == loaded(committed).text, committed.name
        assert rebuilt.rows == loaded(committed).rows, committed.name


def test_building_twice_gives_the_same_bytes() -> None:
    one_of_each_format = {Path(source.stem).suffix: source for source in find_sources()}
    for source in one_of_each_format.values():
        assert build_file(source) == build_file(source), source.name


def test_every_office_and_pdf_sample_has_a_source() -> None:
    built = {built_path(source) for source in find_sources()}
    assert {path for path in FILES if path.suffix in {".pdf", ".docx", ".pptx", ".xlsx"}} == built


def test_a_damaged_questions_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "questions.yaml").write_text("questions:\n  - id: x\n", encoding="utf-8")
    broken = SampleSet("broken", "Broken", "general", tmp_path, ())
    with pytest.raises(IntegrityError, match=r"questions\.yaml"):
        load_questions(broken)
