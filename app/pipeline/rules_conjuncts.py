"""What is joined to a noun by "and", "or" or commas."""

from typing import Any

_VALUE_LABELS = frozenset({"DATE", "TIME", "MONEY", "PERCENT", "QUANTITY", "CARDINAL", "ORDINAL"})


def with_conjuncts(head: Any) -> list[Any]:
    """The head and what is joined to it, but for what may be joined to another noun before it."""
    heads = [head]
    if any(child.dep_ == "cc" and child.text == "&" for child in head.rights):
        return heads
    for child in head.rights:
        joined = child.dep_ == "conj" and child.pos_ not in {"VERB", "AUX"} and _is_value(child) == _is_value(head)
        if joined and not _may_be_joined_within(child) and not _is_participle(child.left_edge):
            heads += with_conjuncts(child)
    return heads


def _is_value(token: Any) -> bool:
    return token.ent_type_ in _VALUE_LABELS or token.like_num


def _is_participle(first: Any) -> bool:
    """ "served as a force for change, inspiring movements", "by shaping views and challenging beliefs": parsed as
    inspiring movements and challenging beliefs that are joined."""
    return first.tag_ == "VBG" and first.i > 0 and (first.nbor(-1).text == "," or _is_of_gerund(first))


def _is_of_gerund(first: Any) -> bool:
    return any(above.dep_ == "dobj" and above.head.tag_ == "VBG" for above in first.ancestors)


def _may_be_joined_within(noun: Any) -> bool:
    """ "perspective" in "mastery of anatomy and perspective", "habits" in "changes in sleep, appetite or habits"."""
    if noun.pos_ != "NOUN" or any(child.dep_ in {"det", "poss", "prep", "nummod"} for child in noun.children):
        return False
    above = noun.head
    return any(child.dep_ in {"prep", "relcl"} and above.i < child.i < noun.i for child in above.children)
