"""Which arguments say too little to stand alone in a fact, by the words around them."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from app.pipeline.parse_walking import first_conjunct, is_purpose, verb_above
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_populations import POPULATIONS, is_population

_DEMONSTRATIVES = frozenset({"this", "these", "that", "those"})
_POINTING = _DEMONSTRATIVES - {"that"}
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")
_OF_RECORD = frozenset(
    (
        "lender borrower guarantor agent bank insurer insured buyer seller tenant landlord employer employee trustee "
        "patient doctor nurse surgeon hospital ward clinic laboratory pharmacy "
        "court government state regulator auditor policy scan biopsy radiograph "
        "echocardiogram ultrasound examination operation culture screening review audit payment loan deposit limit "
        "facility commitment interest principal rent fee premium dividend "
        "security collateral covenant contract agreement account transfer transaction claim"
    ).split()
)
"""Whom or what a record is about: "the patient", "the loan" and "the scan" are one for the whole document."""
_CALLINGS = ("ologist", "ician", "iatrist")
_UNIQUE = frozenset(
    (
        "world earth sun moon sky sea ocean internet brain heart liver kidney lung skin body stomach bladder spine "
        "public market economy environment past future present mind universe atmosphere climate immune media law "
        "church army police press poor rich elderly deceased"
    ).split()
)
"""Of which there is one for everybody."""
_UNDERSTOOD = _OF_RECORD | _UNIQUE
_RELATIONAL = frozenset(
    (
        "connection link relationship relation insight access influence effect contribution approach evidence lack "
        "potential response reaction damage threat challenge opportunity attention emphasis focus interest view "
        "understanding appreciation right duty policy increase decrease change rise fall reduction improvement "
        "business exacerbation concentration level risk foundation "
        "factor step measure strategy advantage benefit difference sense imagination knowledge tool platform means"
    ).split()
)
"""Nouns that say little without what follows them: "access" to what, "a risk" of what."""
_LIMITING = frozenset({"than", "versus", "compared", "without", "unless", "except"})
_MEASURES = frozenset(
    (
        "dose yield rate incidence activity proportion percentage amount frequency severity effect course scope "
        "testament model barrier increase decrease reduction improvement change difference schedule career example "
        "symbol sign history etiology aetiology prognosis mechanism"
    ).split()
)
_UNNAMED = frozenset({"certain", "another", "same"})
_ABOUT = frozenset({"company", "group", "firm", "fund", "vessel", "drug"})
_IDLE = frozenset({"light", "place", "part", "attention", "way", "rise", "advantage", "account", "effect"})
_PROMISES = frozenset(
    "ability inability capability capacity attempt effort failure need opportunity plan potential tendency".split()
)
_ALIKE = frozenset({"similar", "same", "different", "comparable", "equal", "identical"})
_NOBODY = frozenset(
    "neither none nobody everybody everyone anybody anyone somebody someone something nothing others".split()
)
_OF_WHAT = frozenset({"of", "in", "for", "to", "on", "from", "with"})
_DEPENDENTS = frozenset({"amod", "compound", "nmod", "nummod", "poss", "prep", "relcl", "acl", "appos"})


def is_aside(subject: Argument, verb: Any | None) -> bool:
    """What stands in a bracket is not what a verb outside it is said of, nor the other way round but for "(born …)"."""
    if verb is None or subject.head is None:
        return False
    deeper = depth(verb) - depth(subject.head)
    return deeper < 0 or (deeper > 0 and verb.tag_ != "VBN")


def points_back(argument: Argument) -> bool:
    """ "these practices", "the boat", "its size": what they are stands elsewhere, so alone they say nothing."""
    head = argument.head
    if head is None or argument.is_name or head.pos_ == "PRON":
        return False
    if _POINTING & set(argument.text.lower().split()) or any(
        child.dep_ == "det" and child.lower_ in _DEMONSTRATIVES for child in head.children
    ):
        return True
    return is_bare_definite(head) or _is_of_nothing(argument)


def is_of_unknown(argument: Argument) -> bool:
    """ "the airport's rules"; "the company's rules" are of the one that a document is about."""
    head = argument.head
    owners = [child for child in head.children if child.dep_ == "poss"] if head is not None else []
    return any(is_bare_definite(owner) and owner.lemma_.lower() not in _ABOUT for owner in owners)


def is_pointed_at(noun: Any) -> bool:
    """ "types" of "works in these types of jobs"."""
    return any(child.lower_ in _POINTING for child in noun.children)


def _is_of_nothing(argument: Argument) -> bool:
    """ "a single dose", "the same effect": of what is not said."""
    head = argument.head
    if head.lemma_.lower() not in _MEASURES or _has(head, {"compound", "nmod", "poss", "nummod"}):
        return False
    return not _OF_WHAT & set(argument.text.lower().split())


def is_bare_definite(head: Any) -> bool:
    """ "the boat", but not "the lender" of a contract, "the heart", "the boat of the owner"."""
    noun = head.lemma_.lower()
    if head.pos_ not in {"NOUN", "ADJ"} or noun in _UNDERSTOOD or noun.endswith(_CALLINGS) or _has(head, _DEPENDENTS):
        return False
    first = head if _has(head, {"det"}) else first_conjunct(head)
    has_article = any(child.dep_ == "det" and child.lower_ == "the" for child in first.children)
    return has_article and not _has(first, _DEPENDENTS)


def _has(head: Any, kinds: Collection[str]) -> bool:
    """Children of these kinds; what stands behind a comma tells of a noun and does not tell which."""
    return any(child.dep_ in kinds and not _is_added(child) for child in head.children)


def _is_added(child: Any) -> bool:
    first = child.left_edge
    return child.dep_ in {"relcl", "acl"} and first.i > 0 and first.nbor(-1).text == ","


def shares_end(head: Any) -> bool:
    """ "towns" in "towns and cities in this zone", "glomerular" in "glomerular and tubular injury": what follows the
    last of several is of all; "Rothari (or Rothair)" is one."""
    if head.pos_ == "ADJ":
        joined = [child for child in head.rights if child.dep_ == "conj" and depth(child) == depth(head)]
        return any(one.pos_ == "NOUN" for one in joined)
    return any(True for _ in _behind_last(head))


def shares_of(head: Any) -> bool:
    """ "creativity" in "the creativity and skill of magicians"."""
    return any(child.lower_ == "of" for child in _behind_last(head))


def _behind_last(head: Any) -> Iterator[Any]:
    """What hangs on one of several joined nouns and stands behind another."""
    for one in (child for child in head.rights if child.dep_ == "conj" and depth(child) == depth(head)):
        yield from (
            child for child in (*head.rights, *one.rights) if child.dep_ in {"prep", "acl", "relcl"} and child.i > one.i
        )


def is_of_whom(head: Any) -> bool:
    """ "symptoms" of "patients whose symptoms include fever"."""
    return any(child.tag_ == "WP$" for child in first_conjunct(head).children)


def is_one_name(head: Any) -> bool:
    """ "Cranks and Shadows" of "Cranks and Shadows is a novel": one title, by its verb."""
    first = first_conjunct(head)
    joined = [first, *first.conjuncts]
    verbs = [first.head, *(part for part in first.head.children if part.dep_ in {"aux", "auxpass"})]
    one = first.dep_ in {"nsubj", "nsubjpass"} and any(part.tag_ == "VBZ" or part.lower_ == "was" for part in verbs)
    both = any(child.lower_ in {"and", "&"} for part in joined for child in part.children)
    return len(joined) > 1 and one and both and all(part.pos_ == "PROPN" for part in joined)


def concedes(head: Any, verb: Any) -> bool:
    """ "Although an indicator of dysfunction, a rise may …": parsed as if the indicator did what follows."""
    first = head.left_edge
    after = first.i > 0 and first.nbor(-1).lower_ in {"although", "though", "unlike", "while"}
    return after and any(token.text == "," for token in head.doc[head.i : verb.i])


def is_bare(noun: Any) -> bool:
    """ "events", of which nothing says which."""
    return noun.pos_ == "NOUN" and not any(child.dep_ in _DEPENDENTS for child in noun.children)


def is_every(noun: Any) -> bool:
    """ "ages" and "backgrounds" in "of all ages and backgrounds"."""
    return is_bare(noun) and any(child.lower_ in {"all", "every", "any"} for child in first_conjunct(noun).children)


def is_idle(noun: Any) -> bool:
    """ "light" in "sheds light on it"."""
    return is_bare(noun) and noun.lower_ in _IDLE


def is_alternative(object_: Argument, verb: Any | None) -> bool:
    """ "the men received placebo or diazepam": each of them is not what happened; "causes gout or fever" is of both."""
    head = object_.head
    if verb is None or head is None:
        return False
    if verb.dep_ != "acl" and not any(one.tag_ == "VBD" for one in (verb, *verb.children)):
        return False
    return any(child.lower_ == "or" and child.dep_ == "cc" for one in (head, *head.conjuncts) for child in one.children)


def promises(noun: Any) -> bool:
    """ "the ability of a drug to reverse it" needs what follows; "the use of symbols to tell it" does not."""
    return noun.lemma_ in _PROMISES and any(
        child.dep_ in {"acl", "relcl"} and any(mark.dep_ == "aux" and mark.lower_ == "to" for mark in child.children)
        for child in noun.rights
    )


def owner_of(head: Any) -> Any | None:
    """The pronoun that owns a noun: "its" of "its size"."""
    return next((child for child in head.children if child.dep_ == "poss" and child.pos_ == "PRON"), None)


def needs_more(argument: Argument, *, offset: int, negated: bool) -> bool:
    """Whether an object is only part of what the sentence that starts at `offset` says: "has no business (in sanctioned
    countries)"."""
    head = argument.head
    if head is None or argument.is_name:
        return False
    end = argument.span.end - offset
    behind = any(child.dep_ in {"prep", "relcl", "acl"} and child.idx >= end for child in head.rights)
    if " " in argument.text and any(child.lower_ in _ALIKE for child in head.lefts):
        return not _OF_WHAT & set(argument.text.lower().split())
    return behind and (negated or head.lemma_.lower() in _RELATIONAL)


