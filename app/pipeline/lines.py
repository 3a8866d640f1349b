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
_SPEAKER = re.compile(r"(?:[A-Z][\w.'’-]*\s){1,3}[A-Z][\w.'’-]*:\s+(?=[A-Z])")
_PAGE = re.compile(r"\b[Pp]age \d+ of \d+\b")
_NUMBER = re.compile(r"\d+(?:[.,/-]\d+)*")
_NUMBERS_OF_CELLS = 2
_ENDS = frozenset('.!?;:)”"')
_SHORT_SHARE = 0.6
_LABEL_LINES = 70
"""Characters from which a line is taken for wrapped prose, whatever stands before its first colon."""


def is_label_line(text: str) -> bool:
    """ "Date: Thu, 18 Jun 2026": no sentence, so that nothing is read from it as if it were one."""
    return _LABEL.match(text) is not None and text.rstrip()[-1:] not in {".", "!", "?"}


def is_prose(text: str) -> bool:
    """Not a label with a value, a question, the foot of a page, or the cells of a table that was read as lines."""
    if is_label_line(text) or _PAGE.search(text) or text.rstrip().endswith("?"):
        return False
    return text.rstrip()[-1:] in _ENDS or len(_NUMBER.findall(text)) < _NUMBERS_OF_CELLS


def line_borders(text: str) -> Iterator[int]:
    """Where a paragraph is to be cut although nothing but a line break, or the end of a label, stands there.

    Before a label, behind a label whose value is a sentence, behind the name of a speaker, and behind a line that is
    short among its neighbours.
    """
    lines = list(re.finditer(r"[^\n]+", text))
    longest = max((len(line.group()) for line in lines), default=0)
    for place, line in enumerate(lines):
        label = _LABEL.match(line.group().strip())
        if place and _is_cut(lines[place - 1].group().strip(), line.group().strip(), longest):
            yield line.start()
        if speaker := _SPEAKER.match(line.group()):
            yield line.start() + speaker.end()
        elif label and line.group().rstrip().endswith(".") and len(line.group()) > _LABEL_LINES:
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
