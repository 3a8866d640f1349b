"""Passwords: hashing, the same work for nobody, and what is too easy."""

import re

import pytest

from app.errors import InvalidInputError
from app.security.passwords import LONGEST, SHORTEST, Passwords, check_password, generate_password

GOOD = "four unrelated words here"


def test_a_password_fits_its_own_hash_alone() -> None:
    passwords = Passwords()
    stored = passwords.hash(GOOD)
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored
    assert passwords.verify(GOOD, stored)
    assert not passwords.verify(GOOD + "!", stored)
    assert not passwords.verify("", stored)
    assert passwords.hash(GOOD) != stored


def test_nobody_and_a_damaged_hash_are_no_match() -> None:
    passwords = Passwords()
    assert not passwords.verify(GOOD, None)
    assert not passwords.verify(GOOD, "no hash at all")


def test_generated_passwords_are_long_different_and_acceptable() -> None:
    made = {generate_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert re.fullmatch(r"([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}", password)
        check_password(password, username="ilse")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "x" * (SHORTEST - 1),
        "ab" * LONGEST,
        "Password1234",
        "QWERTYUIOP12",
        "aaaaaaaaaaaaaa",
        "abababababab",
        "my name is Ilse!",
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError):
        check_password(password, username="ilse")


@pytest.mark.parametrize("password", [GOOD, "ünïcödé pässwörd", "x1y2z3" * 2, "a" * 5 + "bcdefgh"])
def test_length_counts_and_kinds_of_signs_do_not(password: str) -> None:
    check_password(password, username="ilse")
    check_password(password, username="")
