"""Text with table rows as it is measured, ranked and embedded: the name of a column once, not in every row."""

import re
from collections.abc import Iterable

from app.domain.documents import Sentence

_NAME = re.compile(r"; (?P<name>[^:;\n]{1,80}): ")


def shorten_row(row: str, known: set[str]) -> str:
    """A rendered row without the names that are `known`; the others are added to these."""
    names = {match["name"] for match in _NAME.finditer(row)}
    shortened = _NAME.sub(lambda match: "; " if match["name"] in known else match[0], row)
    known |= names
    return shortened


def name_once(text: str, sentences: Iterable[Sentence], *, start: int) -> str:
    """`text`, which begins at `start` of the document, with each column named where it comes first."""
    pieces: list[str] = []
    known: set[str] = set()
    place = 0
    for sentence in sentences:
        if sentence.row:
            begin, end = sentence.span.start - start, sentence.span.end - start
            pieces += [text[place:begin], shorten_row(text[begin:end], known)]
            place = end
    return "".join([*pieces, text[place:]])
