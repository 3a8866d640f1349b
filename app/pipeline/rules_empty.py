"""Facts that hold of anybody, or that say nothing without the words around them."""

from itertools import pairwise

from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_fitness import is_bare

_ANYBODY = frozenset("individual people person human student consumer viewer audience".split())
_EMPTY = frozenset(
    (
        "event process achievement idea thing item activity aspect change element feature resource decision way "
        "reason example area experience issue situation infrastructure action result outcome"
    ).split()
)
_VAGUE = frozenset("certain various different desired specific iconic".split())
"""Nothing is known of "various forms"."""
_TIMES = frozenset("year month week day hour time moment".split())


def is_empty(subject: Argument, relation: str, object_: Argument) -> bool:
    """Whether a fact says too little: "people use tools", "software streamlines processes", "died on a day"."""
    if any(one == other for one, other in pairwise(relation.split())):
        return True
    return _is_nothing(object_) or _is_anybody(subject)


def _is_nothing(object_: Argument) -> bool:
    noun, words = object_.head, object_.text.lower().split()
    if noun is None or object_.is_named:
        return False
    if len(words) == 2 and words[0] in _VAGUE:
        return True
    if len(words) > 1 or not is_bare(noun):
        return False
    return noun.lemma_.lower() in _TIMES or (noun.lemma_.lower() in _EMPTY and noun.tag_ == "NNS")


def _is_anybody(subject: Argument) -> bool:
    """Of several that nothing describes: a person of a contract is one."""
    noun = subject.head
    if noun is None or " " in subject.text or not is_bare(noun):
        return False
    return noun.tag_ == "NNS" and noun.lemma_.lower() in _ANYBODY
