"""The command line as scripts rely on it: fields, exit codes, rights, one sentence without a trace."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.services.letters import ASPIRIN, WARFARIN

pytestmark = pytest.mark.slow

DAFE = Path(sys.executable).parent / "dafe"
DOCUMENT_FIELDS = {"id", "name", "status", "pages", "chunks", "quarantined", "triples", "error"}


class Ran(NamedTuple):
    code: int
    output: str
    errors: str

    @property
    def data(self) -> Any:
        return json.loads(self.output)


class CommandLine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, data_dir: Path | None = None, stdin: str = "", **variables: str) -> Ran:
        settings = {
            "DAFE_DATA_DIR": str(data_dir or self.folder / "data"),
            "DAFE_EMBEDDINGS__KIND": "hashing",
            "DAFE_LLM__KIND": "none",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
        run = subprocess.run(
            [DAFE, *arguments],
            capture_output=True,
            text=True,
            env={**kept, **settings, **variables},
            cwd=self.folder,
            input=stdin,
            check=False,
        )
        return Ran(run.returncode, run.stdout, run.stderr)

    def each(self, commands: Iterable[tuple[str, ...]], *options: str) -> list[tuple[tuple[str, ...], Ran]]:
        """Two at a time."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(lambda command: (command, self(*command, *options)), commands))


def one_sentence(ran: Ran) -> str:
    """What people read when a command did not do it."""
    assert ran.output == ""
    lines = ran.errors.strip().splitlines()
    assert len(lines) == 1, ran.errors
    assert "Traceback" not in ran.errors
    assert lines[0].endswith(".")
    return lines[0]


