"""What the token server says: answers in the form that a prompt asks for, made of names and words of its text.

The same prompt always gets the same answer. It knows the prompts of this application, for which it finds about one fact
a sentence, and those of LightRAG 1.5.7 and nano-graphrag 0.0.8.2: some 900 tokens for a passage of 1,200, 240 for what
is asked for once more, 190 for a summary, 550 for a report.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.pipeline.probe_items import PROBE_ITEMS, ProbeItem

_TOKEN = re.compile(r"\s?[^\W\d_]{1,9}|\s?\d{1,3}|\s?[^\w\s]{1,2}|\s|_")
_NAME = re.compile(r"(?:[A-Z][\w&'’-]+(?:\s+[A-Z][\w&'’-]+)*)|(?:\$?\d[\d.,]*\d?(?:\s?(?:%|percent|million|billion))?)")
_THING = re.compile(r"\b[a-z][a-z-]{6,}\b")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
_NUMBERED = re.compile(r"^\d+\. (.*)$", re.MULTILINE)
_PASSAGE = re.compile(r"^\[(\d+)\][^\n]*\n([^\n]*)$", re.MULTILINE)
_DENIED = re.compile(r"\b(?:not|never|no)\b|n['’]t\b")
_SMALL = frozenset(
    "A All Also And Another As At Because But By Despite During Each Even Every Finally First For From Furthermore He"
    " Her His How However I If In It Its Many Moreover More Most My No Now Of On One Or Our Over She Since So Some Such"
    " Thank That The Their Then There These They This Those Through To Today Very We Well What When Where Which While"
    " Who Why With Yes You Your".split()
)
_FACTS_A_SENTENCE = 2
_FEWEST_WORDS = 4


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """`kind` says what was asked for: a fact reading, a probe, a summary, a report and so on."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Pair:
    subject: str
    relation: str
    object: str
    sentence: str


def tokens_of(text: str) -> list[str]:
    """Pieces that make up the text; about as many as o200k_base has, which is what the peers count with."""
    return _TOKEN.findall(text)


def answer_to(messages: Sequence[Mapping[str, Any]]) -> TokenAnswer:
    """The answer to a whole conversation."""
    whole = "\n".join(str(message["content"]) for message in messages)
    last = str(messages[-1]["content"])
    for kind, mark, make in _FORMS:
        if mark in (last if kind in _BY_LAST_MESSAGE else whole):
            return make(messages, last)
    return TokenAnswer("other", _prose(last, words=60))


