"""Clauses: a verb, who or what it is said of, and the words that name the relation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.pipeline.rules_conjuncts import with_conjuncts
from app.pipeline.rules_fitness import depth
from app.pipeline.rules_places import places_around
from app.pipeline.rules_populations import POPULATIONS
from app.pipeline.rules_relations import is_under, relation_words
from app.pipeline.rules_verbs import furnishes, is_passive, objects_of

_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj"})
_RELATIVE = frozenset({"who", "which", "that", "whom"})
_DEEPEST = 4
_OF_THE_WRITER = frozenset({"move", "turn", "look", "speak", "begin", "consider"})
"""Who "Moving on to …," is said of is the one who writes."""
_OBJECT_ACTS = frozenset(
    (
        "allow enable cause force help lead ask require persuade order permit encourage let make invite urge instruct "
        "advise appoint elect choose nominate prompt train tell want expect see hear leave keep find consider"
    ).split()
)
"""Verbs whose object does what follows: "allows banks to lend"; else "to …" is a purpose."""
_ASKING = frozenset({"ask", "encourage", "invite", "urge", "advise", "want", "expect"})
_IN_NAMES = frozenset(
    "stimulating promoting releasing lowering inhibiting inducing producing secreting regulating".split()
)
"""Of names that are often written without their hyphen: "thyroid stimulating hormone"."""
_DONE_TO = frozenset({"treat", "feed", "inject", "infect", "expose", "induce"})
_OF_PEOPLE = ("er", "or", "ist", "ian", "ant", "male")
_LIKE_PREPOSITIONS = frozenset("using surrounding including regarding concerning following involving".split())
_BEFORE_ASIDES = frozenset({",", ";", "-", "–", "—", "and", "or"})
"""What parts a participle that is said of the subject from the words before it."""


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
        if _is_about_animals(token) or _is_in_name(token):
            continue
        subjects = find_subjects(token)
        if subjects:
            yield Clause(token, tuple(subjects), relation_words(token), is_passive(token))


def _last(subjects: Sequence[Any], verb: Any) -> Any:
    """But for what stands in a bracket before it."""
    return max(subjects, key=lambda one: (depth(one) == depth(verb), one.i))


def _is_about_animals(verb: Any) -> bool:
    """ "rats" in "was given to Wistar rats to induce gout", parsed as what it does to induce it."""
    return verb.lemma_ in POPULATIONS or (verb.dep_ == "xcomp" and verb.head.lemma_ in POPULATIONS)


def _is_in_name(verb: Any) -> bool:
    """ "stimulating" of "thyroid stimulating hormone", "treated" of "AZT and PHZ treated mice"."""
    if not 0 < verb.i < len(verb.doc) - 1:
        return False
    before, after = verb.nbor(-1), verb.nbor(1)
    if verb.dep_ == "acl" and verb.lower_ in _IN_NAMES:
        return bool(after.tag_ == "NN")
    if verb.lemma_ not in _DONE_TO or any(child.dep_ in {"aux", "auxpass", *_SUBJECTS} for child in verb.children):
        return False
    return before.pos_ in {"NOUN", "PROPN"} and before.dep_ not in _SUBJECTS and after.tag_ == "NNS"


def find_subjects(verb: Any, *, depth: int = 0) -> list[Any]:
    """Heads of the subjects of a verb: its own, those it shares by coordination or control, or the noun it modifies.

    Of two that are not joined ("By reading books, papers, she learns") the verb is said of the last.
    """
    own = [child for child in verb.children if child.dep_ in _SUBJECTS]
    if own:
        found = [] if _is_impersonal(verb) else _resolved(verb, _last(own, verb))
        return [head for head in found if _is_done(verb, head)]
    if depth >= _DEEPEST or verb.head.i == verb.i or any(child.dep_ == "expl" for child in verb.children):
        return []
    if verb.dep_ == "acl":
        stated = verb.tag_ in {"VBN", "VBG"} and verb.lower_ not in _LIKE_PREPOSITIONS
        unclear = _is_any(verb.head) or _is_far(verb) or _is_within(verb.head)
        return said_of(verb.head) if stated and not unclear else []
    if verb.dep_ == "advcl" and (_is_manner(verb) or (verb.tag_ == "VBG" and not _is_said_of_subject(verb))):
        return []
    if _is_purpose_of_others(verb) or _is_measured_by(verb):
        return []
    if verb.dep_ in {"conj", "xcomp", "advcl"} and verb.head.pos_ in {"VERB", "AUX"}:
        if verb.dep_ == "xcomp" and (objects := objects_of(verb.head)):
            acts = verb.head.lemma_ in _OBJECT_ACTS
            return [one for one in objects if acts and one.pos_ != "PRON" and _is_done(verb, one)]
        return find_subjects(verb.head, depth=depth + 1)
    return []


def _is_manner(verb: Any) -> bool:
    """ "as tolerated", "as compared to controls"."""
    return any(child.dep_ == "mark" and child.lower_ == "as" for child in verb.children)


def _is_impersonal(verb: Any) -> bool:
    """ "It is crucial for banks to act", "It was clear that she left", "it takes a month": "it" is nobody."""
    if not any(child.dep_ == "nsubj" and child.lower_ == "it" for child in verb.children):
        return False
    if verb.lemma_ != "be":
        return bool(verb.lemma_ == "take")
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
    if any(child.tag_ == "JJS" or any(inner.tag_ == "RBS" for inner in child.lefts) for child in noun.lefts):
        return True
    return all(child.dep_ == "det" for child in noun.lefts) and (noun.tag_ == "NNS" or any(noun.lefts))


def _is_far(verb: Any) -> bool:
    """Whether another noun may be meant: "the nerves of chickens given TOTP", "patients in a study, given TOTP"."""
    between = verb.doc[verb.head.i + 1 : verb.left_edge.i]
    nouns = any(token.pos_ in {"NOUN", "PROPN"} for token in between)
    return nouns or (verb.dep_ == "acl" and verb.head.dep_ == "pobj" and any(token.text == "," for token in between))


def _is_within(noun: Any) -> bool:
    """ "the fall in blood pressure associated with it": the fall may be meant."""
    above = noun.head
    return bool(noun.pos_ == "NOUN" and noun.dep_ == "pobj" and above.dep_ == "prep" and above.head.pos_ == "NOUN")


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
    if participle.lemma_ in {"lead", "result"} and any(child.dep_ == "ccomp" for child in participle.head.children):
        return False
    wanted = any(child.dep_ == "aux" and child.lower_ == "to" for child in participle.head.children)
    if wanted and participle.i > participle.head.i:
        return False  # "made it possible for cities to work at night, reducing crime"
    first = participle.left_edge
    if first.i == 0 and participle.lemma_ in _OF_THE_WRITER:
        return False
    if participle.i < participle.head.i or first.i == 0:
        return True
    return first.nbor(-1).text in _BEFORE_ASIDES


def _resolved(verb: Any, subject: Any) -> list[Any]:
    """A relative pronoun stands for the noun before its clause; in "serves as a place that keeps it" for what serves,
    which stands too far."""
    if subject.lower_ in _RELATIVE and verb.dep_ == "relcl":
        head = verb.head
        role = head.dep_ == "pobj" and head.pos_ == "NOUN" and head.head.lower_ in {"as", "into"}
        unclear = role or _is_any(head) or _is_far(verb) or not _may_be(head, subject, verb)
        return [] if unclear else said_of(verb.head)
    return with_conjuncts(subject)


def _may_be(noun: Any, pronoun: Any, verb: Any) -> bool:
    """ "a man with a history of schizophrenia who fell": not the illness; "the prefectures around Nagoya which are
    Aichi and Mie": not one city."""
    if pronoun.lower_ == "who" and noun.pos_ == "NOUN" and noun.dep_ == "pobj":
        return noun.lemma_ in POPULATIONS or noun.lemma_.endswith(_OF_PEOPLE)
    several = any(one.lower_ in {"are", "were", "have"} for one in (verb, *verb.children) if one.pos_ == "AUX")
    joined = any(child.dep_ == "conj" for child in noun.children)
    return not several or joined or noun.tag_ not in {"NN", "NNP"} or verb.head.dep_ == "attr"


