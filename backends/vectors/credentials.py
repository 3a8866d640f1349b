"""Keys and tokens on their way into a header."""

from pydantic import SecretStr

from app.errors import ConfigurationError


def header_value(secret: SecretStr, *, setting: str) -> str:
    """Without the line end that a file has; `setting` is named when it holds what no header carries, because the HTTP
    client's own errors repeat it."""
    value = secret.get_secret_value().strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(
            f"The {setting} of the vectors settings holds characters that none can have: copy it again."
        )
    return value
