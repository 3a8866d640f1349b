"""Lines: where a line break ends a sentence, and which lines are labels with values rather than prose."""

import re
from collections.abc import Iterator

from app.domain.documents import Span

_LABEL = re.compile(r"[^\W_][\w ()/&'’-]{0,47}: +(?=\S)")
_BULLET = re.compile(r"(?:[-–—•*·▪◦‣●○■]\s+)+")
_UNIT_END = re.compile(
    r"\d\s?(?:%|per cent|percent|x|times|[kmµun]?g|mcg|[mµd]?[lL]|[mµu]?mol|[mkc]?m|mm ?Hg|m?I?U|units?|ratio|bpm|"
    r"hours?|days?)(?:/[\w.²³]+?)*\.(?=\s+[A-Z])"
)
_SHORT_SHARE = 0.6
_LABEL_LINES = 70
"""Characters from which a line is taken for wrapped prose, whatever stands before its first colon."""


def is_label_line(text: str) -> bool:
    """ "Date: Thu, 18 Jun 2026": no sentence, so that nothing is read from it as if it were one."""
    return _LABEL.match(text) is not None and text.rstrip()[-1:] not in {".", "!", "?"}


def line_borders(text: str) -> Iterator[int]:
    """Where a paragraph is to be cut although nothing but a line break, or the end of a label, stands there: before a
    label, behind a label whose value is a sentence, behind a line that is short among its neighbours."""
    lines = list(re.finditer(r"[^\n]+", text))
    longest = max((len(line.group()) for line in lines), default=0)
    for place, line in enumerate(lines):
        label = _LABEL.match(line.group().strip())
        if place and _is_cut(lines[place - 1].group().strip(), line.group().strip(), longest):
            yield line.start()
        if label and line.group().rstrip().endswith(".") and len(line.group()) > _LABEL_LINES:
            yield line.start() + line.group().index(label.group()) + label.end()


def _is_cut(above: str, below: str, longest: int) -> bool:
    if not above or not below or above[-1] in ",-–":
        return False
    if _LABEL.match(below):
        return _LABEL.match(above) is not None or len(above) < _LABEL_LINES or above[-1] in ".!?:"
    starts = below[0].isupper() or below[0] in "•*"
    return starts and len(above) < _SHORT_SHARE * longest


def without_bullet(text: str, span: Span) -> Span:
    """The span without list marks at its start."""
    match = _BULLET.match(text, span.start, span.end)
    return Span(match.end(), span.end) if match else span


def cut_after_units(text: str, span: Span) -> Iterator[Span]:
    """Cut where "ng/mL." hides the end of a sentence."""
    start = span.start
    for match in _UNIT_END.finditer(text, span.start, span.end):
        yield Span(start, match.end())
        start = match.end() + len(text[match.end() : span.end]) - len(text[match.end() : span.end].lstrip())
    if start < span.end:
        yield Span(start, span.end)