def _is_done(verb: Any, subject: Any) -> bool:
    """Whether the verb does not only say what somebody wants others to do: "urged the bank to sell"."""
    return not is_under(verb, _ASKING) or subject.i < verb.head.i


def said_of(head: Any, *, depth: int = 0) -> list[Any]:
    """What a clause behind a noun is said of: in "Load is an album released by Elektra" and in "Load, an album
    released by Elektra" it is Load."""
    if depth < _DEEPEST:
        if head.dep_ == "attr" and head.head.lemma_ == "be":
            subjects = [child for child in head.head.children if child.dep_ in {"nsubj", "csubj"}]
            if subjects:
                return _resolved(head.head, subjects[0])
        if head.dep_ == "conj" and head.head.dep_ == "attr" and head.pos_ == "NOUN":
            return said_of(head.head, depth=depth + 1)
        if head.dep_ == "appos" and head.pos_ == "NOUN":
            return said_of(head.head, depth=depth + 1)
    return [head]


def prepositions_of(token: Any) -> Iterator[tuple[str, Any]]:
    """Each (preposition, head of what follows): "in", "out of"; without "by" of a passive agent."""
    for child in token.children:
        if (child.dep_ == "prep" or (child.dep_ == "dative" and child.pos_ == "ADP")) and not _is_range(child):
            before = [part.lower_ for part in child.lefts if part.dep_ in {"advmod", "prep"} and part.i == child.i - 1]
            if child.lower_ == "as" and child.i and child.nbor(-1).lower_ == "such":
                before = ["such"]
            behind = [part.lower_ for part in child.rights if part.dep_ == "pcomp" and part.pos_ == "ADP"]
            yield from _after(child, " ".join([*before, child.lower_, *behind]))


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
                yield from places_around(head, words)
        elif child.dep_ == "pcomp" and child.tag_ == "VBG" and not any(one.dep_ == "nsubj" for one in child.children):
            for head in () if furnishes(child) else objects_of(child):
                yield f"{words} {child.lower_}", head
        elif child.dep_ == "prep" and child.ent_iob_ != "I":
            further = child.lower_ if words.endswith(("from", "until", "since")) else f"{words} {child.lower_}"
            yield from _after(child, further)
        elif child.dep_ == "conj" and child.pos_ == "ADP":
            yield from _after(child, child.lower_)


def makes_act(verb: Any) -> bool:
    """ "forced the bank to sell", "enabled us to speak": what it says is what its object does."""
    return verb.lemma_ in _OBJECT_ACTS and any(child.dep_ in {"xcomp", "ccomp"} for child in verb.rights)
