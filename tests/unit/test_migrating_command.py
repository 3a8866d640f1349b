"""`dafe migrate` as people meet it before there are servers: one sentence, and nothing is touched."""

from contextlib import closing
from pathlib import Path

import pytest

from app.belonging import moving
from tests.servers.days import services_of
from tests.unit.test_cli import CommandLine

pytestmark = pytest.mark.slow


def test_wrong_use_is_told_in_one_sentence_and_makes_nothing(tmp_path: Path) -> None:
    dafe = CommandLine(tmp_path)
    for arguments, said in (
        (("--from", "cluster", "--to", "cluster"), "two different profiles"),
        (("--from", "embedded", "--to", "cluster"), "holds no installation"),
    ):
        ran = dafe("migrate", *arguments)
        assert (ran.code, ran.output, said in ran.errors) == (2, "", True), ran.errors
    assert not (tmp_path / "data").exists()


def test_nobody_uses_the_installation_while_it_is_moved(tmp_path: Path) -> None:
    dafe = CommandLine(tmp_path)
    assert dafe("workspaces", "list").code == 0
    with moving(tmp_path / "data"):
        for arguments in (("workspaces", "list"), ("up",)):
            ran = dafe(*arguments)
            assert (ran.code, "is being moved to other stores" in ran.errors) == (1, True), ran.errors
        ran = dafe("migrate", "--from", "embedded", "--to", "cluster")
        assert (ran.code, "being moved already" in ran.errors) == (1, True), ran.errors
    assert dafe("workspaces", "list").code == 0


def test_it_is_not_moved_while_a_process_has_it_open(tmp_path: Path) -> None:
    """One that has done nothing for a while too: its next change would be lost."""
    dafe = CommandLine(tmp_path)
    with closing(services_of(tmp_path / "data")):
        ran = dafe("migrate", "--from", "embedded", "--to", "cluster")
        assert (ran.code, "stop it first" in ran.errors) == (1, True), ran.errors
        assert dafe("workspaces", "list").code == 0
    with moving(tmp_path / "data"):
        pass
