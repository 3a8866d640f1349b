"""Cuts a growing answer into sentences and takes the passage numbers out of them."""

import re
from dataclasses import dataclass

_MARK = r"\[\s*(?:passages?\s+)?\d+(?:\s*(?:,|;|and)\s*\d+)*\s*\]"
_MARKS = re.compile(rf"\s*{_MARK}", re.IGNORECASE)
_END = re.compile(rf"(?P<stop>[.!?])[\"'”’)]*(?:\s*{_MARK})*(?=\s+[^\s\[])|\n+(?=\s*[^\s\[])", re.IGNORECASE)
_LAST_WORD = re.compile(r"[\w.]+$")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st no nos vs e.g i.e approx inc ltd co corp fig sr jr dept vol art para sec ca cf".split()
)


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A sentence without its marks, and the passage numbers that they held, in order."""

    text: str
    passages: tuple[int, ...]


class SentenceStream:
    """Fed with pieces; gives each sentence once it is certain that its end, marks included, has come."""

    def __init__(self) -> None:
        self._waiting = ""

    def feed(self, text: str) -> list[WrittenSentence]:
        self._waiting += text
        found = []
        searched = 0
        while match := _END.search(self._waiting, searched):
            if match["stop"] == "." and _is_abbreviated(self._waiting[: match.start("stop")]):
                searched = match.end()
                continue
            found.append(_read(self._waiting[: match.end()]))
            self._waiting = self._waiting[match.end() :]
            searched = 0
        return [sentence for sentence in found if sentence.text]

    def rest(self) -> WrittenSentence | None:
        """What has come without an end, when nothing more comes."""
        sentence = _read(self._waiting)
        self._waiting = ""
        return sentence if sentence.text else None


def _is_abbreviated(before: str) -> bool:
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    word = match.group().casefold()
    at_start = not before[: match.start()].strip()
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or (word.isdigit() and at_start)


def _read(text: str) -> WrittenSentence:
    numbers = [int(number) for mark in _MARKS.findall(text) for number in re.findall(r"\d+", mark)]
    plain = " ".join(_MARKS.sub("", _BULLET.sub("", text)).split())
    return WrittenSentence(plain if any(map(str.isalnum, plain)) else "", tuple(dict.fromkeys(numbers)))
