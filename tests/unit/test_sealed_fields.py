"""Texts sealed for a database: they open only where they were put, with the key they were sealed with."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import IntegrityError, InvalidInputError
from backends.sql.fields import SealedFields

FIELDS = SealedFields(bytes(32))
PLACE = {"workspace_id": "here", "column": "chunks.text", "record": "c1"}
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


@given(UNICODE)
def test_a_text_comes_back_and_is_never_kept_the_same_way_twice(text: str) -> None:
    kept = [FIELDS.seal(text, **PLACE) for _ in range(2)]
    assert [FIELDS.open(one, **PLACE) for one in kept] == [text, text]
    assert (kept[0] == kept[1]) is (text == "")


@pytest.mark.parametrize("changed", [{"workspace_id": "other"}, {"column": "chunks.topic"}, {"record": "c2"}])
def test_a_text_moved_to_another_place_is_refused(changed: dict[str, str]) -> None:
    kept = FIELDS.seal("A stroke.", **PLACE)
    with pytest.raises(IntegrityError, match="changed there or belongs to another key"):
        FIELDS.open(kept, **PLACE | changed)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "format": lambda sealed: b"\x02" + sealed[1:],
    "key version": lambda sealed: sealed[:2] + b"\x02" + sealed[3:],
    "nonce": lambda sealed: sealed[:3] + bytes(12) + sealed[15:],
    "text": lambda sealed: sealed[:15] + bytes([sealed[15] ^ 1]) + sealed[16:],
    "end": lambda sealed: sealed[:-1],
    "all": lambda _sealed: b"",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_text_is_refused(change: Callable[[bytes], bytes]) -> None:
    kept = base64.b64decode(FIELDS.seal("A stroke.", **PLACE))
    for wrong in (base64.b64encode(change(kept) or b"\x01").decode(), "no base64 !"):
        with pytest.raises(IntegrityError) as caught:
            FIELDS.open(wrong, **PLACE)
        assert "stroke" not in str(caught.value)


def test_another_key_opens_nothing_and_has_another_mark() -> None:
    other = SealedFields(bytes(31) + b"\x01")
    with pytest.raises(IntegrityError):
        other.open(FIELDS.seal("A stroke.", **PLACE), **PLACE)
    assert other.mark() != FIELDS.mark()
    assert index("stroke", fields=other) != index("stroke")


def index(text: str, *, fields: SealedFields = FIELDS, workspace_id: str = "here", column: str = "stem") -> str:
    return fields.index([text, "other"], workspace_id=workspace_id, column=column)[text]


def test_an_index_is_the_same_for_the_same_text_of_a_workspace_and_column_only() -> None:
    places = [("here", "stem"), ("other", "stem"), ("here", "name")]
    indexes = {index("stroke", workspace_id=workspace, column=column) for workspace, column in places}
    assert len(indexes) == 3
    assert index("stroke") in indexes
    assert index("Stroke") not in indexes
    assert all("stroke" not in one and len(base64.b64decode(one)) == 16 for one in indexes)


def test_characters_that_are_no_unicode_are_refused_without_the_text() -> None:
    for call in (
        lambda: FIELDS.seal("Ward \ud800", **PLACE),
        lambda: index("Ward \ud800"),
    ):
        with pytest.raises(InvalidInputError, match="valid Unicode") as caught:
            call()
        assert caught.value.__cause__ is None
