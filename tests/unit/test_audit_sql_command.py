"""`dafe audit sql`: what an administrator of PostgreSQL runs, for the user that the settings name."""

from pathlib import Path

import pytest

from tests.unit.test_cli import CommandLine, one_sentence

pytestmark = pytest.mark.slow


def test_it_prints_the_rights_of_the_user_of_the_settings_and_opens_nothing(tmp_path: Path) -> None:
    ran = CommandLine(tmp_path)(
        "audit", "sql", DAFE_PROFILE="cluster", DAFE_METADATA__USER='da"fe', DAFE_METADATA__DATABASE="x\nSELECT 1;"
    )
    assert ran.code == 0, ran.errors
    assert "SECURITY DEFINER SET search_path = pg_catalog, pg_temp" in ran.output
    granted = [line for line in ran.output.splitlines() if line.startswith("GRANT")]
    assert granted == [
        'GRANT USAGE ON SCHEMA dafe_audit TO "da""fe";',
        'GRANT SELECT ON dafe_audit.events TO "da""fe";',
        'GRANT EXECUTE ON FUNCTION dafe_audit.append(text[], text[]) TO "da""fe";',
    ]
    assert "SELECT 1;" not in ran.output
    assert not (tmp_path / "data").exists()


def test_for_a_log_in_the_data_folder_there_is_nothing_to_run(tmp_path: Path) -> None:
    ran = CommandLine(tmp_path)("audit", "sql")
    assert ran.code == 2
    assert "nothing is to be prepared" in one_sentence(ran)
