"""The security headers of every answer."""

import base64
import hashlib
import re
from pathlib import Path

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

Headers = list[tuple[bytes, bytes]]


def security_headers(index_page: Path, *, secure: bool) -> Headers:
    """A Content-Security-Policy that lets nothing leave: scripts of our own only, plus the exact inline script of
    `index_page`; with `secure` also Strict-Transport-Security (RFC 6797)."""
    hashes = " ".join(f"'sha256-{digest}'" for digest in _inline_hashes(index_page))
    policy = "; ".join(
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
    headers = {
        "content-security-policy": policy,
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    if secure:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _inline_hashes(index_page: Path) -> list[str]:
    found = _INLINE_SCRIPT.findall(index_page.read_text(encoding="utf-8"))
    return [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found]
