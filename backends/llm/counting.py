"""An estimate of a text's tokens, high enough for models whose server cannot count."""

import re

_RUNS = re.compile(
    r"(?P<word>[a-z]{1,20}(?![A-Za-z0-9]))|(?P<gap> (?=[A-Za-z]))|(?P<spaces> +)|(?P<other>.)", re.DOTALL
)
_UNLIKE_WORDS = re.compile(r"[^aeiouy]{3}|[jqxz]")
_START_TOKENS = 2
_SPACES_IN_A_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Not fewer than a byte-level vocabulary of 32,000 tokens or more gives for running text.

    Lower-case letters count half a token each, rounded up word by word; any other character (digits, capitals, signs,
    letters of long or hardly pronounceable words) one token for each of its UTF-8 bytes; a space before a letter
    belongs to the word.
    English prose comes out at about twice its tokens.
    """
    return sum(map(_tokens_of, _RUNS.finditer(text))) + _START_TOKENS if text else 0


def _tokens_of(run: re.Match[str]) -> int:
    if run["word"]:
        return len(run["word"]) if _UNLIKE_WORDS.search(run["word"]) else (len(run["word"]) + 1) // 2
    if run["gap"]:
        return 0
    if run["spaces"]:
        return 1 + len(run["spaces"]) // _SPACES_IN_A_TOKEN
    return len(run["other"].encode("utf-8", "surrogatepass"))
