"""Facts that hold of anybody, or that say nothing without the words around them."""

from itertools import pairwise

from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_fitness import is_bare
from app.pipeline.rules_populations import POPULATIONS

_ANYBODY = frozenset("individual people person human worker user student consumer viewer audience".split())
_SOMEBODY = POPULATIONS | _ANYBODY | frozenset("business parent company member".split())
_OF_PEOPLE = ("er", "or", "ist", "ian", "ant")
_EMPTY = frozenset(
    (
        "event process achievement idea thing item activity aspect change element feature resource decision way "
        "reason example area experience issue situation infrastructure action result outcome"
    ).split()
)
_VAGUE = frozenset("significant important certain various several many different desired specific iconic major".split())
"""Nothing is known of "various forms"."""
_TIMES = frozenset("year month week day hour time moment".split())


def is_empty(subject: Argument, relation: str, object_: Argument) -> bool:
    """Whether a fact says too little: "students can visualise them", "software streamlines processes", "died on a
    day"."""
    words = relation.split()
    if any(one == other for one, other in pairwise(words)):
        return True
    return _is_nothing(object_) or _is_anybody(subject, words)


def _is_nothing(object_: Argument) -> bool:
    noun, words = object_.head, object_.text.lower().split()
    if noun is None or object_.is_named:
        return False
    if len(words) == 2 and words[0] in _VAGUE:
        return True
    if len(words) > 1 or not is_bare(noun):
        return False
    return noun.lemma_.lower() in _TIMES or (noun.lemma_.lower() in _EMPTY and noun.tag_ == "NNS")


def _is_anybody(subject: Argument, words: list[str]) -> bool:
    """ "individuals can access it" of "allows individuals to access it"."""
    noun = subject.head
    if noun is None or " " in subject.text or not is_bare(noun):
        return False
    kind = noun.lemma_.lower()
    can = words[0] == "can" and (kind in _SOMEBODY or kind.endswith(_OF_PEOPLE))
    return noun.tag_ == "NNS" and (can or kind in _ANYBODY)
