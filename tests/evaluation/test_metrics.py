"""The figures of `dafe evaluate` on cases small enough to count by hand, and the formats it reads."""

import json
from pathlib import Path

import pytest

from app.domain.documents import LoadedDocument, Page, Span
from app.domain.graph import Assertion, VerifiedTriple
from app.errors import InvalidInputError
from app.evaluation.answers import auroc
from app.evaluation.datasets import (
    GoldPair,
    SourceQuestion,
    SourceText,
    read_abstracts,
    read_page_questions,
    read_passages,
    read_questions,
    read_texts,
)
from app.evaluation.extraction_matching import (
    count_between_entities,
    count_facts,
    count_pairs,
    names_occur,
    stated,
    token_f1,
)
from app.evaluation.pages import score_pages
from app.evaluation.report import record
from app.evaluation.retrieval import recall, score_retrieval


def triple(subject: str, relation: str, object_: str, *, assertion: Assertion = Assertion.AFFIRMED) -> VerifiedTriple:
    return VerifiedTriple(
        sentence=Span(0, 50),
        subject=subject,
        relation=relation,
        object=object_,
        subject_span=Span(0, 5),
        object_span=Span(10, 20),
        subject_type="Concept",
        object_type="Concept",
        assertion=assertion,
        kind="svo",
        confidence=0.6,
    )


