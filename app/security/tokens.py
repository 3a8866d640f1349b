"""Access tokens of the REST interface: short-lived, signed, bound to a server-side session."""

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from ulid import ULID

from app.errors import NotSignedInError

LIFETIME_SECONDS = 600
_ISSUER = "dafe-graphs"
_AUDIENCE = "dafe-graphs-api"
_ALGORITHM = "Ed25519"
"""RFC 9864; the older name EdDSA is not accepted."""


class AccessTokens:
    """JWTs (RFC 7519, RFC 9068 where it applies)."""

    def __init__(self, key: bytes) -> None:
        private = Ed25519PrivateKey.from_private_bytes(key)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = OKPKey.import_key(pem)

    def issue(self, *, session_id: str, user_id: str) -> str:
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "jti": str(ULID()),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }
        return jwt.encode({"alg": _ALGORITHM, "typ": "at+jwt"}, claims, self._key, algorithms=[_ALGORITHM])

    def session_of(self, token: str) -> str:
        """The id of the session a token belongs to; whether that session still runs is not checked here.

        Raises NotSignedInError for anything but a token that we signed and that has not expired.
        """
        try:
            decoded = jwt.decode(token, self._key, algorithms=[_ALGORITHM])
            if decoded.header.get("typ") != "at+jwt":
                raise NotSignedInError("The access token is not valid: get a new one.")
            jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": _ISSUER},
                aud={"essential": True, "value": _AUDIENCE},
                sid={"essential": True},
                exp={"essential": True},
            ).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise NotSignedInError("The access token is not valid or has expired: get a new one.") from error
        return str(decoded.claims["sid"])