def depth(token: Any) -> int:
    """How many brackets are open before this token."""
    before = [part.text for part in token.doc[: token.i]]
    return sum(part in _OPENING for part in before) - sum(part in _CLOSING for part in before)


def is_one_of_a_kind(noun: Any) -> bool:
    """ "a footballer who plays for Bern" is a footballer; "the third album by Cruz" and "one of ten" need the rest."""
    if noun.lemma_.lower() in _RELATIONAL or noun.pos_ != "NOUN":
        return False
    return any(child.dep_ == "det" and child.lower_ in {"a", "an"} for child in first_conjunct(noun).children)


def is_one_of_many(subject: Argument, verb: Any | None) -> bool:
    """ "patients had a culture", "symptoms include fever", "certain items": which ones stands elsewhere, while "banks
    lend" is of all."""
    head = subject.head
    if verb is None or head is None or subject.is_name:
        return False
    if head.lower_ in _NOBODY or any(child.lower_ in _UNNAMED for child in head.lefts):
        return True
    others = head.tag_ == "NNS" and any(child.lower_ == "other" for child in head.lefts)
    if (others and not _has(head, {"prep", "poss"})) or any(child.lower_ == "resulting" for child in head.lefts):
        return True
    if head.pos_ != "NOUN" or " " in subject.text:
        return False
    noun = head.lemma_.lower()
    if any(child.lower_ == "both" for child in head.lefts) and not any(child.dep_ == "conj" for child in head.rights):
        return True
    if _has(head, {"det", "poss"}) or noun.endswith(_CALLINGS):
        return False
    if noun in POPULATIONS and verb.tag_ == "VBG" and not any(child.dep_ == "aux" for child in verb.children):
        return True
    past = any(one.tag_ == "VBD" for one in (verb, *verb.children) if one is verb or one.dep_.startswith("aux"))
    return head.tag_ == "NNS" and (past or verb.lemma_ == "include")


