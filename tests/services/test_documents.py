"""Documents from upload to the last trace: the same again, new versions, and deletion that leaves nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.container import OPERATOR, Services
from app.domain.answers import Mode
from app.domain.documents import Document, DocumentStatus
from app.domain.workspaces import Workspace
from app.errors import ConflictError, NotFoundError
from app.services.documents import SameName, Upload, UploadState
from backends.files.folder import FolderFileStore
from backends.files.settings import FolderFileSettings
from backends.loaders import community
from backends.metadata.base_content import DocumentFilter
from backends.sql.engine import Database
from tests.conformance.community_files import make_epub
from tests.conformance.document_files import make_email, make_zip
from tests.servers.requiring import require
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, Work, add, facts, names, status_of, upload

PLANTED = [f"Zyx{sign}qorv{sign}" for sign in "abcdefghijklmnopqrst"]
"""Twenty names that occur nowhere else."""


def relations(services: Services, workspace: Workspace) -> set[tuple[str, str]]:
    return {(row[0].casefold(), row[3].casefold()) for row in facts(services, workspace.id)}


def test_an_added_document_is_indexed_with_its_coverage(services: Services, workspace: Workspace, work: Work) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    assert status_of(services, document) is DocumentStatus.WAITING
    work()
    found = services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    coverage = found.version.coverage
    assert found.version.status is DocumentStatus.INDEXED
    assert found.visible_version_id == found.version.id
    assert coverage.chunks == coverage.extracted + coverage.retried + coverage.quarantined > 0
    assert ("warfarin", "amiodarone") in relations(services, workspace)
    page = services.documents.list(OPERATOR, workspace_id=workspace.id, document_filter=DocumentFilter())
    assert (page.total, page.counts[DocumentStatus.INDEXED]) == (1, 1)


def test_a_book_is_read_by_a_community_loader_and_indexed(services: Services, workspace: Workspace, work: Work) -> None:
    if wanted := community.missing():
        require("community-loaders", f"install {wanted}")
    document = add(services, workspace.id, "book.epub", make_epub())
    work()
    found = services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    assert (found.version.status, found.version.media_type) == (DocumentStatus.INDEXED, community.EPUB)
    assert ("warfarin", "amiodarone") in relations(services, workspace)


def test_a_book_is_refused_with_what_to_install_where_no_loader_is(
    services: Services, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    book, letter = upload(services, workspace.id, "all.zip", make_zip({"book.epub": make_epub(), "a.txt": WARFARIN}))
    assert (book.state, letter.state) == (UploadState.REFUSED, UploadState.ADDED)
    assert "To read EPUB files, install " in book.message
    assert "pandoc 2.15 or later; or save it as DOCX or PDF and add that." in book.message


def test_the_same_file_again_is_already_here(
    services: Services, workspace: Workspace, other_workspace: Workspace
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    (again,) = upload(services, workspace.id, "another-name.txt", WARFARIN)
    assert again.state is UploadState.ALREADY_HERE
    assert again.document is not None
    assert again.document.id == document.id
    (elsewhere,) = upload(services, other_workspace.id, "warfarin.txt", WARFARIN)
    assert elsewhere.state is UploadState.ADDED


def test_a_known_name_with_other_content_is_asked_about_before_anything_is_stored(
    services: Services, workspace: Workspace
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    (asked,) = upload(services, workspace.id, "letter.txt", REPLACED)
    assert asked.state is UploadState.SAME_NAME
    assert asked.document is not None
    assert asked.document.id == document.id
    assert len(services.documents.versions(OPERATOR, workspace_id=workspace.id, document_id=document.id)) == 1
    (separate,) = upload(services, workspace.id, "letter.txt", REPLACED, same_name=SameName.SEPARATE)
    assert separate.document is not None
    assert separate.document.id != document.id
    assert names(services, workspace.id) == ["letter.txt", "letter.txt"]


def test_one_bad_file_never_stops_the_others(services: Services, workspace: Workspace) -> None:
    mail = make_email(attachments=(("plan.txt", ASPIRIN), ("program.bin", b"\x7fELF\x00\x01")))
    files = [
        Upload("photo.png", b"\x89PNG\r\n\x1a\n\x00"),
        Upload("letters.zip", make_zip({"a/warfarin.txt": WARFARIN, "empty.txt": b""})),
        Upload("letter.eml", mail),
    ]
    outcomes = services.documents.upload(OPERATOR, workspace_id=workspace.id, files=files)
    assert [(one.name, one.state) for one in outcomes] == [
        ("photo.png", UploadState.REFUSED),
        ("warfarin.txt", UploadState.ADDED),
        ("empty.txt", UploadState.REFUSED),
        ("letter.eml", UploadState.ADDED),
        ("plan.txt", UploadState.ADDED),
        ("program.bin", UploadState.REFUSED),
    ]
    assert all(one.message for one in outcomes if one.state is UploadState.REFUSED)


def test_a_new_version_takes_the_place_of_the_old_in_one_step(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    (second,) = upload(services, workspace.id, "letter.txt", REPLACED, same_name=SameName.NEW_VERSION)
    assert second.document is not None
    assert second.document.id == document.id
    assert second.document.version.number == 2
    assert ("warfarin", "amiodarone") in relations(services, workspace)
    work()
    found = relations(services, workspace)
    assert ("warfarin", "fluconazole") in found
    assert ("warfarin", "amiodarone") not in found
    assert services.graph.search(OPERATOR, workspace_id=workspace.id, text="amiodarone") == []
    versions = services.documents.versions(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    assert [version.number for version in versions] == [2, 1]


def test_a_new_version_that_cannot_be_read_leaves_the_old_one_in_use(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    before = facts(services, workspace.id)
    upload(services, workspace.id, "letter.txt", b"... --- ...", same_name=SameName.NEW_VERSION)
    work()
    found = services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    assert found.version.status is DocumentStatus.FAILED
    assert found.version.error
    assert found.visible_version_id != found.version.id
    assert facts(services, workspace.id) == before


def test_a_document_is_indexed_again_on_request_but_not_while_it_is_in_work(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    with pytest.raises(ConflictError):
        services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    work()
    before = facts(services, workspace.id)
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    work()
    assert status_of(services, document) is DocumentStatus.INDEXED
    assert facts(services, workspace.id) == before


def test_facts_that_another_document_states_remain(services: Services, workspace: Workspace, work: Work) -> None:
    warfarin = add(services, workspace.id, "warfarin.txt", WARFARIN)
    add(services, workspace.id, "aspirin.txt", ASPIRIN)
    work()
    assert {row[6] for row in facts(services, workspace.id) if row[3] == "amiodarone"} == {
        "aspirin.txt",
        "warfarin.txt",
    }
    services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=warfarin.id)
    work()
    assert {row[6] for row in facts(services, workspace.id)} == {"aspirin.txt"}
    assert ("warfarin", "amiodarone") in relations(services, workspace)
    assert services.graph.search(OPERATOR, workspace_id=workspace.id, text="bleeding") == []


def dump(services: Services) -> Iterator[str]:
    """Every value of every table, decrypted, and every stored file."""
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.read() as connection:
        tables = connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        for table in tables:
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')):
                yield from (one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in row)
    database.close()
    files = FolderFileStore(FolderFileSettings(), data_dir=services.settings.data_dir, key=services.keys.files)
    yield from (files.get(file_id).decode("latin-1") for file_id in files.find())


def found_in_services(services: Services, workspace: Workspace) -> set[str]:
    found = set()
    for name in PLANTED:
        if services.graph.search(OPERATOR, workspace_id=workspace.id, text=name):
            found.add(name)
    for format_ in ("csv", "jsonld", "graphml", "cypher"):
        exported = services.graph.export(OPERATOR, workspace_id=workspace.id, format=format_).decode()
        found |= {name for name in PLANTED if name in exported}
    for mode in (Mode.RAG, Mode.GRAPHRAG, Mode.GRAPH):
        *_, answer = services.questions.ask(
            OPERATOR, workspace_id=workspace.id, text="What does warfarin interact with?", mode=mode
        )
        found |= {name for name in PLANTED if name in repr(answer)}
    history = services.questions.history(OPERATOR, workspace_id=workspace.id, limit=100)
    return found | {name for name in PLANTED if any(name in repr(asked) for asked in history)}


def test_nothing_is_left_of_a_deleted_document(services: Services, workspace: Workspace, work: Work) -> None:
    planted: Document = add(
        services,
        workspace.id,
        f"{PLANTED[0]}.txt",
        (f"{PLANTED[1]} letter\n\n" + "\n\n".join(f"Warfarin interacts with {name}." for name in PLANTED)).encode(),
    )
    add(services, workspace.id, "aspirin.txt", ASPIRIN)
    work()
    assert found_in_services(services, workspace) >= set(PLANTED[1:])
    assert {name for name in PLANTED for text in dump(services) if name in text} == set(PLANTED)
    services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=planted.id)
    assert found_in_services(services, workspace) == set()
    with pytest.raises(NotFoundError):
        services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=planted.id)
    work()
    assert found_in_services(services, workspace) == set()
    left = [text for text in dump(services) if any(name.casefold() in text.casefold() for name in PLANTED)]
    assert left == []
    assert not [text for text in dump(services) if planted.version.sha256 in text]
    assert services.jobs.list(OPERATOR, workspace_id=workspace.id)
    for path in services.settings.data_dir.rglob("*"):
        if path.is_file():
            assert not any(name.encode() in path.read_bytes() for name in PLANTED), path.name


def test_a_file_that_is_stored_cannot_be_read_raw(services: Services, workspace: Workspace, work: Work) -> None:
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    for path in services.settings.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            assert b"amiodarone" not in content
            assert b"warfarin" not in content, path.name
