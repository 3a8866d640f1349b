"""The audit log in plain words: what was done, how it ended, from where, with what."""

from collections.abc import Mapping

from app.domain.audit import AuditEvent, Outcome
from components.formats import counted, short_name
from components.words import OUTCOME, Word

ACTION: dict[str, str] = {
    "documents.upload": "Added a document",
    "documents.list": "Listed documents",
    "documents.get": "Opened a document",
    "documents.versions": "Looked at versions",
    "documents.delete": "Deleted a document",
    "documents.retry": "Had a document read again",
    "access.get": "Looked who sees a document",
    "access.set": "Changed who sees a document",
    "evidence.page_text": "Read a page",
    "evidence.page_image": "Looked at a page",
    "evidence.evidence": "Opened a source",
    "jobs.stop": "Stopped a job",
    "jobs.retry": "Restarted a job",
    "questions.ask": "Asked a question",
    "questions.history": "Listed questions",
    "questions.get": "Opened an answer",
    "graph.search": "Searched the graph",
    "graph.neighbourhood": "Explored the graph",
    "graph.triple": "Opened a fact",
    "graph.export": "Exported the graph",
    "exports.start": "Had an export made",
    "exports.download": "Downloaded an export",
    "workspaces.add": "Added a workspace",
    "workspaces.rename": "Renamed a workspace",
    "workspaces.delete": "Deleted a workspace",
    "workspaces.members": "Listed members",
    "workspaces.set_member": "Changed a member",
    "users.list": "Listed people",
    "users.add": "Added a person",
    "users.import_user": "Imported a person",
    "users.disable": "Disabled a person",
    "users.enable": "Enabled a person",
    "users.set_roles": "Changed roles",
    "users.reset_password": "Reset a password",
    "users.change_own_password": "Changed own password",
    "users.ensure_first_administrator": "Made the first administrator",
    "sessions.sign_in": "Signed in",
    "sessions.sign_out": "Signed out",
    "sessions.revoke": "Ended a session",
    "audit.people": "Looked up names",
    "audit.list": "Read the log",
    "audit.verify": "Verified the log",
    "audit.export": "Exported the log",
    "health.probe_again": "Tested the language model",
    "audit.renew_key": "Changed the sealing key",
    "audit.damaged": "Event that was damaged",
    "audit.second_device": "Second device",
    "session.refused": "Was refused at the door",
    "session.ended": "Session ended",
    "worker.index": "Indexed a document",
    "worker.reread": "Began to read a document again",
    "worker.delete": "Removed what was left",
    "worker.export": "Made an export",
    "worker.verify": "Verified the log by itself",
    "worker.embed": "Switched search to another embedding model",
    "installation.start": "Started the program",
    "installation.stop": "Stopped the program",
    "installation.migrate": "Moved the installation",
}
DONE = Word("Done", "check", "✓", "gray")
_CHANNELS = {"web": "Browser", "rest": "REST", "cli": "Command line", "worker": "Worker", "system": "This server"}
_OWN_WORK = frozenset({"worker", "cli", "system"})
_DETAILS = {"roles": "role", "start": "", "end": "", "change": ""}
"""Other words for what is noted; empty for what only machines need."""


def action_words(action: str) -> str:
    """An action that is younger than these words is shown by its name."""
    return ACTION.get(action, action)


def outcome_word(event: AuditEvent) -> Word:
    """People are allowed or refused; what the program does by itself is done or failed."""
    return DONE if event.outcome is Outcome.DONE and event.channel in _OWN_WORK else OUTCOME[event.outcome]


def who(event: AuditEvent, people: Mapping[str, str]) -> str:
    """The worker acts for the person who asked; somebody deleted or unknown is shown by the end of the id."""
    if event.actor_id == "system":
        return "System"
    if event.actor_id == "operator":
        return "Operator"
    if event.actor_id == "unknown":
        return "Unknown user"
    name = short_name(people.get(event.actor_id, f"…{event.actor_id[-6:]}"))
    return f"System, for {name}" if event.channel == "worker" else name


def where(event: AuditEvent) -> str:
    channel = _CHANNELS.get(event.channel, event.channel)
    return f"{channel}, {event.address}" if event.address else channel


def details(event: AuditEvent, workspaces: Mapping[str, str]) -> str:
    """Workspace, number of things or the end of the only one's id, and what was noted beside."""
    parts = [workspaces.get(event.workspace_id, "")] if event.workspace_id else []
    if len(event.objects) == 1:
        parts.append(f"id …{event.objects[0][-6:]}")
    elif event.objects:
        parts.append(counted(len(event.objects), "object"))
    for name, value in event.details.items():
        word = _DETAILS.get(name, name.replace("_", " "))
        if word:
            parts.append(f"{word} {value}".lower() if isinstance(value, bool) else f"{word} {value}")
    return ", ".join(part for part in parts if part)