def is_only_wanted(subject: Argument, verb: Any | None) -> bool:
    """ "games made to retain players": a purpose is a fact of who has it ("sold the ship to repay the loan")."""
    return verb is not None and is_purpose(first_conjunct(verb)) and subject.type not in {"Person", "Organization"}


def is_asked(verb: Any | None) -> bool:
    """ "asked whether she can use it"."""
    return verb is not None and any(child.dep_ == "mark" and child.lower_ == "whether" for child in verb.children)


def _limited(only: Any, verb: Any) -> Any | None:
    """ "group" in "only in the high-dose group"."""
    if only.head.pos_ != "ADP" or verb_above(only) != verb:
        return None
    return next((child for child in only.head.children if child.dep_ == "pobj"), None)


def leaves_out_limit(said: str, verb: Any | None, *, whom: bool = True) -> bool:
    """Whether a clause says than what, without what or, with `whom`, in whom ("in patients who smoke"), and the words
    of the fact do not."""
    if verb is None:
        return False
    words = set(re.findall(r"\w+", said.lower()))
    limits = {token.lower_ for token in verb.subtree if token.lower_ in _LIMITING}
    limits |= {noun.lower_ for token in verb.subtree if token.lower_ == "only" and (noun := _limited(token, verb))}
    people = {token.lower_ for token in verb.subtree if whom and is_population(token) and verb_above(token) == verb}
    return bool((limits | people) - words)
