"""What the Ask page hands to the browser, without a browser."""

import gc
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

import pytest

from app.domain.answers import Answer, AnswerSentence, AnswerTriple, Citation, Mode, Verdict
from app.domain.documents import Span
from app.domain.graph import Assertion, Entity
from app.domain.ids import ChunkId, DocumentId, EntityId, TripleId, VersionId
from app.errors import DafeError, InvalidInputError
from app.services.evidence import EvidenceView
from components.answer import answer_data, supported, text_to_copy
from components.ask_answer import band_line, meta_line
from components.ask_box import reason_line
from components.ask_examples import example_questions
from components.ask_receipt import receipt_line
from components.ask_refusal import found_line, searched_line
from components.ask_source import turn_of
from components.evidence import evidence_data, named_place
from components.path_graph import path_data, steps_of
from components.running_question import RunningQuestion


def fact(
    subject: str, relation: str, object_: str, *, hop: int = 1, assertion: Assertion = Assertion.AFFIRMED
) -> AnswerTriple:
    return AnswerTriple(
        triple_id=TripleId(f"{subject} {relation} {object_}"),
        subject_id=EntityId(subject),
        subject=subject,
        subject_type="Person",
        relation=relation,
        object_id=EntityId(object_),
        object=object_,
        object_type="Medicine",
        assertion=assertion,
        document_id=DocumentId("letter"),
        quote="A quote.",
        hop=hop,
        citation=1,
    )


def citation(n: int) -> Citation:
    return Citation(
        n=n,
        document_id=DocumentId("letter"),
        version_id=VersionId("letter-1"),
        document="letter.pdf",
        chunk_id=ChunkId("chunk"),
        page=2,
        span=Span(0, 9),
        quote="The INR had risen.",
    )


def sentence(text: str, verdict: Verdict, reason: str = "") -> AnswerSentence:
    return AnswerSentence(text, (1,), verdict, reason)


ANSWER = Answer(
    mode=Mode.GRAPHRAG,
    reason="the question connects two names",
    sentences=(
        sentence("The INR had risen.", Verdict.SUPPORTED),
        sentence("It fell again.", Verdict.WEAK, "Only in part."),
        sentence("Nobody bled.", Verdict.WEAK, "Only in part."),
    ),
    citations=(citation(1), citation(2)),
    triples=(fact("Voss", "takes", "warfarin"), fact("Voss", "take", "aspirin", assertion=Assertion.NEGATED)),
    timings={"searching": 0.2, "answering": 3.0},
)

VIEW = EvidenceView(
    document_id=DocumentId("letter"),
    document="letter.txt",
    version_id=VersionId("letter-1"),
    number=1,
    uploaded_at=datetime(2026, 6, 17, tzinfo=UTC),
    page=1,
    pages=1,
    span=Span(900, 918),
    quote="The INR had risen.",
    before="ospital letter. ",
    after=" He was well.",
    has_image=False,
    boxes=(),
    ocr=False,
)


def test_a_weak_sentence_carries_its_word_and_a_reason_is_said_once() -> None:
    rows = answer_data(ANSWER, shown=2)["sentences"]
    assert [row["word"] for row in rows] == ["Supported", "Weak support", "Weak support"]
    assert [row["reason"] for row in rows] == ["", "Only in part.", ""]
    assert supported(ANSWER) == (1, 3)


def test_facts_are_listed_when_the_answer_has_stopped_growing() -> None:
    assert answer_data(replace(ANSWER, finished=False), shown=1)["facts"] == []
    listed = answer_data(ANSWER, shown=1)["facts"]
    assert [one["relation"] for one in listed] == ["takes", "not: take"]
    assert [one["colour"] for one in listed] == ["gray", "red"]
    assert listed[0]["line"] == ""
    assert listed[1]["line"]


def test_facts_that_are_the_answer_stand_in_its_rows_and_not_below_once_more() -> None:
    answer = replace(ANSWER, mode=Mode.GRAPH, sentences=ANSWER.sentences[:2])
    drawn = answer_data(answer, shown=1)
    assert drawn["facts"] == []
    assert [row["fact"]["object"] for row in drawn["sentences"]] == ["warfarin", "aspirin"]


def test_quoted_sentences_stand_beside_what_a_model_wrote() -> None:
    answer = replace(ANSWER, model="a-model", quoted=(sentence("The INR had risen to 4.6.", Verdict.SUPPORTED),))
    assert [row["text"] for row in answer_data(answer, shown=1)["quoted"]] == ["The INR had risen to 4.6."]
    assert answer_data(ANSWER, shown=1)["quoted"] == []


