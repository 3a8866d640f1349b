"""Addresses of servers that are sent text or what tells something about it."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _safe_address(url: str) -> str:
    address = urlsplit(url)
    complete = address.scheme in {"http", "https"} and address.hostname
    if not complete or address.path.strip("/") or address.query or "@" in address.netloc:
        raise ValueError("give the address as https://host:port, without a path")
    if address.scheme == "http" and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError("http is for this machine only: use https for a server in the network")
    return url.rstrip("/")


def _safe_openai_address(url: str) -> str:
    root, path, rest = url.rstrip("/").rpartition("/v1")
    if not path or rest:
        raise ValueError("the address must end in /v1")
    address = urlsplit(root)
    return _safe_address(f"{address.scheme}://{address.netloc}") + address.path + path


SafeAddress = Annotated[str, AfterValidator(_safe_address)]
"""https, or http to this machine; without a path, a query or a password."""
SafeOpenAIAddress = Annotated[str, AfterValidator(_safe_openai_address)]
"""The same with a path that ends in /v1."""
