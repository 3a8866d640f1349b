"""The security headers of every answer."""

import base64
import hashlib
import re
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

Headers = list[tuple[bytes, bytes]]


class AddsHeaders:
    """Pure ASGI: these headers on every answer, in place of any of the same name."""

    def __init__(self, app: ASGIApp, *, headers: Headers) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, adding(self._headers, send) if scope["type"] == "http" else send)


def adding(headers: Headers, send: Send) -> Send:
    """`send` that puts `headers` on an answer."""
    names = {name for name, _ in headers}

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in names]
            message = {**message, "headers": [*kept, *headers]}
        await send(message)

    return sending


def security_headers(index_page: Path | None, *, secure: bool) -> Headers:
    """A Content-Security-Policy that lets nothing leave: scripts of our own only, plus the exact inline script of
    `index_page`, and nothing at all where there are no pages; with `secure` also Strict-Transport-Security (RFC 6797).
    """
    policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = {
        "content-security-policy": policy if index_page is None else _policy_of_pages(index_page),
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    if secure:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _policy_of_pages(index_page: Path) -> str:
    hashes = " ".join(f"'sha256-{digest}'" for digest in _inline_hashes(index_page))
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' blob: 'wasm-unsafe-eval' {hashes}".strip(),
            "worker-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "frame-src 'self'",
            "manifest-src 'self'",
            "media-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def _inline_hashes(index_page: Path) -> list[str]:
    found = _INLINE_SCRIPT.findall(index_page.read_text(encoding="utf-8"))
    return [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found]