def test_a_sentence_that_was_never_checked_is_not_being_checked_after_stop() -> None:
    answer = replace(ANSWER, sentences=(sentence("Something.", Verdict.UNCHECKED),), finished=False)
    assert answer_data(answer, shown=None)["sentences"][0]["word"] == "Being checked"
    stopped = answer_data(answer, shown=None, stopped=True)
    assert stopped["sentences"][0]["word"] == "Not checked"
    assert not stopped["growing"]


def test_a_copied_answer_keeps_its_doubts_and_its_sources() -> None:
    copied = text_to_copy(ANSWER)
    assert "The INR had risen. [1]\n" in copied
    assert "It fell again. [1] (weak support)" in copied
    assert "[2] letter.pdf, page 2: “The INR had risen.”" in copied


def test_the_lines_round_an_answer_say_mode_sources_time_and_who_answered() -> None:
    assert meta_line(ANSWER) == "GraphRAG · 2 sources · 3.2 s"
    assert receipt_line(ANSWER) == "Time by stage: searching 200 ms · answering 3.0 s"
    again = replace(ANSWER, kept_at=datetime(2026, 6, 1, 14, 5, tzinfo=UTC), timings={"kept": 0.004})
    assert receipt_line(again) == "Answered from the cache of 14:05 in 4 ms"
    assert "no language model" in band_line(ANSWER)
    assert "a-model" in band_line(replace(ANSWER, model="a-model"))


def test_only_auto_says_which_mode_it_picked() -> None:
    assert reason_line(ANSWER, asked=Mode.AUTO) == "Auto picked GraphRAG: the question connects two names"
    assert reason_line(ANSWER, asked=Mode.RAG) == ""
    assert reason_line(None, asked=Mode.AUTO) == ""


def test_a_refusal_says_how_many_documents_were_searched_and_what_was_not_found() -> None:
    refused = replace(ANSWER, refused=True, unknown_entities=("Lisbon",), nearest=(citation(1),))
    assert searched_line(1284).startswith("None of the 1,284 documents you may open")
    assert all("Nothing was guessed." in searched_line(count) for count in (0, 1, 2))
    assert found_line(refused) == "Searched for: Lisbon (not found)"
    assert found_line(replace(refused, unknown_entities=())) == "1 passage comes close, but none says what is asked."


def test_sources_have_a_neighbour_on_each_side_but_at_the_ends() -> None:
    assert (turn_of(2, [1, 2, 5]).previous, turn_of(2, [1, 2, 5]).next) == (1, 5)
    assert turn_of(1, [1, 2]).previous is None
    assert turn_of(2, [1, 2]).next is None
    assert turn_of(2, [1, 2]).title == "Source 2 of 2"


def test_evidence_without_a_page_image_is_text_that_begins_with_a_whole_word() -> None:
    beside = evidence_data(VIEW, image=None, turn=turn_of(1, [1]))
    assert beside["image"] == ""
    assert "".join(part["text"] for part in beside["before"]) == "…letter. "
    assert not beside["whole"]
    assert evidence_data(VIEW, image=None)["whole"]
    assert evidence_data(VIEW, image=b"png")["image"].startswith("data:image/png;base64,")


def test_evidence_that_the_file_hides_says_so() -> None:
    assert evidence_data(VIEW, image=None)["notice"] == ""
    assert "does not see" in evidence_data(replace(VIEW, hidden=(Span(905, 910),)), image=None)["notice"]


def test_evidence_that_is_not_visible_on_the_page_says_so_and_is_outlined() -> None:
    box = (0.1, 0.2, 0.5, 0.22)
    for place in (Span(890, 930), VIEW.span):
        data = evidence_data(replace(VIEW, hidden=(place,), hidden_boxes=((box,),)), image=b"png")
        assert data["notice"].startswith("This sentence is not visible on the page:")
        assert data["concealed"] == [[list(box)]]
    partly = evidence_data(replace(VIEW, hidden=(Span(905, 930),)), image=b"png")
    assert partly["notice"].startswith("A part of this sentence is not visible on the page.")
    beside = evidence_data(replace(VIEW, hidden=(Span(930, 940),), hidden_boxes=((box,),)), image=b"png")
    assert (beside["notice"], beside["concealed"]) == ("", [[list(box)]])


@pytest.mark.parametrize("edges", [(0.0, 1.0), (0.05, 0.97), (0.12, 0.88), (0.3, 0.99), (0.01, 0.4), (0.4, 0.5)])
def test_a_page_beside_an_answer_shows_all_of_its_text(edges: tuple[float, float]) -> None:
    sheet = evidence_data(replace(VIEW, text_edges=edges), image=b"png", turn=turn_of(1, [1]))["sheet"]
    first, last = (sheet["left"] + sheet["width"] * edge for edge in edges)
    assert 0 <= first < last <= 1 + 1e-9
    assert 1 <= sheet["width"] <= 1.2
    assert sheet["left"] <= 0 <= sheet["left"] + sheet["width"] - 1 + 1e-9
    if edges == (0.12, 0.88):
        assert sheet["width"] > 1.1


