"""Which stretches of a sentence are only a part of a name, a figure or a word, and the whole of them."""

import re
from typing import Any

_GOES_ON = re.compile(r"\.?\s*[A-Za-z]{1,4}\([-−]\d\)|\s*(?:&|['’](?:s\b| ))|/[\w-]|\s*(?:\+/-|±)|[-‐‑–]\d")
_BEGAN_BEFORE = re.compile(r"(?:[\w)][-‐‑–/]|\d,|\+/-\s*|[±=<>≤≥]\s*)$")
_ONLY_FIGURES = re.compile(r"[^\w]*(?:\+/-|±)[^\w]*$")
_NUMBERED = re.compile(
    r"\b(?:arm|article|cell|chapter|class|cohort|figure|grade|group|level|page|part|phase|section|schedule|stage|step|"
    r"table|type|version)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s+(?:[IVX]+|[A-Z]|\d+[A-Za-z]?)\b")
_SPAN = re.compile(r"\b(?:seconds|minutes|hours|days|weeks|months|years|decades|centuries)$")
_OF = re.compile(r"\s+of\s")
_PARTED = ((_NUMBERED, _NUMBER), (_SPAN, _OF))
_OR_MORE = re.compile(
    r"(\d[\d.,]*)(?: \w+)? or (?:more|less|fewer|above|below|over|under|older|younger|greater|higher)\b"
)
_NEXT_SENTENCE = re.compile(r"\b(?!(?:Inc|Ltd|Corp|Bros|Gen|Gov|Sen|Rep|Col|Capt|Prof|Mrs)\b)\w{3,}\. [A-Z]")
_NO_NAME = re.compile(
    r"(?:although|though|while|whereas|because|since|if|despite|neither)\b|\d+(?:st|nd|rd|th)$|.*[^\W\d]{3,}[-‐‑–]$",
    re.IGNORECASE,
)
"""What begins with a conjunction, ordinals alone, and "second-" of "second- and third-generation drugs"."""
_UNITS = frozenset("usd gbp eur chf aud cad jpy mg g kg ml l mm cm km mmol pmol umol ng percent mmhg bpm iu".split())
CAUSED = frozenset({"induced", "evoked", "triggered", "caused", "mediated"})
"""What a cause stands before, with a hyphen."""
_JOINED = CAUSED | {"derived", "associated", "related"}
_HYPHEN_BEFORE = re.compile(r"(?:\b[^\W\d_]+ ?[-‐‑] ?)+$")
_HYPHEN_AFTER = re.compile(rf"(?: ?[-‐‑] ?(?!(?:{'|'.join(sorted(_JOINED))})\b)[^\W\d_]+\b)+")
_UNIT_AFTER = re.compile(
    r"(?:/[^\W\d_][\w.]*)+|(?<=\d)(?: ?%| per ?cent\b)|(?<=\b[A-Z]{3}) ?\d[\d.,]*\d(?: (?:[mb]illion|thousand|bn|m)\b)?"
)


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Not "up" of "follow-up" nor "18.4 ng" of "18.4 ng/mL"; a cause before "-induced" stands alone."""
    if before := _HYPHEN_BEFORE.search(text, 0, start):
        start = before.start()
    if after := _HYPHEN_AFTER.match(text, end) or _UNIT_AFTER.match(text, end):
        end = after.end()
    return start, end


def is_torn(text: str, start: int, end: int) -> bool:
    """ "DHT" of "5,7-DHT", "18.4 ng" of "18.4 ng/mL", "Group" of "Group I", "Iron" of "Iron & Wine", "Lee" of "Lee's
    play", "1.9" of "1.9 +/- 0.9", "ten years" of "ten years of debate"; and "USD", which is the unit of nothing."""
    said = text[start:end]
    if _GOES_ON.match(text, end) or _BEGAN_BEFORE.search(text, 0, start) or _NO_NAME.match(said):
        return True
    if _ONLY_FIGURES.search(said) or _NEXT_SENTENCE.search(said) or said.lower() in _UNITS:
        return True
    return any(ends.search(said) and follows.match(text, end) for ends, follows in _PARTED)


def follows_bracket(noun: Any, start: int) -> bool:
    """ "technology" of "Virtual reality (VR) technology": the bracket parts it from what it is called."""
    before = noun.doc.text[:start].rstrip()
    if not before.endswith(")") or noun.pos_ == "PROPN":
        return False
    opening = before.rfind("(")
    named = noun.doc.char_span(opening - 2, opening - 1, alignment_mode="expand") if opening > 1 else None
    return named is not None and named.root.pos_ in {"NOUN", "PROPN", "ADJ", "NUM"}


def cuts_bound(said: str, sentence: str) -> bool:
    """Whether a fact has a number without the "or more" that stands behind it."""
    for bound in _OR_MORE.finditer(sentence):
        number = re.search(rf"(?<![\d.,]){re.escape(bound[1])}(?![\d.,]*\d)", said)
        if number and not _OR_MORE.match(said, number.start()):
            return True
    return False
