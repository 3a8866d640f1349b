"""Where something is written: the quote, then the page's image or the text with the place marked."""

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2s
from itertools import pairwise
from typing import Any

import streamlit as st

from app.services.evidence import EvidenceView
from components.browser_part import browser_part

_ASK = "Ask where it comes from before you use it."
_HIDDEN = f"Hidden in the file: a person who opens it does not see this text. {_ASK}"
_NOT_ON_PAGE = f"This sentence is not visible on the page: a person who opens the file does not see it. {_ASK}"
_PARTLY_ON_PAGE = f"A part of this sentence is not visible on the page. {_ASK}"
_LARGEST = 1.18
"""Times the part's width that a page is drawn beside an answer: a margin of two centimetres on each side goes then."""
_MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Turn:
    """Which source of how many is open, and the numbers of those beside it."""

    title: str
    previous: int | None
    next: int | None


def show_evidence(
    view: EvidenceView,
    *,
    key: str,
    image: bytes | None,
    turn: Turn | None = None,
    on_step: Callable[[int], None] | None = None,
) -> bool:
    """Whether the whole page is asked for. `image` is the page as PNG, None for documents without page images.

    With `turn` it stands beside the answer, under a heading with buttons that tell `on_step` the next number; without,
    it is drawn tall, for a drawer.
    """

    def stepped() -> None:
        number = st.session_state[key].step
        if isinstance(number, int) and on_step is not None:
            on_step(number)

    data = evidence_data(view, image=image, turn=turn)
    result = browser_part("evidence")(key=key, data=data, on_step_change=stepped, on_whole_change=lambda: None)
    return bool(result.whole)


def evidence_data(view: EvidenceView, *, image: bytes | None, turn: Turn | None = None) -> dict[str, Any]:
    """What the browser draws. The image travels in the message itself, so it has no address that others could open."""
    place = place_of(view)
    identity = f"{view.version_id} {view.page} {view.span} {turn} {len(image or b'')}"
    return {
        "signature": blake2s(identity.encode(), digest_size=8).hexdigest(),
        "heading": {**asdict(turn), "place": place} if turn else None,
        "quote": view.quote,
        "notice": _notice(view, image=image),
        "region": f"Where it is written: {place}",
        "image_label": f"Image of {place}",
        "image": f"data:image/png;base64,{base64.b64encode(image).decode()}" if image else "",
        "boxes": [list(box) for box in view.boxes],
        "sheet": _sheet(view),
        "concealed": [[list(box) for box in boxes] for boxes in view.hidden_boxes],
        "before": _from_whole_word(view) if turn else _stretches(view, view.before, end=view.span.start),
        "marked": view.quote,
        "after": _stretches(view, view.after, end=view.span.end + len(view.after)),
        "whole": turn is None,
    }


def _sheet(view: EvidenceView) -> dict[str, float]:
    """Width and place of the page, in widths of the part: empty margins are left out, text never is."""
    left, right = view.text_edges
    shown = min(max(right - left + 2 * _MARGIN, 1 / _LARGEST), 1.0)
    start = min(max((left + right - shown) / 2, 0.0), 1.0 - shown)
    return {"width": 1 / shown, "left": -start / shown}


def _notice(view: EvidenceView, *, image: bytes | None) -> str:
    if not view.quote_is_hidden:
        return ""
    if not image:
        return _HIDDEN
    whole = any(place.start <= view.span.start and view.span.end <= place.end for place in view.hidden)
    return _NOT_ON_PAGE if whole else _PARTLY_ON_PAGE


def _from_whole_word(view: EvidenceView) -> list[dict[str, Any]]:
    """What stands before the quote, without the half word at which the service cut it."""
    words = view.before.split(maxsplit=1)
    if len(words) < 2 or view.span.start == len(view.before):
        return _stretches(view, view.before, end=view.span.start)
    return [{"text": "…", "hidden": False}, *_stretches(view, words[1], end=view.span.start)]


def _stretches(view: EvidenceView, text: str, *, end: int) -> list[dict[str, Any]]:
    """The text that ends at `end` of the document, cut where hidden places begin and end."""
    start = end - len(text)
    edges = {edge for place in view.hidden for edge in (place.start, place.end) if start < edge < end}
    return [
        {"text": text[first - start : last - start], "hidden": any(p.start <= first < p.end for p in view.hidden)}
        for first, last in pairwise(sorted({start, end} | edges))
    ]


def place_of(view: EvidenceView) -> str:
    """Such as "discharge letter.pdf, page 2"; documents of one page are named alone."""
    return f"{view.document}, page {view.page}" if view.pages > 1 else view.document


def named_place(document: str, page: int) -> str:
    """The same for a citation, which does not know how many pages there are: page 1 is named where pages are usual."""
    paged = page > 1 or document.lower().endswith((".pdf", ".pptx"))
    return f"{document}, page {page}" if paged else document
