"""What is being indexed now: stage, how much of it is done, how long it takes, and Stop."""

from collections.abc import Sequence

import streamlit as st

from app.domain.access import Permission
from app.domain.jobs import Job, JobKind, JobState, Stage
from components.error_card import shows_errors
from components.formats import number, plain, time_left
from components.identity import refreshed
from components.session import Session
from components.words import STAGE, STAGE_UNITS

_EVERY_SECONDS = 1.5
_MOST_SHOWN = 3
UNFINISHED = (JobState.WAITING, JobState.RUNNING, JobState.STOPPING)
_KEPT = "The file is kept; the facts this run found are removed."


def progress_line(job: Job) -> str:
    """ "Finding facts: 30 of 48 passages, about 6 min left"."""
    if job.state is JobState.STOPPING:
        return "Stopping: what this run added is being removed"
    if job.state is JobState.WAITING and job.error:
        return f"Waiting: {job.error}"
    if job.state is JobState.WAITING or job.stage is Stage.WAITING:
        return "Waiting for its turn"
    word, left = STAGE[job.stage].text, time_left(job.eta_seconds if job.done >= 0.05 * job.total else None)
    if job.kind is JobKind.EXPORT:
        return "Making the file"
    if job.kind is JobKind.EMBED and job.total:
        return f"{word}: {job.done / job.total:.0%}, {left}"
    unit = STAGE_UNITS.get(job.stage)
    if not unit or not job.total:
        return word
    return f"{word}: {number(job.done)} of {number(job.total)} {unit}{'' if job.total == 1 else 's'}, {left}"


def job_title(job: Job) -> str:
    if job.kind is JobKind.EMBED:
        return "All documents, for another embedding model"
    if job.kind is JobKind.EXPORT:
        return f"Export: {job.document_name}"
    return job.document_name or "A deleted document"


def progress_share(job: Job) -> float:
    return min(job.done / job.total, 1.0) if job.total and job.state is JobState.RUNNING else 0.0


def unfinished_jobs(session: Session) -> list[Job]:
    """Those being run first, then those that wait, oldest first."""
    jobs = session.services.jobs.list(session.actor, workspace_id=session.workspace_id, states=UNFINISHED)
    return sorted(jobs, key=lambda job: (job.state is JobState.WAITING, job.created_at))


def progress_card(
    session: Session,
    *,
    key: str,
    heading: str = "Running",
    every_seconds: float = _EVERY_SECONDS,
    page_shows_stages: bool = True,
) -> None:
    """A card that refreshes itself while there is work; the page runs anew when a job begins or ends, and when one
    changes its stage where the page shows that elsewhere too."""
    drawn = unfinished_jobs(session)

    def seen(jobs: Sequence[Job]) -> list[tuple[str, Stage | None]]:
        return [(job.id, job.stage if page_shows_stages else None) for job in jobs]

    def body() -> None:
        with shows_errors("progress"):
            jobs = unfinished_jobs(refreshed(session))
            if seen(jobs) != seen(drawn):
                st.rerun()
            with st.container(gap=12):
                _card(session, jobs, key=key, heading=heading)

    with st.container(border=True, key=f"progress-{key}", height="stretch" if heading else "content"):
        st.fragment(body, run_every=every_seconds if drawn else None)()


def _card(session: Session, jobs: Sequence[Job], *, key: str, heading: str) -> None:
    if heading:
        st.markdown(f"**{heading}** :gray[· {number(len(jobs))}]")
    if not jobs:
        st.markdown(":gray[Nothing is being indexed.]")
    for job in jobs[:_MOST_SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(gap="xxsmall"):
                st.markdown(plain(job_title(job)))
                st.progress(progress_share(job), text=plain(progress_line(job)))
            if session.may(Permission.WRITE) and job.kind is not JobKind.EMBED:
                _stop_button(session, job, key=key)
    if len(jobs) > _MOST_SHOWN:
        st.markdown(f":gray[{number(len(jobs) - _MOST_SHOWN)} more waiting]")


def _stop_button(session: Session, job: Job, *, key: str) -> None:
    pressed = st.button(
        "Stop",
        key=f"{key}-stop-{job.id}",
        type="tertiary",
        icon=":material/stop_circle:",
        help=None if job.kind is JobKind.EXPORT else _KEPT,
        disabled=job.state is JobState.STOPPING,
    )
    if pressed:
        current = refreshed(session)
        current.services.jobs.stop(current.actor, workspace_id=current.workspace_id, job_id=job.id)
        st.rerun()
