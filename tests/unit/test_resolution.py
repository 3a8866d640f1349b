"""Names become entities, facts become triples with their evidence, and citations are numbered."""

import hashlib

from app.domain.documents import LoadedDocument, Page, Span
from app.domain.graph import Assertion, Contribution, Evidence, Extraction, RecognisedEntity, VerifiedTriple
from app.domain.ids import DocumentId
from app.pipeline.citing import Citations
from app.pipeline.resolution import TOPIC_TYPE, contribute, key_of
from tests.unit.model_parts import chunk_of

TEXTS = ("Warfarin interacts with amiodarone.", "warfarin  interacts with Amiodarone.")
CHUNK = chunk_of(*TEXTS, topic="Drug letter / Interactions")
LOADED = LoadedDocument(CHUNK.text, (Page(1, Span(0, 40)), Page(2, Span(40, len(CHUNK.text)))))
KEY = b"k" * 32


def fact(
    sentence: int, subject: str = "Warfarin", object_: str = "amiodarone", *, confidence: float = 0.5, **given: object
) -> VerifiedTriple:
    span = CHUNK.sentences[sentence].span
    values: dict[str, object] = {
        "subject_type": "Drug",
        "object_type": "Drug",
        "assertion": Assertion.AFFIRMED,
        "kind": "svo",
    }
    return VerifiedTriple(
        sentence=span,
        subject=subject,
        relation="interacts with",
        object=object_,
        subject_span=span,
        object_span=span,
        confidence=confidence,
        **{**values, **given},  # type: ignore[arg-type]
    )


def contributed(*triples: VerifiedTriple, entities: tuple[RecognisedEntity, ...] = ()) -> Contribution:
    extraction = Extraction(entities, triples, {})
    return contribute(CHUNK, extraction, loaded=LOADED, ids_key=KEY, extractor_version="rules/1")


def test_a_fact_stated_twice_is_one_triple_with_two_places() -> None:
    contribution = contributed(fact(0), fact(1, "warfarin ", "Amiodarone"))
    (triple,) = contribution.triples
    evidence: tuple[Evidence, ...] = triple.evidence
    assert [one.span for one in evidence] == [sentence.span for sentence in CHUNK.sentences]
    assert [one.page for one in evidence] == [1, 1]
    assert evidence[0].quote_hash == hashlib.sha256(TEXTS[0].encode()).hexdigest()
    assert {one.extractor for one in evidence} == {"rules/1"}
    assert contributed(fact(0), fact(1)) == contributed(fact(0), fact(1))


def test_of_one_place_the_most_trusted_reading_is_kept() -> None:
    contribution = contributed(fact(0, confidence=0.4, kind="svo"), fact(0, confidence=0.9, kind="model"))
    (triple,) = contribution.triples
    assert [(one.kind, one.confidence) for one in triple.evidence] == [("model", 0.9)]


def test_a_denied_fact_is_another_triple_and_a_fact_about_itself_none() -> None:
    contribution = contributed(
        fact(0), fact(1, assertion=Assertion.NEGATED), fact(1, "Warfarin", "warfarin"), fact(1, "…", "amiodarone")
    )
    assert [one.assertion for one in sorted(contribution.triples, key=lambda one: one.assertion)] == [
        Assertion.AFFIRMED,
        Assertion.NEGATED,
    ]


def test_a_name_without_type_takes_that_of_its_namesake() -> None:
    named = RecognisedEntity(Span(0, 8), "Warfarin", "Drug")
    contribution = contributed(fact(0, subject_type="Concept"), entities=(named,))
    warfarin = [one for one in contribution.entities if one.key == "warfarin"]
    assert [one.type for one in warfarin] == ["Drug"]
    counts = {one.entity_id: one.count for one in contribution.mentions}
    assert counts[warfarin[0].id] == 2


def test_titles_and_headings_are_entities_that_lead_to_the_passage() -> None:
    contribution = contributed(fact(0))
    topics = {one.entity_id for one in contribution.mentions if one.topic}
    names = {one.name: one.type for one in contribution.entities if one.id in topics}
    assert names == {"Drug letter": TOPIC_TYPE, "Interactions": TOPIC_TYPE}


def test_a_title_before_a_name_is_no_part_of_it() -> None:
    assert key_of("Dr. Ilse Maes", "Person") == key_of("Ilse  Maes", "Person") == key_of("ilse maes", "Concept")
    assert key_of("Dr. Ilse Maes", "Organisation") != key_of("Ilse Maes", "Organisation")


def test_citations_are_numbered_in_order_of_use_and_quote_the_text() -> None:
    first, second = (sentence.span for sentence in CHUNK.sentences)
    citations = Citations({})
    assert citations.cite(second, chunk=CHUNK, page=2).n == 1
    assert citations.cite(first, chunk=CHUNK).n == 2
    again = citations.cite(second, chunk=CHUNK)
    assert (again.n, again.quote, again.page, again.document) == (1, TEXTS[1], 2, "")
    (triple,) = contributed(fact(0)).triples
    assert citations.cite_evidence(triple.evidence[0], chunk=CHUNK).n == 2
    assert [one.n for one in citations.all] == [1, 2]
    assert {one.document_id for one in citations.all} == {DocumentId("document of v1")}