@pytest.fixture(scope="module")
def dafe(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """An installation with a workspace, two indexed letters and three people."""
    folder = tmp_path_factory.mktemp("cli")
    run = CommandLine(folder)
    (folder / "letters" / "more").mkdir(parents=True)
    (folder / "letters" / "warfarin.txt").write_bytes(WARFARIN)
    (folder / "letters" / "more" / "aspirin.txt").write_bytes(ASPIRIN)
    assert run("workspaces", "add", "Cardiology", "--ontology", "clinical").code == 0
    assert run("workspaces", "add", "Oncology").code == 0
    ran = run("ingest", "letters", "--workspace", "cardiology", "--wait", "--json")
    assert ran.code == 0, ran.errors
    assert [(one["name"], one["status"]) for one in ran.data["documents"]] == [
        ("aspirin.txt", "indexed"),
        ("warfarin.txt", "indexed"),
    ]
    assert all(set(one) >= DOCUMENT_FIELDS for one in ran.data["documents"])
    for name, *options in (
        ("ilse", "--workspace", "Oncology=clinician"),
        ("carla", "--role", "compliance"),
        ("ann", "--role", "administrator"),
    ):
        assert run("users", "add", name, *options, "--json").code == 0
    return run


def test_documents_are_listed_and_shown_with_their_fields(dafe: CommandLine) -> None:
    listed = dafe("documents", "list", "-w", "Cardiology", "--json").data["documents"]
    fields = DOCUMENT_FIELDS | {"version", "uploaded_by", "uploaded_at"}
    assert all(set(one) >= fields for one in listed)
    shown = dafe("documents", "show", "warfarin.txt", "-w", "Cardiology", "--json")
    assert shown.data in listed
    assert dafe("documents", "show", shown.data["id"], "-w", "Cardiology", "--json").data == shown.data
    versions = dafe("documents", "versions", "warfarin.txt", "-w", "Cardiology", "--json").data["versions"]
    assert [one["number"] for one in versions] == [1]
    missing = dafe("documents", "show", "unknown.txt", "-w", "Cardiology", "--json")
    assert missing.code == 1
    assert one_sentence(missing)


@pytest.mark.parametrize("mode", ["auto", "rag"])
def test_an_answer_has_its_fields_and_cites_documents(dafe: CommandLine, mode: str) -> None:
    ran = dafe("ask", "What does warfarin interact with?", "-w", "Cardiology", "--mode", mode, "--json")
    assert ran.code == 0, ran.errors
    fields = {"mode", "reason", "answer", "refused", "sentences", "citations", "triples", "model", "timings", "receipt"}
    assert set(ran.data) >= fields
    for sentence in ran.data["sentences"]:
        assert set(sentence) >= {"text", "citations", "verdict"}
        assert sentence["verdict"] in {"supported", "weak", "not_supported", "unchecked"}
    for citation in ran.data["citations"]:
        assert set(citation) >= {"n", "document_id", "document", "page", "start", "end", "quote"}
    for triple in ran.data["triples"]:
        assert set(triple) >= {"subject", "relation", "object", "assertion", "document_id", "quote", "hop"}
    assert "Warfarin interacts with amiodarone." in {one["quote"] for one in ran.data["citations"]}


def test_what_is_not_in_the_documents_is_answered_with_exit_code_0(dafe: CommandLine) -> None:
    ran = dafe("ask", "-", "-w", "Cardiology", "--json", stdin="Who won the football cup in Uruguay?")
    assert (ran.code, ran.data["refused"]) == (0, True)


def test_the_graph_is_counted_searched_and_exported(dafe: CommandLine) -> None:
    stats = dafe("graph", "stats", "-w", "Cardiology", "--json").data
    assert set(stats) >= {"documents", "chunks", "entities", "triples", "evidence"}
    assert stats["documents"] == 2
    assert stats["evidence"] >= stats["triples"] > 0
    found = dafe("graph", "search", "amio", "-w", "Cardiology", "--json").data["entities"]
    assert [one["name"] for one in found] == ["amiodarone"]
    around = dafe("graph", "neighbours", "amiodarone", "-w", "Cardiology", "--json").data
    assert {triple["object"] for triple in around["triples"]} == {"amiodarone"}
    exported = dafe("graph", "export", "-w", "Cardiology", "--json").data["@graph"]
    assert {one["prov:wasQuotedFrom"]["document"] for one in exported} == {"aspirin.txt", "warfarin.txt"}
    assert dafe("graph", "export", "-w", "Cardiology", "--format", "csv").output.startswith("\ufeffsubject,")
    as_json = dafe("graph", "export", "-w", "Cardiology", "--format", "csv", "--json").data
    assert as_json["content"].startswith("\ufeffsubject,")
    written = dafe("graph", "export", "-w", "Cardiology", "--format", "graphml", "--output", "facts.graphml", "--json")
    assert written.data["bytes"] == (dafe.folder / "facts.graphml").stat().st_size


def test_jobs_and_the_audit_log_have_their_fields(dafe: CommandLine) -> None:
    jobs = dafe("jobs", "list", "-w", "Cardiology", "--json").data["jobs"]
    fields = {"id", "kind", "state", "stage", "done", "total", "eta_seconds", "attempts", "error"}
    assert all(set(one) >= fields for one in jobs)
    ran = dafe("audit", "verify", "--json")
    assert ran.code == 0, ran.output
    assert set(ran.data) >= {"ok", "events", "verified_to", "findings"}
    assert ran.data["ok"] is True
    (operator,) = {one["actor"] for one in dafe("audit", "tail", "--json").data["events"]}
    assert operator.startswith("operator:")


def test_a_changed_audit_log_ends_with_exit_code_1(dafe: CommandLine) -> None:
    import shutil
    import sqlite3

    copied = dafe.folder / "copied"
    shutil.copytree(dafe.folder / "data", copied)
    with sqlite3.connect(copied / "audit.db") as connection:
        connection.execute("DROP TRIGGER audit_keeps")
        connection.execute("UPDATE audit SET body = replace(body, 'workspaces.add', 'workspaces.get') WHERE seq = 2")
    connection.close()
    ran = dafe("audit", "verify", "--json", data_dir=copied)
    assert (ran.code, ran.data["ok"]) == (1, False)
    assert ran.data["findings"][0]["seq"] == 2


def test_the_settings_show_where_they_come_from_and_mask_secrets(dafe: CommandLine) -> None:
    ran = dafe(
        "config",
        "show",
        "--json",
        DAFE_LLM__KIND="openai",
        DAFE_LLM__URL="http://127.0.0.1:9/v1",
        DAFE_LLM__MODEL="m",
        DAFE_LLM__API_KEY="very-secret",
    )
    assert "very-secret" not in ran.output
    rows = {one["name"]: one for one in ran.data["settings"]}
    assert rows["llm.api_key"] == {"name": "llm.api_key", "value": "********", "origin": "DAFE_LLM__API_KEY"}
    assert rows["port"]["origin"] == "default"


def test_wrong_use_ends_with_exit_code_2(dafe: CommandLine) -> None:
    assert dafe("ask").code == 2
    assert dafe("ask", "What?", "-w", "Cardiology", "--mode", "magic").code == 2
    assert dafe("unknown").code == 2
    commands = (
        ("ask", "  ", "-w", "Cardiology"),
        ("ingest", "absent-folder", "-w", "Cardiology"),
        ("graph", "export", "-w", "Cardiology", "--format", "xml"),
        ("workspaces", "add", "Astrology", "--ontology", "stars"),
        ("users", "add", "omar", "--workspace", "Oncology=king"),
        ("users", "add", "two words"),
        ("audit", "verify", "--from", "absent-file"),
        ("jobs", "retry", "--all"),
    )
    for command, ran in dafe.each(commands):
        assert ran.code == 2, command
        one_sentence(ran)
    assert "omar" not in dafe("users", "list", "--json").output


def test_a_person_has_their_own_rights_only(dafe: CommandLine) -> None:
    assert dafe("workspaces", "list", "--as", "ILSE", "--json").data["workspaces"][0]["name"] == "Oncology"
    commands = (
        ("documents", "list", "-w", "Cardiology", "--as", "ilse"),
        ("documents", "list", "-w", "Cardiology", "--as", "ann"),
        ("ask", "What?", "-w", "Cardiology", "--as", "ilse"),
        ("ingest", "letters", "-w", "Cardiology", "--as", "ilse"),
        ("graph", "export", "-w", "Cardiology", "--as", "carla"),
        ("users", "list", "--as", "ilse"),
        ("workspaces", "add", "Mine", "--as", "ilse"),
        ("audit", "verify", "--as", "ilse"),
        ("doctor", "--as", "carla"),
    )
    for command, ran in dafe.each(commands, "--json"):
        assert ran.code == 3, (command, ran)
        one_sentence(ran)
    assert dafe("audit", "verify", "--as", "carla", "--json").data["ok"] is True
    assert dafe("documents", "list", "-w", "Oncology", "--as", "ilse", "--json").data["total"] == 0
    unknown = dafe("workspaces", "list", "--as", "nobody")
    assert unknown.code == 1
    one_sentence(unknown)


def test_an_unwritable_data_folder_ends_with_exit_code_4(dafe: CommandLine) -> None:
    (dafe.folder / "a-file").write_text("")
    ran = dafe("workspaces", "list", data_dir=dafe.folder / "a-file" / "data")
    assert ran.code == 4
    assert "DAFE_DATA_DIR" in one_sentence(ran)


def test_a_wrong_setting_is_named_in_one_sentence(dafe: CommandLine) -> None:
    ran = dafe("workspaces", "list", DAFE_COLOUR="blue")
    assert ran.code == 1
    assert "DAFE_COLOUR" in one_sentence(ran)


def test_a_lost_key_is_said_and_nothing_is_made_anew(dafe: CommandLine) -> None:
    import shutil

    copied = dafe.folder / "without-key"
    shutil.copytree(dafe.folder / "data", copied)
    (copied / "key").unlink()
    ran = dafe("workspaces", "list", data_dir=copied)
    assert ran.code == 1
    assert "key" in one_sentence(ran)
    assert not (copied / "key").exists()


def test_files_that_cannot_be_indexed_end_with_exit_code_1(dafe: CommandLine) -> None:
    (dafe.folder / "bad").mkdir()
    (dafe.folder / "bad" / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (dafe.folder / "bad" / "empty-words.txt").write_text("... --- ...")
    (dafe.folder / "bad" / "warfarin.txt").write_bytes(WARFARIN)
    ran = dafe("ingest", "bad", "-w", "Oncology", "--wait", "--json")
    assert ran.code == 1
    assert {one["name"]: one["status"] for one in ran.data["documents"]} == {
        "photo.png": "refused",
        "empty-words.txt": "failed",
        "warfarin.txt": "indexed",
    }
    assert all(bool(one["error"]) == (one["status"] != "indexed") for one in ran.data["documents"])
    dead = dafe("jobs", "dead", "-w", "Oncology", "--json").data["jobs"]
    assert [(job["state"], bool(job["error"])) for job in dead] == [("failed", True)]
    assert dafe("jobs", "retry", "-w", "Oncology").code == dafe("jobs", "retry", dead[0]["id"], "--all").code == 2
    tried = dafe("jobs", "retry", "--all", "-w", "Oncology", "--json").data["jobs"]
    assert [(job["id"], job["state"]) for job in tried] == [(dead[0]["id"], "waiting")]
    assert dafe("jobs", "dead", "-w", "Oncology", "--json").data["jobs"] == []
    redone = dafe("documents", "redo", "warfarin.txt", "-w", "Oncology", "--wait", "--json")
    assert (redone.code, redone.data["state"]) == (0, "done")
    assert dafe("documents", "show", "warfarin.txt", "-w", "Oncology", "--json").data["version"] == 2
    again = dafe("ingest", "bad/warfarin.txt", "-w", "Oncology", "--wait", "--json")
    assert (again.code, again.data["documents"][0]["already_here"]) == (0, True)
    gone = dafe("documents", "delete", "warfarin.txt", "-w", "Oncology", "--json")
    assert (gone.code, {job["state"] for job in gone.data["jobs"]}) == (0, {"done"})
    assert dafe("graph", "stats", "-w", "Oncology", "--json").data["triples"] == 0


def test_a_document_is_kept_to_some_people_and_given_back(dafe: CommandLine) -> None:
    inside = ("-w", "Oncology", "--json")
    (dafe.folder / "board.txt").write_bytes(WARFARIN + b"A board met.")
    assert dafe("users", "add", "petra", "--name", "Petra Lindqvale", "--workspace", "Oncology=analyst").code == 0
    (added,) = dafe("ingest", "board.txt", *inside).data["documents"]
    kept = dafe("documents", "access", "board.txt", "--only", "petra lindqvale", *inside).data
    assert [one["name"] for one in kept["people"]] == ["Petra Lindqvale"]
    assert kept["user_ids"] == [kept["people"][0]["id"]]
    seen = dafe("documents", "list", *inside, "--as", "petra").data["documents"]
    assert [one["id"] for one in seen if one["restricted"]] == [added["id"]]
    hidden = (("documents", "list"), ("jobs", "list"), ("documents", "show", "board.txt"))
    hidden += (("documents", "access", added["id"]), ("documents", "delete", added["id"]))
    for command, ran in dafe.each(hidden, *inside, "--as", "ilse"):
        assert added["id"] not in ran.output, command
        if command[1] != "list":
            assert ran.code == 1, command
            assert one_sentence(ran).startswith("This document does not exist"), command
    wrong = (("--only", "nobody here"), ("--only", "petra lindqvale", "--everybody"))
    for options, ran in dafe.each((("documents", "access", "board.txt", *one) for one in wrong), *inside):
        assert ran.code == 2, options
    assert dafe("documents", "access", "board.txt", "--everybody", *inside).data["user_ids"] is None
    assert added["id"] in dafe("documents", "list", *inside, "--as", "ilse").output
    assert dafe("documents", "delete", "board.txt", *inside).code == 0


def test_every_command_has_a_description_and_json(dafe: CommandLine) -> None:
    for command in (("documents", "list"), ("jobs", "cancel"), ("users", "disable"), ("audit", "tail"), ("doctor",)):
        ran = dafe(*command, "--help")
        assert ran.code == 0
        assert "--json" in ran.output
