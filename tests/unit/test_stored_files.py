"""Whatever is changed in a stored file, it is noticed."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ids import FileId
from app.errors import IntegrityError, NotFoundError
from backends.files.base import FileStore
from backends.files.settings import FileSettings
from backends.loading import load


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileStore, Path]:
    folder = tmp_path_factory.mktemp("files")
    return load(FileStore, FileSettings(), data_dir=folder, key=bytes(range(32))), folder


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200), data=st.data())
def test_a_stored_file_is_read_back_whole_or_not_at_all(
    store: tuple[FileStore, Path], content: bytes, data: st.DataObject
) -> None:
    """Any changed, cut or added byte, and another file's content in its place, are noticed."""
    files, folder = store
    files.put(FileId("one"), content)
    files.put(FileId("two"), b"other")
    assert files.get(FileId("one")) == content
    path, other = (next(one for one in folder.rglob("*") if one.name == name) for name in ("one", "two"))
    sealed = path.read_bytes()
    assert len(content) < 8 or content not in sealed
    place = data.draw(st.integers(0, len(sealed) - 1))
    change = data.draw(st.integers(1, 255))
    for spoiled in (
        sealed[:place] + bytes([sealed[place] ^ change]) + sealed[place + 1 :],
        sealed[:place],
        sealed + bytes([change]),
        other.read_bytes(),
    ):
        path.write_bytes(spoiled)
        with pytest.raises((IntegrityError, NotFoundError)):
            files.get(FileId("one"))
    path.write_bytes(sealed)
    assert files.get(FileId("one")) == content
