"""How a table row is written into the text of a document."""

from backends.loaders.rows import write_row


def test_a_label_in_words_stands_alone() -> None:
    row = write_row(["Test", "Value"], ["Creatinine", "214"])
    assert row is not None
    assert row.text == "Creatinine; Value: 214"


def test_a_label_that_is_a_number_says_of_what() -> None:
    row = write_row(["Clearance (mL/min)", "Daily dose"], ["30 to 44", "1,000"])
    assert row is not None
    assert row.text == "Clearance (mL/min) 30 to 44; Daily dose: 1,000"
    assert [row.text[place:].startswith(cell) for place, cell in zip(row.places, row.cells, strict=True)] == [True] * 2