def test_text_around_evidence_is_cut_where_the_file_hides_it() -> None:
    view = replace(VIEW, hidden=(Span(890, 895), Span(930, 999)))
    data = evidence_data(view, image=None, turn=turn_of(1, [1]))
    assert [(part["text"], part["hidden"]) for part in data["before"]] == [
        ("…", False),
        ("let", True),
        ("ter. ", False),
    ]
    assert [(part["text"], part["hidden"]) for part in data["after"]] == [(" He was well", False), (".", True)]
    assert data["notice"] == ""


def test_page_numbers_are_named_where_documents_have_pages() -> None:
    assert named_place("letter.pdf", 1) == "letter.pdf, page 1"
    assert named_place("list.csv", 1) == "list.csv"
    assert named_place("notes.docx", 3) == "notes.docx, page 3"


def test_a_path_runs_from_the_question_outwards_whichever_way_its_facts_point() -> None:
    facts = (fact("Voss", "takes", "warfarin"), fact("amiodarone", "interacts with", "warfarin", hop=2))
    assert steps_of(facts) == {"Voss": 0, "warfarin": 1, "amiodarone": 2}
    towards = (fact("clinic", "treats", "Voss"), fact("guideline", "is for", "clinic", hop=2))
    assert steps_of(towards) == {"Voss": 0, "clinic": 1, "guideline": 2}


def test_the_drawing_holds_every_fact_once_and_every_name_once() -> None:
    facts = (*ANSWER.triples, ANSWER.triples[0], fact("Voss", "stopped", "warfarin"))
    drawn = path_data(facts)
    assert [one["name"] for one in drawn["entities"]] == ["Voss", "warfarin", "aspirin"]
    assert [one["relation"] for one in drawn["edges"]] == ["takes", "not: take", "stopped"]
    assert [one["bow"] for one in drawn["edges"]] == [0, 0, 1]
    assert [one["text"] for one in drawn["columns"]] == ["In the question", "Step 1"]
    assert len({(one["x"], one["y"]) for one in drawn["entities"]}) == 3


def test_examples_ask_about_different_types_first_and_never_about_a_date() -> None:
    named = [("June", "Date"), ("Voss", "Person"), ("Tennant", "Person"), ("warfarin", "Medicine"), ("INR", "Test")]
    entities = [Entity(EntityId(name), name, name, kind, mentions=9) for name, kind in named]
    assert example_questions(entities) == [f"What is said about {name}?" for name in ("Voss", "warfarin", "INR")]


class Steps:
    """Answers that grow until told to end; says when it was closed."""

    def __init__(self) -> None:
        self.closed = Event()
        self.go_on = Event()

    def ask(self) -> Iterator[Answer]:
        try:
            for shown in range(1, 1_000):
                yield replace(ANSWER, finished=False, timings={"step": float(shown)})
                self.go_on.wait(0.01)
            yield ANSWER
        finally:
            self.closed.set()


def test_a_question_that_runs_shows_what_is_known_so_far_and_stop_closes_it() -> None:
    steps = Steps()
    running = RunningQuestion(steps.ask)
    deadline = time.monotonic() + 10
    while running.latest is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert running.latest is not None
    assert not running.ended
    running.stop()
    assert running.wait(timeout_seconds=10)
    assert steps.closed.is_set()
    assert running.error is None


def test_a_question_nobody_holds_any_more_ends() -> None:
    steps = Steps()
    running = RunningQuestion(steps.ask)
    assert not steps.closed.is_set()
    del running
    gc.collect()
    assert steps.closed.wait(10)


def test_what_goes_wrong_while_answering_becomes_a_sentence() -> None:
    def refuse() -> Iterator[Answer]:
        raise InvalidInputError("Write a question first.")

    def break_down() -> Iterator[Answer]:
        yield ANSWER
        raise ZeroDivisionError("text of a document")

    known, unknown = RunningQuestion(refuse), RunningQuestion(break_down)
    assert known.wait(timeout_seconds=10)
    assert unknown.wait(timeout_seconds=10)
    assert str(known.error) == "Write a question first."
    assert isinstance(unknown.error, DafeError)
    assert "reference" in str(unknown.error)
    assert "document" not in str(unknown.error)
    assert unknown.latest == ANSWER


@pytest.mark.parametrize("assertion", list(Assertion))
def test_every_way_to_state_a_fact_has_a_look(assertion: Assertion) -> None:
    (drawn,) = answer_data(replace(ANSWER, triples=(fact("a", "b", "c", assertion=assertion),)), shown=None)["facts"]
    assert drawn["colour"] in {"gray", "red", "orange", "violet", "blue"}
    assert (drawn["relation"] == "b") is (assertion is Assertion.AFFIRMED)