def _facts(_messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    sentences = _NUMBERED.findall(last)
    item = next((one for one in PROBE_ITEMS if sentences == list(one.sentences)), None)
    if item is not None:
        return TokenAnswer("probe", json.dumps({"facts": list(_facts_of_probe(item))}))
    facts = [
        _fact(number, pair.subject, pair.relation, pair.object, denied=_is_denied(pair))
        for number, sentence in enumerate(sentences, start=1)
        for pair in _pairs(sentence)
    ]
    return TokenAnswer("facts", json.dumps({"facts": facts}, ensure_ascii=False))


def _facts_of_probe(item: ProbeItem) -> Iterator[dict[str, Any]]:
    for pair in item.pairs:
        subject, object_ = (end.split("|")[0] for end in pair)
        number = next(n for n, sentence in enumerate(item.sentences, start=1) if object_ in sentence)
        yield _fact(number, subject, "is with", object_, denied=item.negated)


def _fact(number: int, subject: str, relation: str, object_: str, *, denied: bool) -> dict[str, Any]:
    status = "negated" if denied else "affirmed"
    return {"sentence": number, "subject": subject, "relation": relation, "object": object_, "status": status}


def _is_denied(pair: _Pair) -> bool:
    return bool(_DENIED.search(pair.sentence))


def _pairs(sentence: str) -> Iterator[_Pair]:
    """Neighbours among the names of a sentence, joined by the words between them; things where names are missing."""
    if len(sentence.split()) < _FEWEST_WORDS:
        return
    ends = [match for match in _NAME.finditer(sentence) if match.group() not in _SMALL]
    if len(ends) < 2:
        apart = [match for match in _THING.finditer(sentence) if not any(_overlap(match, end) for end in ends)]
        ends = sorted([*ends, *apart], key=lambda match: match.start())[:2]
    for first, second in list(pairwise(ends))[:_FACTS_A_SENTENCE]:
        between = [word for word in sentence[first.end() : second.start()].split() if word.isalpha()]
        relation = " ".join(word for word in between[:4] if word not in {"not", "never"}) or "is named with"
        yield _Pair(first.group(), relation, second.group(), sentence)


def _overlap(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() < other.end() and other.start() < one.end()


def _written(_messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    lines = [
        f"{match.group().strip().rstrip('.!?')} [{number}]."
        for number, text in _PASSAGE.findall(last)[:3]
        if (match := _SENTENCE.search(text))
    ]
    return TokenAnswer("answer", " ".join(lines) or "Not in the documents.")


@dataclass(frozen=True, slots=True)
class _Rows:
    entities: tuple[tuple[str, str], ...]
    relations: tuple[tuple[str, str, str, str], ...]


def _rows(text: str, *, again: bool) -> _Rows:
    """Entities with descriptions, and relations between them; `again` are those that were left out before."""
    pairs = [pair for match in _SENTENCE.finditer(text) for pair in _pairs(match.group().strip())]
    described = {end: pair.sentence for pair in reversed(pairs) for end in (pair.subject, pair.object)}
    many = max(3, len(tokens_of(text)) // 90)
    names = sorted(described, key=lambda name: (-text.count(name), name))
    chosen = names[many : many + 4] if again else names[:many]
    kept = [pair for pair in pairs if pair.subject in chosen or pair.object in chosen][: 3 if again else many]
    entities = dict.fromkeys([*chosen, *(end for pair in kept for end in (pair.subject, pair.object))])
    return _Rows(
        tuple(
            (name, f"{name} is described by the text: {_short(described[name])}") for name in list(entities)[: many + 4]
        ),
        tuple((one.subject, one.object, one.relation, f"{one.subject} {_short(one.sentence)}") for one in kept),
    )


def _short(sentence: str) -> str:
    return " ".join(re.sub(r'["<>|#()]', " ", sentence).split()[:16])


def _lightrag(messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    again = "Based on the last extraction task" in last
    asked = str(messages[1]["content"]) if again else last
    text = asked.rpartition("---Input Text---\n```")[2].partition("```")[0]
    rows, kind = _rows(text, again=again), "again" if again else "entities"
    if "JSON" in last:
        entities = [{"name": name, "type": "Concept", "description": about} for name, about in rows.entities]
        fields = ("source", "target", "keywords", "description")
        relations = [dict(zip(fields, row, strict=True)) for row in rows.relations]
        return TokenAnswer(kind, json.dumps({"entities": entities, "relationships": relations}, ensure_ascii=False))
    lines = [f"entity<|#|>{name}<|#|>Concept<|#|>{about}" for name, about in rows.entities]
    lines += [f"relation<|#|>{'<|#|>'.join(row)}" for row in rows.relations]
    return TokenAnswer(kind, "\n".join([*lines, "<|COMPLETE|>"]))


def _nano(messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    again = last.startswith("MANY entities")
    asked = str(messages[0]["content"]).rpartition("-Real Data-")[2]
    rows = _rows(asked.partition("Text: ")[2].partition("######")[0], again=again)
    lines = [f'("entity"<|>"{name}"<|>"organization"<|>"{about}")' for name, about in rows.entities]
    lines += [f'("relationship"<|>"{one}"<|>"{other}"<|>"{about}"<|>7)' for one, other, _, about in rows.relations]
    return TokenAnswer("again" if again else "entities", "##\n".join(lines) + "<|COMPLETE|>")


def _report(_messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    text = last.rpartition("# Real Data")[2]
    findings = [
        {"summary": _prose(text, words=8, start=n * 40), "explanation": _prose(text, words=45, start=n * 40)}
        for n in range(5)
    ]
    report = {
        "title": _prose(text, words=5),
        "summary": _prose(text, words=40),
        "rating": 5.0,
        "rating_explanation": _prose(text, words=15),
        "findings": findings,
    }
    return TokenAnswer("report", json.dumps(report))


def _summary(_messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    return TokenAnswer("summary", _prose(last.rpartition("Description List")[2], words=130))


def _keywords(_messages: Sequence[Mapping[str, Any]], last: str) -> TokenAnswer:
    question = last.rpartition("User Query:")[2].partition("---Output---")[0]
    names = [match.group() for match in _NAME.finditer(question) if match.group() not in _SMALL]
    things = _THING.findall(question)
    return TokenAnswer("keywords", json.dumps({"high_level_keywords": things, "low_level_keywords": names or things}))


def _points(messages: Sequence[Mapping[str, Any]], _last: str) -> TokenAnswer:
    text = str(messages[0]["content"]).rpartition("---Data tables---")[2]
    points = [{"description": _prose(text, words=30, start=n * 30), "score": 80 - n} for n in range(4)]
    return TokenAnswer("points", json.dumps({"points": points}))


def _no_more(_messages: Sequence[Mapping[str, Any]], _last: str) -> TokenAnswer:
    return TokenAnswer("more?", "NO")


def _prose(text: str, *, words: int, start: int = 0) -> str:
    """So many plain words of the text, from the word numbered `start` or as near to it as it is long."""
    found = re.findall(r"[A-Za-z][\w-]*", text) or ["nothing"]
    start = min(start, max(0, len(found) - words))
    return " ".join(found[start : start + words]) + "."


_Make = Callable[[Sequence[Mapping[str, Any]], str], TokenAnswer]
_BY_LAST_MESSAGE = frozenset({"facts", "answer", "more?", "again", "summary"})
_FORMS: tuple[tuple[str, str, _Make], ...] = (
    ("facts", "Sentences:\n1. ", _facts),
    ("answer", "Passages:\n\n[1]", _written),
    ("more?", "Answer YES | NO if there are still entities", _no_more),
    ("again", "MANY entities were missed", _nano),
    ("again", "Based on the last extraction task", _lightrag),
    ("entities", "---Input Text---\n```", _lightrag),
    ("entities", "-Real Data-\n######", _nano),
    ("summary", "Description List", _summary),
    ("report", "Write a comprehensive report of a community", _report),
    ("keywords", "expert keyword extractor", _keywords),
    ("points", "consisting of a list of key points", _points),
)
"""Kind, words of the prompt by which it is known, and what answers it; the first that fits."""
