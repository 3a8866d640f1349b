"""Whoever changes the files of the audit log is found out, and at the row, in the cases and ways that are promised."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.security.audit_attacks import (
    ATTACKS,
    Attack,
    copy_of,
    make_log,
    modify,
    rewrite_the_head_with_the_key,
    verify,
    verify_with_the_public_key_alone,
)

ROUNDS = 6
DAFE = Path(sys.executable).parent / "dafe"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "template"
    make_log(folder)
    return folder


def test_an_untouched_log_is_sound_in_every_way(template: Path, tmp_path: Path) -> None:
    target = copy_of(template, tmp_path / "log")
    assert len(target.rows) >= 280
    assert verify(target, with_device=False).ok is True
    assert verify(target, with_device=True).ok is True
    assert verify_with_the_public_key_alone(target) is None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.apply.__name__)
def test_an_attack_is_found_at_its_row(template: Path, tmp_path: Path, attack: Attack) -> None:
    for number in range(ROUNDS):
        target = copy_of(template, tmp_path / str(number))
        sealed_to = target.sealed_to
        row = attack.apply(target, Random(f"{attack.name} {number}"))
        result = verify(target, with_device=True)
        assert result.ok is False, number
        assert result.findings[0].seq == row, (number, result.findings[:3])
        assert result.verified_to < row
        alone = verify(target, with_device=False)
        assert (alone.ok is False) == attack.alone, number
        if attack.alone and attack.alone_exact:
            assert alone.findings[0].seq == row, (number, alone.findings[:3])
        assert alone.verified_to < row or not attack.alone
        if attack.public is False or (attack.public and row <= sealed_to):
            assert (verify_with_the_public_key_alone(target) is not None) == attack.public, number
        shutil.rmtree(target.folder)


@pytest.mark.parametrize("attack", [modify, rewrite_the_head_with_the_key])
def test_the_command_names_the_first_bad_row_and_ends_with_1(template: Path, tmp_path: Path, attack: object) -> None:
    target = copy_of(template, tmp_path / "log")
    row = attack(target, Random(7))  # type: ignore[operator]
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DAFE_")},
        "DAFE_DATA_DIR": str(target.folder / "data"),
        "DAFE_AUDIT_SECOND_DEVICE": str(target.folder / "second"),
        "DAFE_EMBEDDINGS__KIND": "hashing",
        "DAFE_LLM__KIND": "none",
    }
    command = [DAFE, "audit", "verify", "--json"]
    run = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    assert json.loads(run.stdout)["first_bad"] == row
    assert "Traceback" not in run.stderr
