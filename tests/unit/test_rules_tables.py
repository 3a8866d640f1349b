"""Facts of table rows say which row they are of."""

from app.domain.documents import Span
from app.pipeline.rules_tables import TableKeys, read_row, table_keys
from app.pipeline.verification import ParsedSentence

ROW = "Oswin Carrick; Record: TG-087755; Date: 2026-06-19; Test: Tacrolimus trough; Value: 7.1; Unit: ng/mL"


OTHER = "Oswin Carrick; Record: TG-087755; Date: 2026-06-20; Test: Creatinine; Value: 212; Unit: umol/L"


NO_KEYS = TableKeys({}, frozenset())
BY_TEST = TableKeys({"Oswin Carrick": "Test"}, frozenset())


def facts(text: str, *, keys: TableKeys = NO_KEYS) -> list[tuple[str, str, str]]:
    row = ParsedSentence(Span(100, 100 + len(text)), text, None)
    return [(one.subject, one.relation, one.object) for one in read_row(row, keys=keys)]


def test_rows_of_one_label_are_told_apart_by_the_first_words_that_differ() -> None:
    assert table_keys([ROW, OTHER]).column_of == BY_TEST.column_of
    assert table_keys([ROW]) == NO_KEYS


def test_a_usual_key_goes_before_a_flag_though_its_cells_have_figures() -> None:
    rows = [
        f"Harlan Voss; Date: 2026-06-15; Test: {test}; Flag: {flag}"
        for test, flag in (("HbA1c", "High"), ("Hb", "Low"))
    ]
    assert table_keys(rows).column_of == {"Harlan Voss": "Test"}


def test_the_column_that_tells_most_rows_apart_is_chosen() -> None:
    rows = [f"Harlan Voss; Flag: {flag}; Assay: {name}" for flag, name in (("High", "A"), ("Low", "B"), ("Low", "C"))]
    assert table_keys(rows).column_of == {"Harlan Voss": "Assay"}


def test_a_number_that_identifies_the_only_label_is_its_own() -> None:
    assert table_keys([ROW, OTHER]).of_label == {"Record"}


def test_what_tells_labels_apart_is_the_labels_own() -> None:
    others = [row.replace("Oswin Carrick", "Helen Faircloth").replace("TG-087755", "TG-150932") for row in (ROW, OTHER)]
    keys = table_keys([ROW, OTHER, *others])
    assert keys.of_label == {"Record"}
    found = facts(ROW, keys=keys)
    assert ("Oswin Carrick", "record", "TG-087755") in found
    assert ("Oswin Carrick", "date of Tacrolimus trough", "2026-06-19") in found


def test_cells_carry_the_key_and_the_unit_of_their_row() -> None:
    found = facts(ROW, keys=BY_TEST)
    assert ("Oswin Carrick", "test", "Tacrolimus trough") in found
    assert ("Oswin Carrick", "value of Tacrolimus trough in ng/mL", "7.1") in found
    assert not [one for one in found if one[2] == "ng/mL"]


def test_a_usual_key_is_used_where_no_other_row_shows_one() -> None:
    assert ("Marisol Tennant", "dose of ramipril", "5 mg") in facts("Marisol Tennant; Medicine: ramipril; Dose: 5 mg")


def test_an_identifier_before_the_key_is_the_labels_own_and_nothing_else_is() -> None:
    found = facts("Quillmark Ltd; Limit: 4.00; Facility: FB-2025-0204; Note: Leverage; Covenant: Leverage; Status: Met")
    assert ("Quillmark Ltd", "facility", "FB-2025-0204") in found
    assert ("Quillmark Ltd", "limit of Leverage", "4.00") in found
    assert ("Quillmark Ltd", "status of Leverage", "Met") in found
    assert ("Quillmark Ltd", "note", "FB-1") not in facts("Quillmark Ltd; Covenant: Leverage; Facility: FB-2025-0204")


def test_a_long_number_is_read_at_once() -> None:
    rows = [f"Ann Lee; Ref: A{'1' * 190}x; Test: {test}" for test in ("a", "b")]
    assert table_keys(rows).of_label == frozenset()


def test_a_row_without_a_key_gives_plain_columns() -> None:
    assert ("Leverage", "limit", "4.00") in facts("Leverage; June 2026: 4.31; Limit: 4.00")


def test_every_argument_is_where_its_span_says() -> None:
    row = ParsedSentence(Span(100, 100 + len(ROW)), ROW, None)
    for one in read_row(row, keys=BY_TEST):
        assert one.subject_span is not None
        assert one.object_span is not None
        assert ROW[one.subject_span.start - 100 : one.subject_span.end - 100] == one.subject
        assert ROW[one.object_span.start - 100 : one.object_span.end - 100] == one.object
