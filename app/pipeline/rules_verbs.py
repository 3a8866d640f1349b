"""What hangs on a verb: its objects, attributes and, in the passive, who did it."""

from typing import Any

from app.pipeline.rules_conjuncts import with_conjuncts

_HANDED_OVER = frozenset("give award grant offer pay prescribe send teach deny assign lend".split())
"""Verbs that keep an object in the passive: "was given diazepam"."""
_FURNISHING = frozenset({"provide", "supply", "equip", "furnish"})
"""What their object is given follows "with"."""


def is_passive(verb: Any) -> bool:
    if any(child.dep_ in {"auxpass", "nsubjpass"} for child in verb.children):
        return True
    if verb.dep_ == "conj" and verb.tag_ == "VBN" and verb.head.tag_ == "VBN":
        return not any(child.dep_ == "aux" for child in verb.children) and is_passive(verb.head)
    return bool(verb.dep_ == "acl" and verb.tag_ == "VBN")


def objects_of(verb: Any) -> list[Any]:
    if is_passive(verb) and verb.lemma_ not in _HANDED_OVER:
        return []
    direct = [child for child in verb.children if child.dep_ == "dobj"]
    handed = [child for child in verb.children if child.dep_ == "dative" and not direct and child.pos_ != "ADP"]
    return [head for child in (*direct, *handed) for head in with_conjuncts(child)]


def furnishes(verb: Any) -> bool:
    """ "supplied the hospital with insulin": the hospital is not what was supplied."""
    return verb.lemma_ in _FURNISHING and any(child.lower_ == "with" for child in verb.children)


def attributes_of(verb: Any) -> list[Any]:
    return [head for child in verb.children if child.dep_ == "attr" for head in with_conjuncts(child)]


def agents_of(verb: Any) -> list[Any]:
    """Who did it, in a passive clause: "by …"."""
    return [
        head
        for child in verb.children
        if child.dep_ == "agent"
        for inner in child.children
        if inner.dep_ == "pobj"
        for head in with_conjuncts(inner)
    ]