def lines(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_recall_is_the_share_of_gold_passages_among_the_first() -> None:
    assert recall(frozenset({"a", "b"}), ["a", "x", "b"], at=2) == 0.5
    assert recall(frozenset({"a", "b"}), ["a", "x", "b"], at=5) == 1.0


def test_retrieval_is_scored_over_all_questions_and_by_type() -> None:
    asked = [
        SourceQuestion("1", "?", frozenset({"a"}), kind="bridge"),
        SourceQuestion("2", "?", frozenset({"b", "c"}), kind="comparison"),
    ]
    scored = score_retrieval(asked, {"1": ["x", "y", "z", "a"], "2": ["b", "c"]})
    assert (scored["recall_at_2"], scored["recall_at_5"], scored["all_at_5"]) == (0.5, 1.0, 1.0)
    assert scored["by_type"]["bridge"]["recall_at_2"] == 0.0
    assert scored["by_type"]["comparison"]["recall_at_2"] == 1.0


def test_a_pair_counts_in_either_direction_when_its_tokens_are_alike() -> None:
    source = SourceText("1", "", "", (GoldPair(("Palle Holmstrup",), ("University of Copenhagen",)),))
    assert count_pairs("tekgen", source, [triple("University of Copenhagen", "employs", "Holmstrup")]) == 1
    assert count_pairs("tekgen", source, [triple("Copenhagen", "employs", "the journal")]) == 0
    assert token_f1("Palle Holmstrup", "Holmstrup") == pytest.approx(2 / 3)


def test_a_name_occurs_as_whole_words_only() -> None:
    assert names_occur(["lithium"], "a lithium level")
    assert not names_occur(["ion"], "a lithium ions level")


def test_precision_counts_triples_between_two_gold_entities() -> None:
    source = SourceText("1", "", "", (GoldPair(("Ann",), ("Acme",)),), (("Ann",), ("Acme",), ("Rome",)))
    triples = [triple("Ann", "leads", "Acme"), triple("Ann", "visited", "Rome"), triple("Ann", "ate", "an apple")]
    assert count_between_entities("redocred", source, triples) == (1, 2)


def test_a_negated_relation_is_no_gold_relation_of_bc5cdr() -> None:
    triples = [triple("lithium", "causes", "cyanosis", assertion=Assertion.NEGATED)]
    assert stated("bc5cdr", triples) == []
    assert stated("redocred", triples) == triples


def test_a_drug_named_in_the_relation_counts_for_bc5cdr() -> None:
    source = SourceText("1", "", "", (GoldPair(("lithium",), ("cyanosis",)),))
    found = [triple("newborn", "showed after lithium", "cyanosis")]
    assert count_pairs("bc5cdr", source, found) == 1
    assert count_pairs("redocred", source, found) == 0


def test_a_fact_is_covered_by_one_triple_or_by_all_of_its_sentence() -> None:
    source = SourceText("1", "", "", facts=("Bees pollinate crops and support gardens",))
    assert count_facts(source, [triple("Bees", "pollinate", "crops")]) == (1, 1)
    assert count_facts(source, [triple("Bees", "pollinate", "trees"), triple("gardens", "need", "crops")]) == (0, 1)


def test_auroc_counts_ties_half() -> None:
    assert auroc([2.0, 1.0], [1.0, 0.0]) == pytest.approx(0.875)


def test_a_page_counts_when_any_gold_page_is_among_the_first() -> None:
    gold: list[tuple[str, int]] = [("a.pdf", 3)]
    scored = score_pages([(gold, [("a.pdf", 1), ("a.pdf", 3)])])
    assert scored == {"page_top_1": 0.0, "page_top_3": 1.0, "page_top_5": 1.0}


def test_the_formats_are_told_apart_by_their_fields(tmp_path: Path) -> None:
    tekgen = lines(tmp_path / "a.jsonl", {"id": "1", "text": "t", "triples": [["a", "r", "b"]]})
    mine = lines(tmp_path / "b.jsonl", {"id": "1", "text": "t", "facts": ["f"]})
    redocred = lines(
        tmp_path / "c.jsonl",
        {
            "id": "1",
            "text": "t",
            "entities": [{"names": ["A", "a"]}, {"names": ["B"]}],
            "triples": [{"h": 0, "t": 1, "rel": "r"}, {"h": 1, "t": 0, "rel": "q"}],
        },
    )
    assert [read_texts(path)[0] for path in (tekgen, mine, redocred)] == ["tekgen", "mine", "redocred"]
    assert read_texts(redocred)[1][0].pairs == (GoldPair(("A", "a"), ("B",)),)


def test_questions_passages_pages_and_abstracts_are_read(tmp_path: Path) -> None:
    passages = lines(tmp_path / "p.jsonl", {"id": "p1", "title": "T", "text": "x"})
    questions = lines(
        tmp_path / "q.jsonl",
        {"id": "q1", "question": "?", "gold": ["p1"], "answer": "A", "aliases": ["B"], "type": "2hop"},
    )
    pages = lines(tmp_path / "f.jsonl", {"id": "1", "doc": "a.pdf", "question": "?", "evidence": [{"page_index0": 4}]})
    abstracts = lines(tmp_path / "m.jsonl", {"id": "9", "question": "?", "contexts": ["a", "b"], "long_answer": "L"})
    assert read_passages(passages)[0].title == "T"
    assert read_questions(questions)[0].answers == ("A", "B")
    assert read_page_questions(pages)[0].pages == frozenset({5})
    assert read_abstracts(abstracts)[1][0].gold == frozenset({"9.0", "9.1"})


def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{not json\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="Line 1"):
        read_passages(broken)
    with pytest.raises(InvalidInputError, match="lacks a field"):
        read_questions(lines(tmp_path / "q.jsonl", {"id": "1"}))
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_questions(tmp_path / "absent.jsonl")


def test_the_page_of_results_keeps_rows_of_other_measurements(tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"
    record(folder, "retrieval", {"hotpotqa rag": {"questions": 3, "recall_at_5": 0.5, "seconds": 9.0}})
    record(folder, "pages", {"financebench": {"questions": 2, "known": {"page_top_1": 1.0}}})
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    assert "| hotpotqa rag | 3 | 0.5 |" in page
    assert "known page top 1" in page
    assert "9.0" not in page


def test_pages_of_a_document_are_told_by_their_spans() -> None:
    loaded = LoadedDocument("x" * 20, (Page(1, Span(0, 10)), Page(2, Span(10, 20))))
    assert [page.number for page in loaded.pages if page.span.overlaps(Span(8, 12))] == [1, 2]


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"id": "1", "text": "a\u2028b\x85c"}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_passages(path)[0].text == "a\u2028b\x85c"
