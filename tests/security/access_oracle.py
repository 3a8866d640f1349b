"""Who may call what: written by hand from the product's roles, never derived from the program's own tables."""

from dataclasses import dataclass

PEOPLE = ("nobody", "clinician", "analyst", "elsewhere", "administrator", "compliance", "both")
"""Signed in without any right; clinician and analyst of the workspace; clinician of another workspace; administrator
and compliance officer without a membership; an administrator who is a clinician of the workspace too."""

IN_THE_WORKSPACE = frozenset({"clinician", "analyst", "both"})
ADMINISTRATORS = frozenset({"administrator", "both"})
AUDITORS = ADMINISTRATORS | {"compliance"}
EVERYBODY = frozenset(PEOPLE)


@dataclass(frozen=True, slots=True)
class Right:
    """`status` is what REST answers to everybody else: 404 hides that a workspace exists, 403 hides nothing."""

    people: frozenset[str]
    status: int


MEMBER = Right(IN_THE_WORKSPACE, 404)
MEMBER_OR_ADMINISTRATOR = Right(IN_THE_WORKSPACE | ADMINISTRATORS, 404)
ADMINISTRATOR = Right(ADMINISTRATORS, 403)
AUDITOR = Right(AUDITORS, 403)
ANYBODY = Right(EVERYBODY, 403)

SERVICES: dict[str, Right] = {
    "documents.upload": MEMBER,
    "documents.list": MEMBER,
    "documents.get": MEMBER,
    "documents.versions": MEMBER,
    "documents.delete": MEMBER,
    "documents.retry": MEMBER,
    "access.get": MEMBER,
    "access.set": MEMBER,
    "evidence.page_text": MEMBER,
    "evidence.page_image": MEMBER,
    "evidence.evidence": MEMBER,
    "jobs.list": MEMBER,
    "jobs.get": MEMBER,
    "jobs.stop": MEMBER,
    "jobs.retry": MEMBER,
    "jobs.dead": MEMBER,
    "jobs.retry_all": MEMBER,
    "questions.ask": MEMBER,
    "questions.history": MEMBER,
    "questions.get": MEMBER,
    "graph.counts": MEMBER,
    "graph.search": MEMBER,
    "graph.neighbourhood": MEMBER,
    "graph.triple": MEMBER,
    "graph.export": MEMBER,
    "exports.start": MEMBER,
    "exports.list": MEMBER,
    "exports.download": MEMBER,
    "samples.load": MEMBER,
    "samples.list": ANYBODY,
    "workspaces.list": ANYBODY,
    "workspaces.get": MEMBER_OR_ADMINISTRATOR,
    "workspaces.summary": MEMBER,
    "workspaces.count_indexed": MEMBER,
    "workspaces.add": ADMINISTRATOR,
    "workspaces.rename": ADMINISTRATOR,
    "workspaces.delete": ADMINISTRATOR,
    "workspaces.members": ADMINISTRATOR,
    "workspaces.set_member": ADMINISTRATOR,
    "users.list": ADMINISTRATOR,
    "users.add": ADMINISTRATOR,
    "users.import_user": ADMINISTRATOR,
    "users.disable": ADMINISTRATOR,
    "users.enable": ADMINISTRATOR,
    "users.set_roles": ADMINISTRATOR,
    "users.reset_password": ADMINISTRATOR,
    "users.ensure_first_administrator": ADMINISTRATOR,
    "users.change_own_password": ANYBODY,
    "sessions.list_own": ANYBODY,
    "sessions.revoke": ANYBODY,
    "sessions.must_change_password": ANYBODY,
    "audit.people": AUDITOR,
    "audit.list": AUDITOR,
    "audit.status": AUDITOR,
    "audit.verify": AUDITOR,
    "audit.export": AUDITOR,
    "audit.renew_key": ADMINISTRATOR,
    "health.checks": ADMINISTRATOR,
    "health.probe": ANYBODY,
    "health.probe_again": ADMINISTRATOR,
    "metrics.read": ADMINISTRATOR,
}

BEFORE_SIGN_IN = {
    "sessions.sign_in",
    "sign_ins.sign_in",
    "sign_ins.close",
    "sessions.sign_out",
    "sessions.actor_for",
    "sessions.actor_for_session",
    "sessions.find_ended",
    "sessions.actor_of",
    "audit.seal",
}
"""Without an actor: they make one, end one, or are called by the program itself. No route passes its input to
`actor_of` or `seal`. `sign_ins` are the queue before `sessions.sign_in`, which records what comes of each."""

