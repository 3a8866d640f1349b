"""The table of documents."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app.domain.documents import Document, DocumentStatus, DocumentVersion
from app.domain.ids import DocumentId, UserId
from app.domain.jobs import Job
from components.formats import moment, short_name
from components.progress_card import progress_share
from components.words import DOCUMENT, PARTLY_INDEXED, RESTRICTED, STAGE, TO_REDO, document_word

DETAILS, TRY_AGAIN, ACCESS, DELETE = "Details", "Try again", "Who can see this", "Delete"
_UNDER_WAY = frozenset({DocumentStatus.WAITING, DocumentStatus.RUNNING})
_CLICK = "documents-actions"
_COLOURS = {word.cell: word.colour for word in (*DOCUMENT.values(), *STAGE.values(), PARTLY_INDEXED, TO_REDO)}

OnAction = Callable[[str, DocumentId], None]


def document_table(
    documents: Sequence[Document],
    *,
    jobs: Mapping[DocumentId, Job],
    people: Mapping[UserId, str],
    may_write: bool,
    on_action: OnAction,
) -> None:
    """One row a document; `on_action` gets the words of the action chosen (DETAILS, TRY_AGAIN, ACCESS, DELETE) before
    the next run. `people` are names by user id; without them the column is left away, as is that of restricted
    documents where none is."""
    rows = [_row(document, jobs.get(document.id), people, may_write=may_write) for document in documents]
    marked = ["Access"] if any(document.restricted for document in documents) else []
    by = ["By"] if people else []
    columns = ["Name", "Status", *marked, "Covered", "Facts", "Pages", "Added", *by, "Actions"]
    st.dataframe(
        pd.DataFrame(rows, columns=columns),
        height="content",
        row_height=34,
        hide_index=True,
        column_config=_columns([document.id for document in documents], on_action, marked=bool(marked)),
        key="documents-table",
        alt="Documents with status, share that was read, facts, pages, when they were added, and which are restricted",
    )


def covered(version: DocumentVersion, job: Job | None) -> float:
    """The share of its passages that were read, in [0, 1]; of a running one the share of its present stage."""
    coverage = version.coverage
    if version.status is DocumentStatus.INDEXED:
        return (coverage.extracted + coverage.retried) / coverage.chunks if coverage.chunks else 1.0
    return progress_share(job) if job and version.status is DocumentStatus.RUNNING else 0.0


def _row(document: Document, job: Job | None, people: Mapping[UserId, str], *, may_write: bool) -> dict[str, Any]:
    version = document.version
    actions = [DETAILS, *([ACCESS] if may_write else [])]
    if may_write and version.status not in _UNDER_WAY:
        actions += [TRY_AGAIN] if version.status is not DocumentStatus.INDEXED else []
        actions.append(DELETE)
    return {
        "Name": document.name,
        "Status": [document_word(version, job.stage if job else None).cell],
        "Access": [RESTRICTED.cell] if document.restricted else [],
        "Covered": covered(version, job) * 100,
        "Facts": version.coverage.triples,
        "Pages": version.coverage.pages,
        "Added": moment(version.uploaded_at),
        "By": short_name(people.get(version.uploaded_by, "–")),
        "Actions": actions,
    }


def _columns(ids: Sequence[DocumentId], on_action: OnAction, *, marked: bool) -> dict[str, Any]:
    """`marked`: there is a column more, and the others make room for it."""

    def clicked() -> None:
        click = st.session_state.get(_CLICK)
        if click is not None and click.row < len(ids):
            on_action(click.label, ids[click.row])

    config = st.column_config
    return {
        "Name": config.TextColumn(width=197 if marked else 264),
        "Status": config.MultiselectColumn(width=134, options=list(_COLOURS), color=list(_COLOURS.values())),
        "Access": config.MultiselectColumn(width=108, options=[RESTRICTED.cell], color=[RESTRICTED.colour]),
        "Covered": config.ProgressColumn(
            width=101 if marked else 123, format="%d %%", min_value=0, max_value=100, color="gray"
        ),
        "Facts": config.NumberColumn(width=67, format="localized"),
        "Pages": config.NumberColumn(width=67, format="localized"),
        "Added": config.TextColumn(width=108 if marked else 127),
        "By": config.TextColumn(width=91),
        "Actions": config.ButtonColumn(width=82, type="tertiary", on_click=clicked, key=_CLICK),
    }
