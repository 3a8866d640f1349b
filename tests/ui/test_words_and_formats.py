"""Every state has a word, and numbers, times and names are written in one way."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.access import Role
from app.domain.answers import Mode, Verdict
from app.domain.audit import Outcome
from app.domain.documents import DocumentStatus
from app.domain.graph import Assertion
from app.domain.ids import DocumentId, JobId, UserId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState, Stage
from components import formats, words
from components.progress_card import job_title, progress_line


def test_every_state_has_a_word() -> None:
    assert set(words.DOCUMENT) == set(DocumentStatus)
    assert set(words.STAGE) == set(Stage)
    assert set(words.VERDICT) == set(Verdict)
    assert set(words.OUTCOME) == set(Outcome)
    assert set(words.ASSERTION) == set(Assertion)
    assert set(words.MODE) == set(Mode)
    assert set(words.ROLE) == set(Role)


@pytest.mark.parametrize("name", ["![x](http://a.example/b)", "*bold* `code`", ":red[alarm]", "www.a.example", "a\nb"])
def test_a_name_never_becomes_markup(name: str) -> None:
    shown = formats.plain(name)
    assert shown.replace("\\", "") == " ".join(name.split())
    for before, sign in zip(" " + shown, shown, strict=False):
        assert sign not in "![]()*`:.<>" or before == "\\"


def test_what_is_missing_never_rounds_to_everything() -> None:
    assert formats.percent(9_999, 10_000) == "99.9 %"
    assert formats.percent(10, 10) == "100 %"
    assert formats.percent(0, 10) == "0 %"
    assert formats.percent(0, 0) == "–"


def test_moments_are_told_from_today() -> None:
    now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC).astimezone()
    assert formats.moment(now.replace(hour=9, minute=40), now=now) == "Today 09:40"
    assert formats.moment(now.replace(day=24, hour=16, minute=2), now=now) == "Yesterday 16:02"
    assert formats.moment(now.replace(day=3, hour=8, minute=5), now=now) == "3 Nov 08:05"
    assert formats.moment(now.replace(year=2025, hour=8, minute=5), now=now) == "25 Nov 2025 08:05"


def test_a_persons_name_is_short_in_tables() -> None:
    assert formats.short_name("Dr Ilse Marrow") == "I. Marrow"
    assert formats.short_name("First administrator") == "First administrator"


def job(stage: Stage, done: int, total: int, eta_seconds: float | None) -> Job:
    return Job(
        id=JobId("j"),
        kind=JobKind.INDEX,
        workspace_id=WorkspaceId("w"),
        document_id=DocumentId("d"),
        version_id=VersionId("v"),
        document_name="letter.txt",
        created_by=UserId("u"),
        created_at=datetime(2026, 11, 25, tzinfo=UTC),
        state=JobState.RUNNING,
        stage=stage,
        done=done,
        total=total,
        eta_seconds=eta_seconds,
    )


def test_progress_says_stage_count_and_time_left() -> None:
    assert progress_line(job(Stage.EXTRACTING, 30, 48, 360)) == "Finding facts: 30 of 48 passages, about 6 min left"
    assert progress_line(job(Stage.READING, 1, 212, 3)) == "Reading pages: 1 of 212 pages, measuring the time left"
    assert progress_line(job(Stage.STORING, 0, 1, None)) == "Saving facts"


def test_vectors_of_all_documents_are_shown_as_a_share() -> None:
    """How many passages there are is not everybody's to know."""
    anew = replace(job(Stage.EMBEDDING, 412, 1_000, 360), kind=JobKind.EMBED, document_name="")
    assert progress_line(anew) == "Preparing search: 41%, about 6 min left"
    assert job_title(anew) == "All documents, for another embedding model"
    assert job_title(replace(anew, kind=JobKind.DELETE)) == "A deleted document"
