"""Clauses: a verb, who or what it is said of, and the words that name the relation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.pipeline.rules_populations import POPULATIONS

_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj"})
_RELATIVE = frozenset({"who", "which", "that", "whom"})
_DEEPEST = 4
_HANDED_OVER = frozenset("give award grant offer pay prescribe send teach deny assign lend".split())
"""Verbs that keep an object in the passive: "was given diazepam"."""
_OF_THE_WRITER = frozenset({"move", "turn", "look", "speak", "begin", "consider"})
"""Who "Moving on to …," is said of is the one who writes."""
_FURNISHING = frozenset({"provide", "supply", "equip", "furnish"})
"""What their object is given follows "with"."""
_OBJECT_ACTS = frozenset(
    (
        "allow enable cause force help lead ask require persuade order permit encourage let make invite urge instruct "
        "advise appoint elect choose nominate prompt train tell want expect see hear leave keep find consider"
    ).split()
)
"""Verbs whose object does what follows: "allows banks to lend"; else "to …" is a purpose."""
_LIKE_PREPOSITIONS = frozenset("using surrounding including regarding concerning following involving".split())
_BEFORE_ASIDES = frozenset({",", ";", "-", "–", "—", "and", "or"})
"""What parts a participle that is said of the subject from the words before it."""
_VALUE_LABELS = frozenset({"DATE", "TIME", "MONEY", "PERCENT", "QUANTITY", "CARDINAL", "ORDINAL"})
PLACES = frozenset({"GPE", "LOC", "FAC"})


@dataclass(frozen=True, slots=True)
class Clause:
    """`subjects` are heads of noun phrases; `relation` the words of `relation_words`."""

    verb: Any
    subjects: tuple[Any, ...]
    relation: str
    passive: bool


def clauses(document: Any) -> Iterator[Clause]:
    """Every clause that has a subject, said or shared, in order."""
    for token in document:
        if token.pos_ not in {"VERB", "AUX"} or token.dep_ in {"aux", "auxpass"}:
            continue
        subjects = find_subjects(token)
        if subjects:
            yield Clause(token, tuple(subjects), relation_words(token), is_passive(token))


def find_subjects(verb: Any, *, depth: int = 0) -> list[Any]:
    """Heads of the subjects of a verb: its own, those it shares by coordination or control, or the noun it modifies."""
    own = [child for child in verb.children if child.dep_ in _SUBJECTS]
    if own:
        return [] if _is_impersonal(verb) else [head for subject in own for head in _resolved(verb, subject)]
    if depth >= _DEEPEST or verb.head.i == verb.i or any(child.dep_ == "expl" for child in verb.children):
        return []
    if verb.dep_ == "acl":
        stated = verb.tag_ in {"VBN", "VBG"} and verb.lower_ not in _LIKE_PREPOSITIONS
        return said_of(verb.head) if stated and not _is_any(verb.head) and not _is_far(verb) else []
    if verb.dep_ == "advcl" and verb.tag_ == "VBG" and not _is_said_of_subject(verb):
        return []
    if _is_purpose_of_others(verb) or _is_measured_by(verb):
        return []
    if verb.dep_ in {"conj", "xcomp", "advcl"} and verb.head.pos_ in {"VERB", "AUX"}:
        if verb.dep_ == "xcomp" and (objects := objects_of(verb.head)):
            return objects if verb.head.lemma_ in _OBJECT_ACTS else []
        return find_subjects(verb.head, depth=depth + 1)
    return []


def _is_impersonal(verb: Any) -> bool:
    """ "It is crucial for banks to act", "It was clear that she left": "it" is nobody."""
    if verb.lemma_ != "be" or not any(child.dep_ == "nsubj" and child.lower_ == "it" for child in verb.children):
        return False
    said = [child for child in verb.children if child.dep_ in {"acomp", "attr", "oprd"}]
    below = [inner for child in (verb, *said) for inner in child.children]
    return bool(said) and any(
        inner.dep_ in {"xcomp", "ccomp", "advcl", "csubj"}
        and any(child.lower_ in {"to", "that"} and child.dep_ in {"aux", "mark"} for child in inner.children)
        for inner in below
    )


def _is_any(noun: Any) -> bool:
    """ "adaptations found in nature", "the women who smoke": which ones is all that the clause says."""
    if noun.pos_ != "NOUN" or noun.dep_ in {"attr", "appos"}:
        return False
    if noun.tag_ == "NNS" and noun.lemma_ in POPULATIONS:
        return True
    return all(child.dep_ == "det" for child in noun.lefts) and (noun.tag_ == "NNS" or any(noun.lefts))


def _is_far(verb: Any) -> bool:
    """Whether another noun may be meant: "the nerves of chickens given TOTP", "patients in a study, given TOTP"."""
    between = verb.doc[verb.head.i + 1 : verb.left_edge.i]
    nouns = any(token.pos_ in {"NOUN", "PROPN"} for token in between)
    return nouns or (verb.dep_ == "acl" and verb.head.dep_ == "pobj" and any(token.text == "," for token in between))


def _is_purpose_of_others(verb: Any) -> bool:
    """ "skills needed to thrive", "was buried with food to feed her": who thrives and who feeds is not said."""
    if not any(child.dep_ == "aux" and child.lower_ == "to" for child in verb.children):
        return False
    return (verb.dep_ == "xcomp" and verb.head.dep_ == "acl") or (verb.dep_ == "advcl" and is_passive(verb.head))


def _is_measured_by(verb: Any) -> bool:
    """ "is insufficient to provide it", "is too low to provide it"."""
    above = verb.head
    return bool(
        verb.dep_ == "xcomp" and above.lemma_ == "be" and any(child.dep_ == "acomp" for child in above.children)
    )


def _is_said_of_subject(participle: Any) -> bool:
    """Whether "…, dividing the sea" is of the subject: not what follows a noun at once ("the rise of computers
    enabling trade"), what tells how ("using mass spectrometry"), or what a passive event did."""
    if participle.lower_ == "using" or is_passive(participle.head):
        return False
    first = participle.left_edge
    if first.i == 0 and participle.lemma_ in _OF_THE_WRITER:
        return False
    if participle.i < participle.head.i or first.i == 0:
        return True
    return first.nbor(-1).text in _BEFORE_ASIDES


def _resolved(verb: Any, subject: Any) -> list[Any]:
    """A relative pronoun stands for the noun before its clause."""
    if subject.lower_ in _RELATIVE and verb.dep_ == "relcl":
        return [] if _is_any(verb.head) or _is_far(verb) else said_of(verb.head)
    return with_conjuncts(subject)


def said_of(head: Any, *, depth: int = 0) -> list[Any]:
    """What a clause behind a noun is said of: in "Load is an album released by Elektra" and in "Load, an album
    released by Elektra" it is Load."""
    if depth < _DEEPEST:
        if head.dep_ == "attr" and head.head.lemma_ == "be":
            subjects = [child for child in head.head.children if child.dep_ == "nsubj"]
            if subjects:
                return _resolved(head.head, subjects[0])
        if head.dep_ == "conj" and head.head.dep_ == "attr" and head.pos_ == "NOUN":
            return said_of(head.head, depth=depth + 1)
        if head.dep_ == "appos" and head.pos_ == "NOUN":
            return said_of(head.head, depth=depth + 1)
    return [head]


def with_conjuncts(head: Any) -> list[Any]:
    """The head and what is joined to it by "and", "or" or commas."""
    heads = [head]
    if any(child.dep_ == "cc" and child.text == "&" for child in head.rights):
        return heads
    for child in head.rights:
        if child.dep_ == "conj" and child.pos_ not in {"VERB", "AUX"} and _is_value(child) == _is_value(head):
            heads += with_conjuncts(child)
    return heads


def _is_value(token: Any) -> bool:
    return token.ent_type_ in _VALUE_LABELS or token.like_num


def objects_of(verb: Any) -> list[Any]:
    if is_passive(verb) and verb.lemma_ not in _HANDED_OVER:
        return []
    direct = [child for child in verb.children if child.dep_ == "dobj"]
    handed = [child for child in verb.children if child.dep_ == "dative" and (not direct or child.pos_ == "ADP")]
    return [head for child in (*direct, *handed) for head in _object_heads(child)]


def furnishes(verb: Any) -> bool:
    """ "supplied the hospital with insulin": the hospital is not what was supplied."""
    return verb.lemma_ in _FURNISHING and any(child.lower_ == "with" for child in verb.children)


def _object_heads(child: Any) -> list[Any]:
    if child.dep_ == "dative" and child.pos_ == "ADP":
        return [head for inner in child.children if inner.dep_ == "pobj" for head in with_conjuncts(inner)]
    return with_conjuncts(child)


def attributes_of(verb: Any) -> list[Any]:
    return [head for child in verb.children if child.dep_ == "attr" for head in with_conjuncts(child)]


def is_passive(verb: Any) -> bool:
    if any(child.dep_ in {"auxpass", "nsubjpass"} for child in verb.children):
        return True
    if verb.dep_ == "conj" and verb.tag_ == "VBN" and verb.head.tag_ == "VBN":
        return not any(child.dep_ == "aux" for child in verb.children) and is_passive(verb.head)
    return bool(verb.dep_ == "acl" and verb.tag_ == "VBN")


def relation_words(verb: Any) -> str:
    """ "was admitted", "has been inducted", "must pay", "started taking", "carries out": lower case, in the order of
    the text; without negation and auxiliaries other than those of the passive and of duty."""
    parts = [verb]
    parts += [child for child in verb.children if child.dep_ in {"prt", "auxpass"} or _is_duty(child)]
    parts += _perfect(verb)
    above = verb
    while above.dep_ == "xcomp" and above.head.pos_ in {"VERB", "AUX"} and not objects_of(above.head):
        parts += [child for child in above.children if child.dep_ == "aux" and child.lower_ == "to"]
        above = above.head
        parts += [above, *(child for child in above.children if child.dep_ == "prt")]
    return " ".join(part.lower_ for part in sorted(set(parts), key=lambda part: part.i) if part.lower_ != "n't")


def _perfect(verb: Any) -> list[Any]:
    """The "has" of "has been inducted"."""
    been = verb.lower_ == "been" or any(child.dep_ == "auxpass" and child.lower_ == "been" for child in verb.children)
    return [child for child in verb.children if been and child.dep_ == "aux" and child.lemma_ == "have"]


def _is_duty(token: Any) -> bool:
    """What must be, should be or can be is not yet so: the relation says which."""
    return token.dep_ == "aux" and token.lower_ in {"must", "should", "shall", "can", "ought", "need"}


def prepositions_of(token: Any) -> Iterator[tuple[str, Any]]:
    """Each (preposition, head of what follows): "in", "out of"; without "by" of a passive agent."""
    for child in token.children:
        if child.dep_ == "prep" and not _is_range(child):
            before = [part.lower_ for part in child.lefts if part.dep_ in {"advmod", "prep"} and part.i == child.i - 1]
            if child.lower_ == "as" and child.i and child.nbor(-1).lower_ == "such":
                before = ["such"]
            yield from _after(child, " ".join([*before, child.lower_]))


def _is_range(preposition: Any) -> bool:
    """ "From fashion to technology, …", "from birth to death": how much is meant, not where from and where to."""
    if preposition.lower_ == "to":
        start = preposition.head
        return start.dep_ == "prep" and start.lower_ == "from" and _is_range(start)
    if preposition.lower_ != "from" or any(child.ent_type_ for child in preposition.children):
        return False
    return any(
        other.lower_ == "to" and other.dep_ == "prep" and other.i > preposition.i
        for token in (preposition.head, preposition, *preposition.children)
        for other in token.children
    )


def _after(preposition: Any, words: str) -> Iterator[tuple[str, Any]]:
    for child in preposition.children:
        if child.dep_ == "pobj":
            heads = with_conjuncts(child)
            for head in heads if words != "between" or len(heads) == 1 else ():
                yield words, head
                yield from _places_around(head, words)
        elif child.dep_ == "pcomp" and child.tag_ == "VBG" and not any(one.dep_ == "nsubj" for one in child.children):
            for head in () if furnishes(child) else objects_of(child):
                yield f"{words} {child.lower_}", head
        elif child.dep_ == "prep" and child.ent_iob_ != "I":
            further = child.lower_ if words.endswith(("from", "until", "since")) else f"{words} {child.lower_}"
            yield from _after(child, further)
        elif child.dep_ == "conj" and child.pos_ == "ADP":
            yield from _after(child, child.lower_)


def _places_around(head: Any, words: str) -> Iterator[tuple[str, Any]]:
    """ "in Campbell County, Tennessee", "at Wembley Arena in London": what is in a place is in the larger one."""
    if head.ent_type_ not in PLACES:
        return
    for child in head.rights:
        if child.dep_ == "appos" and child.ent_type_ in PLACES:
            yield words, child
            yield from _places_around(child, words)
        elif child.dep_ == "prep" and child.lower_ == "in":
            for place in child.children:
                if place.dep_ == "pobj" and place.ent_type_ in PLACES:
                    yield "in", place
                    yield from _places_around(place, "in")


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
