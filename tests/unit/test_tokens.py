"""Access tokens name a session, expire, and cannot be forged."""

import base64
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from app.errors import NotSignedInError
from app.security.tokens import LIFETIME_SECONDS, AccessTokens

KEY = bytes(range(32))


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def test_a_token_names_its_session_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    access = AccessTokens(KEY)
    token = access.issue(session_id="s1", user_id="ilse")
    assert access.session_of(token) == "s1"
    assert AccessTokens(KEY).session_of(token) == "s1"
    claims = claims_of(token)
    assert claims["exp"] == pytest.approx(time.time() + LIFETIME_SECONDS, abs=5)
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    past = time.time() - LIFETIME_SECONDS - 60
    monkeypatch.setattr("app.security.tokens.time.time", lambda: past)
    old = access.issue(session_id="s1", user_id="ilse")
    monkeypatch.undo()
    with pytest.raises(NotSignedInError):
        access.session_of(old)


def test_a_token_of_another_installation_is_refused() -> None:
    token = AccessTokens(bytes(32)).issue(session_id="s1", user_id="ilse")
    with pytest.raises(NotSignedInError):
        AccessTokens(KEY).session_of(token)


def test_tokens_that_name_another_algorithm_are_refused() -> None:
    access = AccessTokens(KEY)
    _, body, signature = access.issue(session_id="s1", user_id="ilse").split(".")
    for algorithm in ("none", "None", "HS256", "EdDSA", "RS256"):
        header = part({"alg": algorithm, "typ": "at+jwt"})
        for end in (signature, ""):
            with pytest.raises(NotSignedInError):
                access.session_of(f"{header}.{body}.{end}")
    with pytest.raises(NotSignedInError):
        access.session_of(f"{part({'alg': 'Ed25519', 'typ': 'JWT'})}.{body}.{signature}")
    public = OctKey.import_key(KEY)
    forged = jwt.encode({"alg": "HS256", "typ": "at+jwt"}, {"sid": "s2", "exp": 9_999_999_999}, public)
    with pytest.raises(NotSignedInError):
        access.session_of(forged)


def test_claims_are_required_and_must_be_ours() -> None:
    access = AccessTokens(KEY)
    right = {"iss": "dafe-graphs", "aud": "dafe-graphs-api", "sid": "s1", "exp": int(time.time()) + 100}

    def sign(claims: dict[str, object], typ: str = "at+jwt") -> str:
        key = access._key
        return jwt.encode({"alg": "Ed25519", "typ": typ}, claims, key, algorithms=["Ed25519"])

    assert access.session_of(sign(right)) == "s1"
    for name in right:
        with pytest.raises(NotSignedInError):
            access.session_of(sign({key: value for key, value in right.items() if key != name}))
    for wrong in ({"iss": "somebody"}, {"aud": "another"}, {"exp": int(time.time()) - 100}):
        with pytest.raises(NotSignedInError):
            access.session_of(sign({**right, **wrong}))
    with pytest.raises(NotSignedInError):
        access.session_of(sign(right, typ="JWT"))


@given(st.integers(0, 400), st.characters(codec="ascii"))
@settings(max_examples=100, deadline=None)
def test_any_changed_sign_makes_a_token_worthless(place: int, sign: str) -> None:
    access = AccessTokens(KEY)
    token = access.issue(session_id="s1", user_id="ilse")
    place %= len(token)
    changed = token[:place] + sign + token[place + 1 :]
    try:
        session = access.session_of(changed)
    except NotSignedInError:
        return
    assert session == "s1"
    assert changed == token or place == len(token) - 1


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "no token", "é.é.é", "a" * 10_000])
def test_what_is_no_token_is_not_signed_in(token: str) -> None:
    with pytest.raises(NotSignedInError):
        AccessTokens(KEY).session_of(token)
