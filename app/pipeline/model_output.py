"""Reads the facts in a model's answer, small slips of its JSON repaired."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.graph import Assertion
from app.errors import ModelOutputError

FACTS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "sentence": {"type": "integer"},
                    "subject": {"type": "string"},
                    "relation": {"type": "string"},
                    "object": {"type": "string"},
                    "status": {"type": "string", "enum": [status.value for status in Assertion]},
                },
                "required": ["sentence", "subject", "relation", "object", "status"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["facts"],
    "additionalProperties": False,
}
MALFORMED = "not in the agreed form"
_CLOSERS = {"{": "}", "[": "]"}
_NOT = re.compile(r"\b(?:do|does|did)\s+not\b|\b(?:do|does|did)n['’]t\b|n['’]t\b|\b(?:not|never)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelFact:
    """A fact as the model gave it; `sentence` is the number in the prompt, from 1, unchecked."""

    sentence: int
    subject: str
    relation: str
    object: str
    status: Assertion


def read_facts(text: str) -> tuple[list[ModelFact], int]:
    """The facts of a whole answer and how many items were not in the agreed form.

    Raises ModelOutputError when nothing can be read. Never give it an answer that was cut.
    """
    items = _items(read_json(text))
    facts = [fact for item in items if (fact := _fact(item)) is not None]
    if items and not facts:
        raise ModelOutputError("The language model's answer holds no fact in the agreed form; nothing of it was used.")
    return facts, len(items) - len(facts)


def read_json(text: str) -> Any:
    """The first JSON value in `text`. Repaired: words around it, commas too many or missing, brackets not closed.

    Raises ModelOutputError for anything worse, such as a string without end.
    """
    start = min((place for sign in _CLOSERS if (place := text.find(sign)) >= 0), default=-1)
    if start < 0:
        raise ModelOutputError("The language model's answer holds no JSON; nothing of it was used.")
    decoder = json.JSONDecoder(strict=False)
    for candidate in (text[start:], _balanced(text[start:])):
        try:
            value, _ = decoder.raw_decode(candidate)
        except (json.JSONDecodeError, RecursionError):
            continue
        return value
    raise ModelOutputError("The language model's answer is no readable JSON; nothing of it was used.")


def _balanced(text: str) -> str:
    """Strings as they are; between them brackets closed in order and commas put right."""
    out: list[str] = []
    opened: list[str] = []
    for part in _parts(text):
        if part in _CLOSERS:
            _separate(out)
            opened.append(part)
        elif part in _CLOSERS.values():
            if part not in {_CLOSERS[sign] for sign in opened}:
                continue
            while _CLOSERS[opened[-1]] != part:
                _close(out, opened)
            _close(out, opened)
            if not opened:
                return "".join(out)
            continue
        elif part[0] == '"':
            _separate(out)
        out.append(part)
    while opened:
        _close(out, opened)
    return "".join(out)


def _parts(text: str) -> Iterator[str]:
    """Strings whole, every other sign by itself, space left out."""
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[^\s"]+?(?=[\s"{}\[\],:]|$)|[{}\[\],:"]', text, re.DOTALL):
        yield match.group()


def _separate(out: list[str]) -> None:
    """A comma between two values that stand side by side."""
    if out and (out[-1] in _CLOSERS.values() or out[-1][-1] == '"' or out[-1][-1].isalnum()):
        out.append(",")


def _close(out: list[str], opened: list[str]) -> None:
    while out and out[-1] == ",":
        out.pop()
    out.append(_CLOSERS[opened.pop()])


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict) and "facts" not in value and "subject" in value:
        return [value]
    items = value.get("facts") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise ModelOutputError("The language model's answer is not a list of facts; nothing of it was used.")
    return items


def _fact(item: Any) -> ModelFact | None:
    if not isinstance(item, dict):
        return None
    texts = [item.get(name) for name in ("subject", "relation", "object")]
    number, status = item.get("sentence"), item.get("status")
    if isinstance(number, str) and number.strip(" .").isdecimal():
        number = int(number.strip(" ."))
    if not isinstance(number, int) or isinstance(number, bool) or not all(isinstance(text, str) for text in texts):
        return None
    if not isinstance(status, str) or status.strip().casefold() not in set(Assertion):
        return None
    subject, relation, object_ = (" ".join(str(text).split()) for text in texts)
    assertion = Assertion(status.strip().casefold())
    affirmed = " ".join(_NOT.sub(" ", relation).split())
    if affirmed != relation and assertion is Assertion.AFFIRMED:
        assertion = Assertion.NEGATED
    return ModelFact(number, subject, affirmed, object_, assertion)
