"""Where something is written: the quote, then the page's image or the text with the place marked."""

import base64
from hashlib import blake2s
from typing import Any

from app.services.evidence import EvidenceView
from components.browser_part import browser_part


def show_evidence(view: EvidenceView, *, key: str, image: bytes | None, whole: bool = False) -> None:
    """`image` is the page as PNG, None for documents without page images; `whole` draws it tall, for a drawer."""
    browser_part("evidence")(key=key, data=evidence_data(view, image=image, whole=whole))


def evidence_data(view: EvidenceView, *, image: bytes | None, whole: bool = False) -> dict[str, Any]:
    """What the browser draws. The image travels in the message itself, so it has no address that others could open."""
    place = place_of(view)
    identity = f"{view.version_id} {view.page} {view.span} {whole} {len(image or b'')}"
    return {
        "signature": blake2s(identity.encode(), digest_size=8).hexdigest(),
        "quote": view.quote,
        "region": f"Where it is written: {place}",
        "image_label": f"Image of {place}",
        "image": f"data:image/png;base64,{base64.b64encode(image).decode()}" if image else "",
        "boxes": [list(box) for box in view.boxes],
        "before": view.before,
        "marked": view.quote,
        "after": view.after,
        "whole": whole,
    }


def place_of(view: EvidenceView) -> str:
    """Such as "discharge letter.pdf, page 2"; documents of one page are named alone."""
    return f"{view.document}, page {view.page}" if view.pages > 1 else view.document
