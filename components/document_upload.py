"""The dialog that adds documents."""

from collections.abc import Sequence

import streamlit as st

from app.services.documents import SameName, Upload, Uploaded, UploadState
from backends.loaders.community import is_offered
from components.error_card import shows_errors
from components.formats import counted, number, plain
from components.identity import refreshed
from components.session import Session

_FILES = "upload-files"
_OUTCOMES = "upload-outcomes"
_ASKED = "upload-asked"
"""The files themselves, kept in memory only while somebody is asked what to do with a name."""
_FORMATS = (
    "PDF, Word, PowerPoint, Excel, CSV, text, Markdown, HTML, e-mail, JSON, HL7, FHIR, C-CDA,{more}"
    " or ZIP archives of these; up to {most} MB each."
)
_MORE = " EPUB, RTF, OpenDocument text, Org, reStructuredText,"
_CHOICES = {SameName.NEW_VERSION: "New version", SameName.SEPARATE: "Separate document"}


def forget_upload() -> None:
    """Begin with an empty dialog the next time."""
    for key in (_OUTCOMES, _ASKED):
        st.session_state.pop(key, None)


def upload_dialog(session: Session) -> str | None:
    """What stands in the dialog. Returns a sentence for the page when everything was added and it can close."""
    with shows_errors("upload"):
        outcomes: list[Uploaded] | None = st.session_state.get(_OUTCOMES)
        if outcomes is None:
            return _choose(session)
        _report(outcomes)
        if questions := _questions(outcomes):
            return _ask(session, questions)
        if st.button("Done", type="primary", key="upload-done"):
            return _sentence(outcomes)
    return None


def _choose(session: Session) -> str | None:
    more = _MORE if is_offered() else ""
    st.markdown(f":gray[{plain(_FORMATS.format(more=more, most=session.services.settings.upload_mb))}]")
    files = st.file_uploader("Files", accept_multiple_files=True, key=_FILES)
    words = f"Add {counted(len(files), 'file')}" if files else "Add"
    if not st.button(words, type="primary", disabled=not files, key="upload-add"):
        return None
    return _send(session, [Upload(file.name, file.getvalue()) for file in files], {})


def _send(session: Session, uploads: Sequence[Upload], decisions: dict[str, SameName]) -> str | None:
    """Store the files; after names were asked for, only the outcomes of these are new."""
    current = refreshed(session)
    with st.spinner("Storing the files…"):
        outcomes = current.services.documents.upload(
            current.actor, workspace_id=current.workspace_id, files=uploads, same_name=decisions
        )
    if decisions:
        before = [one for one in st.session_state[_OUTCOMES] if one.state is not UploadState.SAME_NAME]
        outcomes = [*before, *(one for one in outcomes if one.name in decisions)]
    if any(one.state is not UploadState.ADDED for one in outcomes):
        st.session_state[_OUTCOMES] = outcomes
        st.session_state[_ASKED] = list(uploads) if _questions(outcomes) else []
        st.rerun()
    return _sentence(outcomes)


def _questions(outcomes: Sequence[Uploaded]) -> list[Uploaded]:
    return [one for one in outcomes if one.state is UploadState.SAME_NAME]


def _report(outcomes: Sequence[Uploaded]) -> None:
    added = sum(one.state is UploadState.ADDED for one in outcomes)
    if added:
        st.markdown(f":green[:material/check:] {counted(added, 'file was', 'files were')} added and wait for indexing.")
    for one in outcomes:
        if one.state is UploadState.ALREADY_HERE:
            st.markdown(f":gray[:material/file_copy:] **{plain(one.name)}**  \n:gray[{plain(one.message)}]")
        elif one.state is UploadState.REFUSED:
            st.markdown(f":red[:material/error:] **{plain(one.name)}**  \n:gray[{plain(one.message)}]")


def _ask(session: Session, questions: Sequence[Uploaded]) -> str | None:
    st.markdown("**A document of this name with other content is here already.**")
    st.markdown(":gray[A new version takes the place of the old one once it is indexed; its facts go with it.]")
    decisions = {}
    for one in questions:
        chosen = st.segmented_control(
            plain(one.name),
            list(_CHOICES),
            default=SameName.NEW_VERSION,
            format_func=lambda choice: _CHOICES[choice],
            required=True,
            key=f"same-name-{one.name}",
        )
        decisions[one.name] = chosen or SameName.NEW_VERSION
    if st.button(f"Add {counted(len(questions), 'file')}", type="primary", key="upload-decided"):
        return _send(session, st.session_state[_ASKED], decisions)
    return None


def _sentence(outcomes: Sequence[Uploaded]) -> str:
    added = sum(one.state is UploadState.ADDED for one in outcomes)
    if added == 1:
        return "1 file was added. It can be searched once it is indexed."
    return f"{number(added)} files were added. They can be searched once they are indexed." if added else ""