ON_THE_LIST = frozenset({"clinician", "administrator", "elsewhere"})
"""Those on the list of a document of the workspace: for two of them it is worth nothing, they are no members."""
SEE_THE_LISTED = frozenset({"clinician"})
"""Of whom a member is in the list. An administrator who is a member and not on it is no exception."""

ABOUT_A_DOCUMENT: dict[str, str] = {
    "documents.get": "document",
    "documents.versions": "document",
    "documents.retry": "document",
    "documents.delete": "document",
    "access.get": "document",
    "access.set": "document",
    "evidence.page_text": "version",
    "evidence.page_image": "version",
    "evidence.evidence": "version",
    "jobs.get": "job",
    "jobs.stop": "job",
    "jobs.retry": "job",
    "exports.download": "export",
    "graph.triple": "triple",
    "questions.get": "question",
}
"""Every method that is given the id of a document, or of what comes from one: the kind of that id. To a member who is
not on the document's list each must answer as to an id that does not exist."""

_W = "/workspaces/{workspace_id}"
ROUTES: dict[tuple[str, str], Right] = {
    ("POST", "/tokens/renew"): ANYBODY,
    ("DELETE", "/tokens/current"): ANYBODY,
    ("GET", "/workspaces"): ANYBODY,
    ("POST", "/workspaces"): ADMINISTRATOR,
    ("PATCH", _W): ADMINISTRATOR,
    ("DELETE", _W): ADMINISTRATOR,
    ("GET", f"{_W}/members"): ADMINISTRATOR,
    ("PUT", f"{_W}/members/{{user_id}}"): ADMINISTRATOR,
    ("DELETE", f"{_W}/members/{{user_id}}"): ADMINISTRATOR,
    ("POST", f"{_W}/documents"): MEMBER,
    ("GET", f"{_W}/documents"): MEMBER,
    ("GET", f"{_W}/documents/{{document_id}}"): MEMBER,
    ("DELETE", f"{_W}/documents/{{document_id}}"): MEMBER,
    ("GET", f"{_W}/documents/{{document_id}}/versions"): MEMBER,
    ("POST", f"{_W}/documents/{{document_id}}/retry"): MEMBER,
    ("GET", f"{_W}/documents/{{document_id}}/access"): MEMBER,
    ("PUT", f"{_W}/documents/{{document_id}}/access"): MEMBER,
    ("POST", f"{_W}/questions"): MEMBER,
    ("GET", f"{_W}/questions"): MEMBER,
    ("GET", f"{_W}/questions/{{question_id}}"): MEMBER,
    ("GET", f"{_W}/graph/stats"): MEMBER,
    ("GET", f"{_W}/graph/entities"): MEMBER,
    ("GET", f"{_W}/graph/neighbourhood"): MEMBER,
    ("GET", f"{_W}/graph/triples/{{triple_id}}"): MEMBER,
    ("POST", f"{_W}/graph/exports"): MEMBER,
    ("GET", f"{_W}/graph/exports"): MEMBER,
    ("GET", f"{_W}/graph/exports/{{export_id}}"): MEMBER,
    ("GET", f"{_W}/jobs"): MEMBER,
    ("GET", f"{_W}/jobs/{{job_id}}"): MEMBER,
    ("POST", f"{_W}/jobs/{{job_id}}/stop"): MEMBER,
    ("POST", f"{_W}/jobs/{{job_id}}/retry"): MEMBER,
    ("GET", f"{_W}/jobs/dead"): MEMBER,
    ("POST", f"{_W}/jobs/retry"): MEMBER,
    ("GET", "/users"): ADMINISTRATOR,
    ("POST", "/users"): ADMINISTRATOR,
    ("POST", "/users/{user_id}/disable"): ADMINISTRATOR,
    ("POST", "/users/{user_id}/enable"): ADMINISTRATOR,
    ("PUT", "/users/{user_id}/roles"): ADMINISTRATOR,
    ("POST", "/users/{user_id}/password"): ADMINISTRATOR,
    ("GET", "/audit"): AUDITOR,
    ("POST", "/audit/verify"): AUDITOR,
    ("GET", "/audit/status"): AUDITOR,
    ("GET", "/audit/export"): AUDITOR,
    ("GET", "/health"): ADMINISTRATOR,
    ("GET", "/health/model"): ANYBODY,
}

OPEN_ROUTES = {("POST", "/tokens"), ("GET", "/openapi.json"), ("HEAD", "/openapi.json")}
"""They want no bearer token: one makes it, the others describe the routes and hold nothing of the installation."""
