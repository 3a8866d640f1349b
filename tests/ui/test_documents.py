"""Documents: add, watch, find, open, try again, delete."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.documents import Document, DocumentStatus
from app.domain.jobs import JobState
from app.domain.workspaces import Workspace
from app.services.documents import Upload
from backends.loaders import community
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.metadata.settings import SqliteMetadataSettings
from backends.sql.engine import Database
from tests.servers.requiring import require
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]
LETTER = b"Harlan Voss takes warfarin. Dr Petra Lindqvale treats Harlan Voss. Warfarin interacts with amiodarone."
OTHER = b"Maren Quell takes bisoprolol. She denies any bleeding."


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.title, *page.markdown, *page.success]).replace("\\", "")


def cells(page: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in page.table).replace("\\", "")


def names(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["Name"]) if page.dataframe else []


def stored(services: Services, workspace: Workspace) -> list[Document]:
    return services.documents.list(OPERATOR, workspace_id=workspace.id, document_filter=DocumentFilter()).documents


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def add(services: Services, person: Person, workspace: Workspace, **files: bytes) -> list[Document]:
    uploads = [Upload(f"{name}.txt", content) for name, content in files.items()]
    services.documents.upload(person.actor, workspace_id=workspace.id, files=uploads)
    return stored(services, workspace)


def test_an_empty_workspace_says_so_and_offers_the_samples(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    page = open_page("documents", clinician)
    assert not page.exception
    assert "No documents yet" in texts(page)
    page.button(key="empty-documents-second").click().run()
    assert not page.exception
    assert len(names(page)) >= 12
    assert "sample documents were added" in texts(page)
    assert all(one.version.status is DocumentStatus.WAITING for one in stored(services, workspace))


def test_many_files_are_added_at_once_and_a_bad_one_stops_no_other(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    page = open_page("documents", clinician)
    page.button(key="empty-documents-primary").click().run()
    for name, content in (("voss.txt", LETTER), ("quell.txt", OTHER), ("strange.exe", b"MZ\0\1" * 40)):
        page.file_uploader[0].upload(name, content)
    press(page.run(), "Add 3 files")
    assert "2 files were added" in texts(page)
    assert "strange.exe" in texts(page)
    press(page, "Done")
    assert sorted(names(page)) == ["quell.txt", "voss.txt"]


def test_the_dialog_names_the_formats_of_the_community_loaders_where_they_are_installed(
    open_page: OpenPage, clinician: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        dialog = texts(press(open_page("documents", clinician), "Add documents"))
    assert "FHIR, C-CDA, or ZIP archives" in dialog
    if not community.is_offered():
        require("community-loaders", f"install {community.missing()}")
    dialog = texts(press(open_page("documents", clinician), "Add documents"))
    assert "C-CDA, EPUB, RTF, OpenDocument text, Org, reStructuredText, or ZIP archives" in dialog


def test_the_same_file_again_is_said_to_be_here(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    add(services, clinician, workspace, voss=LETTER)
    page = press(open_page("documents", clinician), "Add documents")
    page.file_uploader[0].upload("voss.txt", LETTER)
    press(page.run(), "Add 1 file")
    assert "This file is already here" in texts(page)
    assert len(stored(services, workspace)) == 1


def test_the_same_name_with_other_content_is_asked_about(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    add(services, clinician, workspace, voss=LETTER)
    page = press(open_page("documents", clinician), "Add documents")
    page.file_uploader[0].upload("voss.txt", OTHER)
    press(page.run(), "Add 1 file")
    assert "other content is here already" in texts(page)
    page.button(key="upload-decided").click().run()
    (document,) = stored(services, workspace)
    assert document.version.number == 2


def test_documents_are_found_by_name_and_by_state(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    add(services, clinician, workspace, voss=LETTER, quell=OTHER)
    page = open_page("documents", clinician)
    page.text_input(key="documents-search").set_value("vos").run()
    assert names(page) == ["voss.txt"]
    page.text_input(key="documents-search").set_value("").run()
    page.segmented_control(key="documents-show").set_value("Indexed").run()
    assert "No document fits" in texts(page)


def test_the_details_say_what_was_read_what_was_not_kept_and_where_it_comes_from(
    open_page: OpenPage,
    services: Services,
    clinician: Person,
    workspace: Workspace,
    index_everything: Callable[[], None],
) -> None:
    (document,) = add(services, clinician, workspace, voss=LETTER)
    index_everything()
    page = open_page("documents", clinician, open=document.id)
    assert not page.exception
    assert "Facts kept" in cells(page)
    assert "Set aside" in cells(page)
    assert "Dr Ilse Marrow" in cells(page)


def test_a_stopped_document_is_tried_again_from_the_card(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    add(services, clinician, workspace, voss=LETTER)
    page = press(open_page("documents", clinician), "Stop")
    assert stored(services, workspace)[0].version.status is DocumentStatus.STOPPED
    press(page, "Try again")
    assert not page.exception
    assert stored(services, workspace)[0].version.status is DocumentStatus.WAITING


def test_what_failed_is_tried_again_together(
    open_page: OpenPage,
    services: Services,
    clinician: Person,
    workspace: Workspace,
    index_everything: Callable[[], None],
) -> None:
    add(services, clinician, workspace, one=b"... --- ...", two=b"--- ... ---", voss=LETTER)
    index_everything()
    page = press(open_page("documents", clinician), "Try all 2 again")
    assert not page.exception
    assert "2 documents wait to be indexed again" in texts(page)
    states = {one.name: one.version.status for one in stored(services, workspace)}
    assert states["one.txt"] is states["two.txt"] is DocumentStatus.WAITING
    assert states["voss.txt"] is DocumentStatus.INDEXED


def test_what_was_read_while_the_model_was_away_says_so_and_is_read_again_at_a_click(
    open_page: OpenPage,
    services: Services,
    clinician: Person,
    workspace: Workspace,
    index_everything: Callable[[], None],
) -> None:
    (document,) = add(services, clinician, workspace, voss=LETTER)
    index_everything()
    _mark(services, document)
    page = open_page("documents", clinician, open=document.id)
    assert "Read while the language model was away" in texts(page)
    assert list(page.dataframe[0].value["Status"]) == [["! To read again"]]
    press(page, "Read again")
    (again,) = stored(services, workspace)
    assert (again.version.number, again.version.status) == (2, DocumentStatus.WAITING)
    assert again.visible_version_id == document.version.id


def test_a_job_that_waits_for_a_server_says_for_what(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    add(services, clinician, workspace, voss=LETTER)
    (job,) = services.jobs.list(OPERATOR, workspace_id=workspace.id)
    with _records(services) as metadata:
        metadata.jobs.claim(job.id, worker="w", lease_seconds=10)
        metadata.jobs.finish(job.id, worker="w", state=JobState.WAITING, error="The server is away: start it.")
    page = open_page("documents", clinician)
    said = " ".join(one.text for one in page.get("progress")).replace("\\", "")
    assert "Waiting: The server is away: start it" in said


@contextmanager
def _records(services: Services) -> Iterator[MetadataStore]:
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    store: MetadataStore = load(MetadataStore, SqliteMetadataSettings(), database=database)
    yield store
    database.close()


def _mark(services: Services, document: Document) -> None:
    with _records(services) as metadata:
        metadata.documents.update_version(document.version.id, workspace_id=document.workspace_id, to_redo=True)


def test_deleting_asks_first_and_cancel_keeps_the_document(
    open_page: OpenPage,
    services: Services,
    clinician: Person,
    workspace: Workspace,
    index_everything: Callable[[], None],
) -> None:
    (document,) = add(services, clinician, workspace, voss=LETTER)
    index_everything()
    page = press(open_page("documents", clinician, open=document.id), "Delete")
    assert "This cannot be undone" in texts(page)
    press(page, "Cancel")
    assert stored(services, workspace)
    page = press(open_page("documents", clinician, open=document.id), "Delete")
    page.button(key=f"danger-document-{document.id}").click().run()
    assert not page.exception
    assert stored(services, workspace) == []
    assert "No documents yet" in texts(page)
