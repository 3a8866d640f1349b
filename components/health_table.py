"""The state of every part of the installation, as a banner and a table."""

from collections.abc import Sequence

from app.domain.audit import LOG_CHANGED
from app.services.health import ENDPOINT, HealthCheck, Level
from components.banner import banner
from components.formats import counted, plain, seconds
from components.tables import small_table
from components.words import NOT_SET_UP, NOT_WORKING, SLOW, WORKING, Word

SLOW_AFTER_SECONDS = 2.0
NOT_RUNNING = Word("Not running", "warning", "!", "orange")
STARTED_AGAIN = Word("Started again", "warning", "!", "orange")
AWAY = Word("Away", "warning", "!", "orange")
BEING_MADE = Word("Being made", "sync", "!", "orange")
CHANGED = Word("Changed", "close", "✕", "red")
UNSURE = Word("Unsure", "warning", "!", "orange")
_VERIFICATION = "Audit verification"
_OPTIONAL = {
    "Worker": NOT_RUNNING,
    "Processes": STARTED_AGAIN,
    "Second audit copy": NOT_WORKING,
    _VERIFICATION: CHANGED,
    "Vectors of documents": BEING_MADE,
    "Read replica": AWAY,
}
_RUNS_ON = {
    "sqlite": "SQLite, encrypted",
    "postgres": "PostgreSQL, texts encrypted",
    "sql": "The database",
    "folder": "Folder, encrypted",
    "memory": "Memory",
    "chroma": "Chroma",
    "qdrant": "Qdrant",
    "neo4j": "Neo4j",
    "redis": "Redis",
    "auto": "Ollama, if there",
    "ollama": "Ollama",
    "openai": "OpenAI-compatible",
    "llamacpp": "llama.cpp",
    "router": "Endpoints below",
    "scripted": "Prepared answers",
    "none": "",
}


def health_word(check: HealthCheck) -> Word:
    """An optional part that is missing is not set up, but documents wait without the worker, a process that ended was
    started again, an endpoint of the language models or the replica is away for now, vectors are being made, and the
    audit log was changed."""
    if not check.ok:
        if check.level is Level.REQUIRED:
            return NOT_WORKING
        if check.name == _VERIFICATION and not check.detail.startswith(LOG_CHANGED):
            return UNSURE
        return AWAY if check.name.startswith(ENDPOINT) else _OPTIONAL.get(check.name, NOT_SET_UP)
    return SLOW if check.seconds >= SLOW_AFTER_SECONDS else WORKING


def health_banner(checks: Sequence[HealthCheck]) -> None:
    bad, changed, unsure, halting, ended, away, made, slow = (
        [one for one in checks if health_word(one) is word]
        for word in (NOT_WORKING, CHANGED, UNSURE, NOT_RUNNING, STARTED_AGAIN, AWAY, BEING_MADE, SLOW)
    )
    if changed:
        banner("bad", f"{LOG_CHANGED}.", "What was found, and what to do, stands in the table.")
    if unsure:
        banner("warning", "It is not known whether the audit log is sound.", unsure[0].detail)
    if bad:
        banner("bad", f"{_listed(bad)} {_verb(bad, 'does', 'do')} not work.", "What to do stands in the table.")
    elif halting:
        banner("warning", "The worker is not running.", "Documents that are added wait; everything else works.")
    elif ended:
        banner("warning", "Everything works, but a process had to be started again.", ended[0].detail)
    elif away:
        banner("warning", f"{_listed(away)} {_verb(away, 'gets', 'get')} no calls.", away[0].detail)
    elif made:
        banner("warning", "Everything works, but vectors are made for another embedding model.", made[0].detail)
    elif slow:
        banner(
            "warning", f"Everything works; {counted(len(slow), 'part')} {_verb(slow, 'is', 'are')} slow.", _listed(slow)
        )
    elif not changed and not unsure:
        banner("good", "Everything works.", _missing(checks))


def health_table(checks: Sequence[HealthCheck]) -> None:
    rows = [
        [
            plain(one.name),
            health_word(one).badge,
            plain(_RUNS_ON.get(one.kind, one.kind)),
            seconds(one.seconds) if one.ok else "",
            plain(f"{one.detail} {one.fix}".strip()),
        ]
        for one in checks
    ]
    small_table(["Part", "Status", "Runs on", "Responds in", "Note"], rows, alt="Parts of the installation")


def _missing(checks: Sequence[HealthCheck]) -> str:
    names = [one.name for one in checks if health_word(one) is NOT_SET_UP]
    return f"Not set up, and not needed: {', '.join(names).lower()}." if names else ""


def _listed(checks: Sequence[HealthCheck]) -> str:
    names = [one.name for one in checks]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(checks: Sequence[HealthCheck], one: str, many: str) -> str:
    return one if len(checks) == 1 else many
