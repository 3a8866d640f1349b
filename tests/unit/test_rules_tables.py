"""Facts of table rows say which row they are of."""

import pytest

from app.domain.documents import Span
from app.pipeline.rules_tables import read_row
from app.pipeline.verification import ParsedSentence

ROW = "Oswin Carrick; Record: TG-087755; Date: 2026-06-19; Test: Tacrolimus trough; Value: 7.1; Unit: ng/mL"


def facts(*, shared_label: bool) -> list[tuple[str, str, str]]:
    row = ParsedSentence(Span(100, 100 + len(ROW)), ROW, None)
    return [(one.subject, one.relation, one.object) for one in read_row(row, shared_label=shared_label)]


def test_a_row_that_is_alone_with_its_label_gives_plain_columns() -> None:
    assert ("Oswin Carrick", "value", "7.1") in facts(shared_label=False)


def test_rows_of_one_label_are_told_apart_by_their_first_words() -> None:
    found = facts(shared_label=True)
    assert ("Oswin Carrick", "test", "Tacrolimus trough") in found
    assert ("Oswin Carrick", "value of Tacrolimus trough", "7.1") in found
    assert ("Oswin Carrick", "unit of Tacrolimus trough", "ng/mL") in found


@pytest.mark.parametrize("shared_label", [True, False])
def test_every_argument_is_where_its_span_says(shared_label: bool) -> None:
    row = ParsedSentence(Span(100, 100 + len(ROW)), ROW, None)
    for one in read_row(row, shared_label=shared_label):
        assert one.subject_span is not None
        assert one.object_span is not None
        assert ROW[one.subject_span.start - 100 : one.subject_span.end - 100] == one.subject
        assert ROW[one.object_span.start - 100 : one.object_span.end - 100] == one.object
