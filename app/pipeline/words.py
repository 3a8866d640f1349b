"""Content words and their stems: what word search, overlap and the gate compare."""

import re
from functools import lru_cache
from threading import local
from typing import Any

from app.domain.names import fold

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
_STOP_WORDS = frozenset(
    (
        "a an the and or but if then than so as of at by for from in into on onto off over under up down out to with "
        "without within about above below between through during before after again against is are was were be been "
        "being am do does did doing have has had having will would shall should can could may might must i you he she "
        "it we they me him her us them my your his its our their mine yours hers ours theirs this that these those "
        "who whom whose which what when where why how there here all any both each few more most other some such only "
        "same too very just also not no nor s t don didn doesn isn aren wasn weren hasn haven hadn"
    ).split()
)
_stemmers = local()


def content_stems(text: str) -> list[str]:
    """Stems (Snowball English) of the words of `text` in order, with repetitions, folded, without stop words.

    Numbers stay as they are; "1,250" and "1250" are one.
    """
    return [stem for word in words(text) if (stem := _stem(word))]


def words(text: str) -> list[str]:
    """Folded words in order, stop words among them."""
    return _WORD.findall(fold(text))


def small_words(text: str) -> frozenset[str]:
    """Words that the text writes with a small letter: "Apixaban" that begins a sentence is no organisation."""
    return frozenset(word for word in _LETTERS.findall(text) if word.islower())


def is_stop_word(word: str) -> bool:
    return fold(word) in _STOP_WORDS


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    word = word.replace("’", "'").removesuffix("'s")
    if word in _STOP_WORDS:
        return ""
    if word[0].isdigit():
        return word.replace(",", "")
    return str(_stemmer().stemWord(word))


def _stemmer() -> Any:
    """One a thread: a Snowball stemmer keeps state while it works."""
    if not hasattr(_stemmers, "english"):
        import snowballstemmer

        _stemmers.english = snowballstemmer.stemmer("english")
    return _stemmers.english
