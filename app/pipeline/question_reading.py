"""What a question asks for, by its parse: the verb, the thing wanted, and nouns that only stand for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.pipeline.words import content_stems

_ASKING = frozenset({"which", "what", "whose"})
_OPENING = frozenset({"what", "who", "which", "when", "where", "why", "how", "whose", "whom"})
_NAMING = frozenset({"who", "which", "what", "whose", "whom"})
_OPEN = frozenset({"VERB", "NOUN", "ADJ"})
_DUE = frozenset({"may", "must", "should", "shall", "can", "could"})


@dataclass(frozen=True, slots=True)
class ReadQuestion:
    asks: str = ""
    """ "what", "who", "why" …, "may" for what is allowed or due; empty for a question of yes or no."""
    predicate: tuple[str, ...] = ()
    """Stems of the main verb; empty where it says no more than "is" or "has"."""
    target: tuple[str, ...] = ()
    """Stems of what is asked for where the verb says nothing: "blood group" of "What blood group does she have?"."""
    placeholders: frozenset[str] = frozenset()
    """Small nouns that stand for what is unknown: "medicine" of "Which medicine …", "company" of "the company that"."""
    says_only_predicate: bool = False
    """Who or what is asked for, and nothing but the verb is said of the names: "Which bank insures the ship Aster?"."""


def read_question(document: Any) -> ReadQuestion:
    """Takes the spaCy parse of the question."""
    root = next((token for token in document if token.dep_ == "ROOT"), None)
    verb = _main_verb(document, root)
    predicate = tuple(content_stems(verb.text)) if verb is not None else ()
    wanted = None if predicate or root is None else _wanted(document, root)
    words = [] if wanted is None else [child.text for child in wanted.lefts if child.dep_ == "compound"] + [wanted.text]
    opening = next((token.lower_ for token in document[:4] if token.lower_ in _OPENING), "")
    due = document[0].lower_ in _DUE or any(
        token.lower_ in _DUE and token.dep_ == "aux" and token.head.dep_ not in {"relcl", "advcl", "acl"}
        for token in document
    )
    placeholders = frozenset(_placeholders(document))
    return ReadQuestion(
        "may" if due else opening,
        predicate,
        tuple(content_stems(" ".join(words))),
        placeholders,
        opening in _NAMING and not due and bool(predicate) and not _says_more(document, verb, placeholders),
    )


def _says_more(document: Any, verb: Any, placeholders: frozenset[str]) -> bool:
    """Whether a word means something beside the verb, names, and nouns that say what kind of thing a name is."""
    return any(
        token.pos_ in _OPEN
        and token != verb
        and token.lower_ not in placeholders
        and content_stems(token.text)
        and not any(child.pos_ == "PROPN" and child.dep_ == "appos" for child in token.children)
        for token in document
    )


def _main_verb(document: Any, root: Any | None) -> Any | None:
    if root is not None and root.lemma_ == "do" and root.pos_ == "AUX":
        return next((token for token in reversed(list(root.rights)) if token.pos_ in _OPEN and token.is_lower), root)
    if root is None or root.pos_ in {"VERB", "AUX"}:
        return root
    outside = (token for token in document if token.pos_ == "VERB" and token.dep_ not in {"relcl", "acl", "amod"})
    return next(outside, None)


def _wanted(document: Any, root: Any) -> Any | None:
    """The noun behind "which" or "what"; else the one that "What is …" or "Who is …" asks for."""
    for token in document:
        if token.pos_ == "NOUN" and any(child.lower_ in _ASKING for child in token.lefts):
            return token
    if not any(token.lower_ in {"what", "who"} and token.i < 2 for token in document):
        return None
    for child in root.children:
        if child.dep_ in {"nsubj", "attr"} and child.pos_ == "NOUN":
            return child
    return None


def _placeholders(document: Any) -> Iterator[str]:
    for token in document:
        if token.pos_ != "NOUN" or not token.text.islower():
            continue
        asked = any(child.lower_ in _ASKING or child.lower_ == "any" for child in token.lefts)
        if asked or any(child.dep_ == "relcl" for child in token.children):
            yield token.lower_
