"""The drawer about one document: its state, what was read of it, its record."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.domain.access import Permission
from app.domain.documents import Document, DocumentStatus, DocumentVersion
from app.domain.ids import DocumentId, UserId
from components.document_access import reader_names
from components.document_table import ACCESS, DELETE, TRY_AGAIN
from components.error_card import shows_errors
from components.formats import counted, day_and_time, number, percent, plain, size
from components.identity import refreshed
from components.session import Session
from components.tables import key_values, small_table
from components.words import MEDIA_TYPE, REFUSAL, RESTRICTED, document_word

_MOST_WARNINGS = 8
_SENTENCES = {
    DocumentStatus.WAITING: "It waits for its turn to be indexed.",
    DocumentStatus.RUNNING: "It is being indexed now. Until that is done, nothing of it appears in answers.",
    DocumentStatus.STOPPED: "Indexing was stopped. The file is kept; nothing from it was added.",
    DocumentStatus.FAILED: "It could not be indexed. The file is kept; nothing from it was added.",
    DocumentStatus.REFUSED: "It was refused. Nothing from it was added.",
}


def document_details(session: Session, document_id: DocumentId, *, people: Mapping[UserId, str]) -> str | None:
    """What stands in the drawer; returns what the person wants done: TRY_AGAIN, ACCESS or DELETE."""
    with shows_errors("document details"):
        current = refreshed(session)
        documents, scope = current.services.documents, {"workspace_id": current.workspace_id}
        document = documents.get(current.actor, document_id=document_id, **scope)
        versions = documents.versions(current.actor, document_id=document_id, **scope)
        version = document.version
        st.markdown(" ".join([document_word(version).badge, *([RESTRICTED.badge] if document.restricted else [])]))
        st.markdown(_sentence(document))
        wish = _buttons(version) if current.may(Permission.WRITE) else None
        _heading("What happened")
        key_values(_coverage(version), alt="What was read of this document")
        _refused(version)
        _heading("Record")
        seen_by: list[tuple[str, str]] = []
        if document.restricted and current.may(Permission.WRITE):
            access = current.services.access.get(current.actor, document_id=document_id, **scope)
            seen_by = [("Seen by", plain(reader_names(access)))]
        key_values([*_record(version, people), *seen_by], alt="Where this document comes from and who sees it")
        if len(versions) > 1:
            _versions(versions, document)
        return wish
    return None


def _heading(title: str, note: str = "") -> None:
    """Headings in dialogs are drawn smaller than text; a bold line is what people see as one."""
    st.markdown(f"**{title}**" + (f" :gray[· {note}]" if note else ""))


def _sentence(document: Document) -> str:
    version = document.version
    if version.status is DocumentStatus.INDEXED:
        aside = version.coverage.quarantined
        text = "All of it was read; every fact opens the sentence that states it."
        if version.to_redo:
            text = "Read while the language model was away: it will be read again when the model is back."
        if aside:
            text = f"{text} " if version.to_redo else ""
            text += (
                f"{counted(aside, 'passage was', 'passages were')} set aside because no facts could be read from"
                " them; they are still found by search."
            )
        return plain(text)
    text = version.error or _SENTENCES[version.status]
    if document.visible_version_id and document.visible_version_id != version.id:
        text += " Answers still use the version before."
    return plain(text)


def _buttons(version: DocumentVersion) -> str | None:
    """While it is being indexed, who sees it can be said and nothing else."""
    wish = None
    with st.container(horizontal=True):
        if version.status not in {DocumentStatus.WAITING, DocumentStatus.RUNNING}:
            first = "Read again" if version.to_redo else "Index again"
            first = first if version.status is DocumentStatus.INDEXED else "Try again"
            main = "secondary" if version.status is DocumentStatus.INDEXED else "primary"
            if st.button(first, type=main, icon=":material/refresh:", key="details-again"):  # type: ignore[arg-type]
                wish = TRY_AGAIN
            if st.button("Delete", icon=":material/delete:", key="details-delete"):
                wish = DELETE
        if st.button(ACCESS, icon=":material/lock:", key="details-access"):
            wish = ACCESS
    return wish


def _coverage(version: DocumentVersion) -> list[tuple[str, str]]:
    coverage = version.coverage
    read = coverage.extracted + coverage.retried
    share = f"{number(read)} ({percent(read, coverage.chunks)})" if coverage.chunks else "0"
    rows = [("Pages", number(coverage.pages)), ("Passages", number(coverage.chunks)), ("Read for facts", share)]
    if coverage.retried:
        rows.append(("Of these at a second attempt", number(coverage.retried)))
    rows += [("Set aside", number(coverage.quarantined)), ("Facts kept", number(coverage.triples))]
    rows += [("Note", plain(warning)) for warning in coverage.warnings[:_MOST_WARNINGS]]
    more = len(coverage.warnings) - _MOST_WARNINGS
    return [*rows, ("", f"{number(more)} more notes")] if more > 0 else rows


def _refused(version: DocumentVersion) -> None:
    refused = version.coverage.refused
    if not refused:
        return
    _heading("Not kept", number(sum(refused.values())))
    st.markdown(":gray[Candidate facts that did not pass the check against the text, by reason.]")
    ordered = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    key_values(
        [(REFUSAL.get(reason, plain(reason.capitalize())), number(count)) for reason, count in ordered],
        alt="Facts not kept by reason",
    )


def _record(version: DocumentVersion, people: Mapping[UserId, str]) -> list[tuple[str, str]]:
    by = people.get(version.uploaded_by)
    return [
        ("Added", plain(day_and_time(version.uploaded_at))),
        *([("By", plain(by))] if by else []),
        ("Size", plain(size(version.size_bytes))),
        ("Version", number(version.number)),
        ("Kind", MEDIA_TYPE.get(version.media_type, plain(version.media_type))),
        ("SHA-256", f"`{version.sha256[:16]}…`"),
    ]


def _versions(versions: Sequence[DocumentVersion], document: Document) -> None:
    _heading("Versions")
    rows = [
        (
            number(version.number) + (" (in use)" if version.id == document.visible_version_id else ""),
            document_word(version).badge,
            plain(day_and_time(version.uploaded_at)),
        )
        for version in versions
    ]
    small_table(("Version", "Status", "Added"), rows, alt="Versions of this document")
