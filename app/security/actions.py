"""The closed table of what is recorded: every public service method, and what the program does by itself."""

from dataclasses import dataclass

from app.domain.audit import AuditKind


@dataclass(frozen=True, slots=True)
class NotAudited:
    """An action that leaves no event; refusals of it are recorded all the same."""

    because: str


_DISCLOSURE = AuditKind.DISCLOSURE
_CHANGE = AuditKind.CHANGE
_POLLING = NotAudited("asked for over and over to draw progress; shows counts and names of jobs, no content")
_OWN = NotAudited("one's own sign-in state")

ACTIONS: dict[str, AuditKind | NotAudited] = {
    "documents.upload": _CHANGE,
    "documents.list": _DISCLOSURE,
    "documents.get": _DISCLOSURE,
    "documents.versions": _DISCLOSURE,
    "documents.delete": _CHANGE,
    "documents.retry": _CHANGE,
    "access.get": _DISCLOSURE,
    "access.set": _CHANGE,
    "evidence.page_text": _DISCLOSURE,
    "evidence.page_image": _DISCLOSURE,
    "evidence.evidence": _DISCLOSURE,
    "jobs.list": _POLLING,
    "jobs.get": _POLLING,
    "jobs.stop": _CHANGE,
    "jobs.retry": _CHANGE,
    "jobs.dead": _POLLING,
    "jobs.retry_all": NotAudited("each job is recorded as jobs.retry"),
    "questions.ask": _DISCLOSURE,
    "questions.history": _DISCLOSURE,
    "questions.get": _DISCLOSURE,
    "graph.counts": NotAudited("three numbers, no content"),
    "graph.search": _DISCLOSURE,
    "graph.neighbourhood": _DISCLOSURE,
    "graph.triple": _DISCLOSURE,
    "graph.export": _DISCLOSURE,
    "exports.start": _CHANGE,
    "exports.list": _POLLING,
    "exports.download": _DISCLOSURE,
    "workspaces.list": NotAudited("the names of one's own workspaces, drawn on every page"),
    "workspaces.get": NotAudited("name and settings of one's own workspace, drawn on every page"),
    "workspaces.summary": NotAudited("numbers only, drawn on every page"),
    "workspaces.count_indexed": NotAudited("a number only, drawn on every page"),
    "workspaces.add": _CHANGE,
    "workspaces.rename": _CHANGE,
    "workspaces.delete": _CHANGE,
    "workspaces.members": _DISCLOSURE,
    "workspaces.set_member": _CHANGE,
    "users.list": _DISCLOSURE,
    "users.add": _CHANGE,
    "users.import_user": _CHANGE,
    "users.disable": _CHANGE,
    "users.enable": _CHANGE,
    "users.set_roles": _CHANGE,
    "users.reset_password": _CHANGE,
    "users.change_own_password": _CHANGE,
    "users.ensure_first_administrator": _CHANGE,
    "sessions.sign_in": _CHANGE,
    "sessions.sign_out": _CHANGE,
    "sessions.actor_for": _OWN,
    "sessions.actor_for_session": _OWN,
    "sessions.find_ended": _OWN,
    "sessions.list_own": _OWN,
    "sessions.revoke": _CHANGE,
    "audit.people": _DISCLOSURE,
    "audit.list": _DISCLOSURE,
    "audit.status": NotAudited("how far the log is sealed and copied, no content; polled"),
    "audit.verify": _DISCLOSURE,
    "audit.export": _DISCLOSURE,
    "audit.renew_key": _CHANGE,
    "audit.seal": NotAudited("it is written into the log itself, as a checkpoint"),
    "samples.list": NotAudited("what is shipped with the program"),
    "samples.load": NotAudited("each document is recorded as documents.upload"),
    "health.checks": NotAudited("state of the installation, no content; polled"),
    "health.probe": NotAudited("state of the language model, no content; polled"),
    "health.probe_again": _CHANGE,
    "metrics.read": NotAudited("numbers of the installation, no content; polled"),
    "session.refused": _CHANGE,
    "session.ended": _CHANGE,
    "worker.index": _CHANGE,
    "worker.delete": _CHANGE,
    "worker.reread": _CHANGE,
    "worker.embed": _CHANGE,
    "worker.export": _CHANGE,
    "worker.verify": _DISCLOSURE,
    "audit.second_device": _CHANGE,
    "installation.start": _CHANGE,
    "installation.stop": _CHANGE,
    "installation.migrate": _CHANGE,
}

SHOWN_AGAIN = frozenset(
    {
        "documents.list",
        "documents.get",
        "documents.versions",
        "access.get",
        "evidence.page_text",
        "evidence.page_image",
        "evidence.evidence",
        "questions.history",
        "questions.get",
        "graph.search",
        "graph.neighbourhood",
        "graph.triple",
        "workspaces.members",
        "users.list",
        "audit.people",
        "audit.list",
    }
)
"""A page that is drawn again calls these again: the same objects in the same session count as one disclosure."""


def kind_of(action: str) -> AuditKind:
    """How `action` is recorded. Raises LookupError for one that is not in the table or is not audited."""
    kind = ACTIONS.get(action)
    if isinstance(kind, AuditKind):
        return kind
    reason = f"is not audited: {kind.because}" if kind else "is not in app.security.actions.ACTIONS"
    raise LookupError(f"the action {action} {reason}")
