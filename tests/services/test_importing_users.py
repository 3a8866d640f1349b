"""People taken over from streamlit-authenticator sign in once with their old password."""

from pathlib import Path

import pytest
from streamlit_authenticator.utilities.hasher import Hasher

from app.commands.credentials import read_credentials
from app.container import OPERATOR, Services
from app.errors import ForbiddenError, InvalidInputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.yaml"
    path.write_text(
        "credentials:\n  usernames:\n"
        f"    ilse:\n      first_name: Ilse\n      last_name: Marrow\n      password: {Hasher.hash('old password')}\n"
        "    imre:\n      name: Imre Sallow\n      password: plain\n"
    )
    return path


def test_hashes_are_read_and_plain_passwords_are_not(file: Path) -> None:
    ilse, imre = read_credentials(file)
    assert (ilse.username, ilse.name) == ("ilse", "Ilse Marrow")
    assert ilse.bcrypt_hash is not None
    assert (imre.name, imre.bcrypt_hash) == ("Imre Sallow", None)


def test_the_old_password_signs_in_and_a_new_one_must_be_chosen(services: Services, file: Path) -> None:
    ilse = read_credentials(file)[0]
    services.users.import_user(OPERATOR, username="ilse", name=ilse.name, bcrypt_hash=str(ilse.bcrypt_hash))
    with pytest.raises(ForbiddenError):
        services.sessions.sign_in(username="ilse", password="wrong", address="", agent="")
    signed_in = services.sessions.sign_in(username="ilse", password="old password", address="", agent="")
    actor = services.sessions.actor_for(signed_in.token, address="")
    assert services.sessions.must_change_password(actor)
    services.users.change_own_password(actor, old="old password", new="four unrelated words here")
    with pytest.raises(ForbiddenError):
        services.sessions.sign_in(username="ilse", password="old password", address="", agent="")


def test_only_bcrypt_hashes_are_imported(services: Services) -> None:
    with pytest.raises(InvalidInputError):
        services.users.import_user(OPERATOR, username="ilse", name="", bcrypt_hash="$argon2id$v=19$x")


def test_another_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("people: []")
    with pytest.raises(InvalidInputError, match=r"other\.yaml is no credentials file"):
        read_credentials(tmp_path / "other.yaml")
