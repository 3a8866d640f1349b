"""Which arguments say too little to stand alone in a fact, by the words around them."""

from collections.abc import Collection
from typing import Any

from app.pipeline.parse_walking import first_conjunct
from app.pipeline.rules_phrases import Argument

_DEMONSTRATIVES = frozenset({"this", "these", "that", "those"})
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")
_OF_RECORD = frozenset(
    (
        "lender borrower guarantor agent bank insurer insured buyer seller tenant landlord employer employee trustee "
        "company issuer group customer client patient doctor nurse surgeon hospital ward clinic laboratory pharmacy "
        "board committee court government state regulator auditor parent subsidiary policy scan biopsy radiograph "
        "echocardiogram ultrasound examination operation culture screening review audit payment loan deposit limit "
        "facility commitment security collateral covenant contract agreement account transfer transaction claim"
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
_DEPENDENTS = frozenset({"amod", "compound", "nmod", "nummod", "poss", "prep", "relcl", "acl", "appos"})


def is_aside(subject: Argument, verb: Any | None) -> bool:
    """A subject in a bracket that its verb is outside of is not what the verb is said of."""
    return verb is not None and subject.head is not None and depth(subject.head) > depth(verb)


def points_back(argument: Argument) -> bool:
    """ "these practices", "the boat", "its size": what they are stands elsewhere, so alone they say nothing."""
    head = argument.head
    if head is None or argument.is_name or head.pos_ == "PRON":
        return False
    if any(child.dep_ == "det" and child.lower_ in _DEMONSTRATIVES for child in head.children):
        return True
    return is_bare_definite(head)


def is_bare_definite(head: Any) -> bool:
    """ "the boat", but not "the lender" of a contract, "the heart", "the boat of the owner"."""
    noun = head.lemma_.lower()
    if head.pos_ != "NOUN" or noun in _OF_RECORD | _UNIQUE or noun.endswith(_CALLINGS) or _has(head, _DEPENDENTS):
        return False
    first = head if _has(head, {"det"}) else first_conjunct(head)
    has_article = any(child.dep_ == "det" and child.lower_ == "the" for child in first.children)
    return has_article and not _has(first, _DEPENDENTS)


def _has(head: Any, kinds: Collection[str]) -> bool:
    return any(child.dep_ in kinds for child in head.children)


def owner_of(head: Any) -> Any | None:
    """The pronoun that owns a noun: "its" of "its size"."""
    return next((child for child in head.children if child.dep_ == "poss" and child.pos_ == "PRON"), None)


def needs_more(argument: Argument, *, negated: bool) -> bool:
    """Whether an object is only part of what the sentence says: "has no business (in sanctioned countries)"."""
    head = argument.head
    if head is None or argument.is_name:
        return False
    behind = [
        child for child in head.rights if child.dep_ in {"prep", "relcl", "acl"} and not _is_inside(child, argument)
    ]
    if not behind:
        return False
    return negated or head.lemma_.lower() in _RELATIONAL


def _is_inside(child: Any, argument: Argument) -> bool:
    return bool(child.lower_ == "of" and argument.text != argument.short)


def depth(token: Any) -> int:
    """How many brackets are open before this token."""
    before = [part.text for part in token.doc[: token.i]]
    return sum(part in _OPENING for part in before) - sum(part in _CLOSING for part in before)
