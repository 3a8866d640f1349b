"""How a fact is stated, read from the dependency parse: negated, possible, planned, of the family, in the past."""

from collections.abc import Iterable, Iterator
from typing import Any

from app.domain.documents import Span
from app.domain.graph import Assertion
from app.pipeline.polarity_words import (
    ENDING_VERBS,
    FAMILY,
    FAMILY_OF_SOMEBODY,
    FAMILY_SIDES,
    HEDGING_MODALS,
    HEDGING_NOUNS,
    HEDGING_WORDS,
    INVESTIGATING_VERBS,
    NEGATING_ADJECTIVES,
    NEGATING_VERBS,
    NEGATING_VERBS_BEFORE_VERBS,
    PAST_WORDS,
    PLANNING_VERBS,
    PLANNING_WORDS,
    REJECTING_VERBS,
    UNSURE_VERBS,
)

PARSE_DECIDES = frozenset(
    {"svo", "verb_pp", "obj_pp", "copula", "appos", "passive", "poss", "compound", "life", "date", "path", "table"}
)
"""Kinds made by rules: their status was read from the parse already."""


def polarity_of(document: Any, subject: Span | None, object_: Span | None, *, relation: str = "") -> Assertion:
    """The status of a fact whose arguments stand at these spans of the sentence, None where one stands elsewhere.

    With `relation`, a fact that the sentence says has ended ("stopped taking") and the relation does not is negated.
    """
    heads = [_head_at(document, span) for span in (subject, object_) if span is not None]
    verb = _verb_joining(heads)
    status = status_of(verb, heads)
    if status is Assertion.AFFIRMED and relation and _has_ended(verb, relation):
        return Assertion.NEGATED
    return status


def status_of(verb: Any | None, arguments: Iterable[Any], *, between: Iterable[Any] = ()) -> Assertion:
    """The status by the words around a verb, the heads of the arguments (spaCy tokens), and on the way between them.

    `between` are other words that the relation is made of: in "found no match for Lee" it is "match".
    """
    heads = list(arguments)
    ways = [step for head in (*heads, *between) for step in _way(head, verb)]
    if _is_negated(verb, heads, ways):
        doubted = _is_denied_twice(verb) and not any(_denied(step) for step in ways)
        return Assertion.POSSIBLE if doubted else Assertion.NEGATED
    if _is_family(heads, verb) or any(_of_family(step, heads) for step in ways):
        return Assertion.FAMILY
    if _is_hedged(verb, ways):
        return Assertion.POSSIBLE
    if _is_planned(verb):
        return Assertion.PLANNED
    if _is_past(verb) or any(_governed_by_history(head) for head in heads):
        return Assertion.HISTORICAL
    return Assertion.AFFIRMED


def _is_negated(verb: Any | None, heads: list[Any], ways: list[Any]) -> bool:
    return any(_denied(step) for step in ways) or _is_denied(verb) or any(_instead(head) for head in heads)


def _denied(noun: Any) -> bool:
    """ "no link", "without heparin", "neither A nor B", "Lee, not Brown"; for "fever" in "no cough or fever" too."""
    if noun.pos_ in {"VERB", "AUX"}:
        return _denials(noun) > 0 or _is_negating(noun, itself=True)
    if (
        _says_none(noun)
        or noun.lower_ == "negative"
        or (noun.dep_ in {"pobj", "pcomp"} and noun.head.lower_ in {"without", "except"})
    ):
        return True
    if noun.dep_ != "conj" or noun.head.pos_ in {"VERB", "AUX"}:
        return False
    joined = {child.lower_ for child in noun.head.children if child.dep_ == "cc" and child.i < noun.i}
    alone = any(child.dep_ == "det" for child in noun.children) and not joined & {"or", "nor"}
    return "but" not in joined and not alone and _denied(noun.head)


def _instead(head: Any) -> bool:
    """ "owned by Lee, not by Brown": the preposition bears the "not"."""
    above = head.head
    return head.dep_ == "pobj" and any(_is_not(child) for child in above.children if child.i < above.i)


def _says_none(noun: Any) -> bool:
    if noun.lower_ in {"none", "nobody", "nothing"}:
        return True
    return any(
        (child.lower_ == "any" and _has(child, frozenset({"hardly", "scarcely", "barely"})))
        or (child.lower_ in {"no", "neither", "zero"} and child.text != "NO" and child.i < noun.i)
        or (child.lower_ == "nor" and child.dep_ == "cc")
        or (noun.pos_ not in {"VERB", "AUX"} and child.i < noun.i and _is_not(child))
        for child in noun.children
    )


def _is_not(token: Any) -> bool:
    """ "not", but not that of "not only"."""
    following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    return token.lower_ in {"not", "n't"} and following not in {"only", "just", "merely", "solely"}


def _is_denied(verb: Any | None) -> bool:
    return any(_denials(step) > 0 or _is_negating(step, itself=step is verb) for step in _chain(verb))


def _is_denied_twice(verb: Any | None) -> bool:
    """ "cannot be excluded", "did not fail to pay"."""
    steps = list(_chain(verb))
    return any(_denials(step) for step in steps) and any(_is_negating(step, itself=step is verb) for step in steps)


def _denials(verb: Any) -> int:
    denied = (
        any(child.lower_ in {"never", "neither"} or _is_not(child) or _no_longer(child) for child in verb.children),
        verb.dep_ == "conj" and any(child.lower_ == "nor" and child.i < verb.i for child in verb.head.children),
        verb.dep_ == "pcomp" and verb.head.lower_ == "without",
        any(child.dep_ in {"nsubj", "nsubjpass"} and _says_none(child) for child in verb.children),
        any(child.dep_ in {"acomp", "oprd"} and child.lower_ in NEGATING_ADJECTIVES for child in verb.children),
        _is_refuted(_claim_above(verb)),
    )
    return sum(map(bool, denied))


def _claim_above(verb: Any) -> Any | None:
    """The noun that a clause says the content of: "evidence that he controls", "the claim that he controls"."""
    said_of = verb.dep_ in {"acl", "ccomp", "relcl"} and verb.head.pos_ == "NOUN"
    return verb.head if said_of and any(child.dep_ == "mark" for child in verb.children) else None


def _is_refuted(claim: Any | None) -> bool:
    if claim is None:
        return False
    above = _verb_above(claim)
    return _says_none(claim) or (
        above is not None
        and (above.lemma_.lower() in REJECTING_VERBS or any(_is_not(child) for child in above.children))
    )


def _no_longer(token: Any) -> bool:
    return token.lower_ in {"longer", "more"} and any(child.lower_ == "no" for child in token.children)


def _is_negating(verb: Any, *, itself: bool) -> bool:
    """A verb that says that its object is not so: deny, lack, rule out, fail to."""
    lemma = verb.lemma_.lower()
    if verb.lower_ in NEGATING_ADJECTIVES:
        return True
    if lemma == "rule":
        return any(child.dep_ == "prt" and child.lower_ == "out" for child in verb.children)
    if lemma in NEGATING_VERBS_BEFORE_VERBS:
        return not itself
    return lemma in NEGATING_VERBS


def _has_ended(verb: Any | None, relation: str) -> bool:
    ending = [step for step in _chain(verb) if step.lemma_.lower() in ENDING_VERBS]
    return bool(ending) and not any(
        step.lower_ in relation.lower() or step.lemma_ in relation.lower() for step in ending
    )


def _is_hedged(verb: Any | None, ways: list[Any]) -> bool:
    for step in _chain(verb):
        if _is_unsure(step) or step.lower_ in HEDGING_WORDS or _only_seems(step, verb):
            return True
        if step is not verb and step.lemma_.lower() in UNSURE_VERBS:
            return True
        claim = _claim_above(step)
        if claim is not None and claim.lemma_.lower() in HEDGING_NOUNS:
            return True
        if step.lemma_.lower() in INVESTIGATING_VERBS and any(words == "for" for words, _ in _prepositions(step)):
            return True
    return any(_is_unsure(step) or step.lower_ in HEDGING_NOUNS for step in ways)


def _is_unsure(token: Any) -> bool:
    """ "may have", "possible cancer", "if it rises"."""
    return any(
        child.lower_ in HEDGING_WORDS
        or (child.dep_ == "aux" and child.lower_ in HEDGING_MODALS)
        or (child.dep_ == "mark" and child.lower_ in {"if", "unless", "whether"})
        for child in token.children
    )


def _only_seems(step: Any, verb: Any) -> bool:
    """ "appears to own", "appears stable"; what "appears on a list" is there."""
    if step.lemma_ not in {"appear", "seem"}:
        return False
    return step is not verb or any(child.dep_ in {"acomp", "oprd", "attr"} for child in step.children)


def _is_planned(verb: Any | None) -> bool:
    for step in _chain(verb):
        if any(child.dep_ == "aux" and child.lower_ in {"will", "'ll"} for child in step.children):
            return True
        if _has(step, PLANNING_WORDS) or (step is not verb and step.lemma_.lower() in PLANNING_VERBS):
            return True
        to_be = step.dep_ == "xcomp" and step.head.lemma_ == "be"
        if to_be and any(child.dep_ == "aux" and child.lower_ == "to" for child in step.children):
            return True
    return False


def _is_past(verb: Any | None) -> bool:
    return any(_has(step, PAST_WORDS) for step in _chain(verb))


def _is_family(heads: list[Any], verb: Any | None) -> bool:
    """What is said of a relative: the subject, or one of several joined subjects."""
    return any(_is_relative(head) for head in heads if _is_subject(head, verb))


def _is_subject(head: Any, verb: Any | None) -> bool:
    first = _first_conjunct(head)
    if first.dep_ in {"nsubj", "nsubjpass"}:
        return True
    return verb is not None and verb.dep_ in {"relcl", "acl"} and verb.head.i == head.i


def _is_relative(head: Any) -> bool:
    """ "her father", "two of her aunts", "his child" but not "the child"."""
    if {head.lemma_.lower(), head.lower_} & FAMILY:
        return True
    if head.lemma_.lower() in FAMILY_OF_SOMEBODY and any(child.dep_ == "poss" for child in head.children):
        return True
    some = head.pos_ in {"NUM", "PRON", "DET"}
    return some and any(_is_relative(noun) for words, noun in _prepositions(head) if words == "of")


def _of_family(noun: Any, heads: list[Any]) -> bool:
    """ "family history of stroke", "breast cancer in her mother", "cares for her mother with dementia"."""
    if noun.lower_ == "history" and _has(noun, FAMILY_SIDES):
        return True
    if noun not in heads and noun.dep_ not in {"attr", "appos"} and _is_relative(noun):
        return True
    return any(words == "in" and _is_relative(inner) for words, inner in _prepositions(noun))


def _prepositions(noun: Any) -> Iterator[tuple[str, Any]]:
    for child in noun.children:
        if child.dep_ == "prep":
            yield from ((child.lower_, inner) for inner in child.children if inner.dep_ == "pobj")


def _governed_by_history(head: Any) -> bool:
    step = head if head.dep_ != "conj" else _first_conjunct(head)
    return bool(step.dep_ == "pobj" and step.head.lower_ == "of" and step.head.head.lower_ == "history")


def _chain(verb: Any | None) -> Iterator[Any]:
    """The verb and the verbs it hangs on: a status of "plans to" or "does not seem to" holds for what follows."""
    step = verb
    for _ in range(5):
        if step is None:
            return
        yield step
        above = step.head
        if step.dep_ not in {"xcomp", "ccomp", "pcomp", "conj"} or above.i == step.i:
            return
        if above.pos_ not in {"VERB", "AUX", "ADJ"} or (step.dep_ == "conj" and not _shares(above, step)):
            return
        step = above


def _shares(above: Any, verb: Any) -> bool:
    """Whether a joined verb is under the auxiliary and the "not" of the first: "does not smoke or drink", while in
    "does not smoke and drinks" and "denies pain and takes" the second stands for itself."""
    if any(child.dep_ in {"nsubj", "nsubjpass", "aux", "auxpass", "neg"} for child in verb.children):
        return False
    joined = {child.lower_ for child in above.children if child.dep_ == "cc" and child.i < verb.i}
    if "but" in joined or _is_negating(above, itself=True) or above.lemma_ in ENDING_VERBS:
        return False
    return verb.tag_ == above.tag_ and (verb.tag_ in {"VB", "VBN", "VBG"} or bool(joined & {"or", "nor"}))


def _way(head: Any, verb: Any | None) -> Iterator[Any]:
    """From a noun up to its verb, without it: what any word of "no proof of a link to Lee" is denied by."""
    yield head
    if verb is None or not verb.is_ancestor(head):
        return
    step = head.head
    while step.i != verb.i:
        yield step
        step = step.head


def _first_conjunct(token: Any) -> Any:
    while token.dep_ == "conj" and token.head.i != token.i:
        token = token.head
    return token


def _has(token: Any | None, wanted: frozenset[str]) -> bool:
    return token is not None and any(child.lower_ in wanted for child in token.children)


def _head_at(document: Any, span: Span) -> Any:
    found = document.char_span(span.start, span.end, alignment_mode="expand")
    return found.root


def _verb_joining(heads: list[Any]) -> Any | None:
    """The verb that says something of both: of two nouns one of which hangs on the other, the verb between them."""
    above = [_verb_above(head) for head in heads]
    if len(heads) < 2:
        return above[0] if above else None
    subject, object_ = heads
    if object_.is_ancestor(subject):
        return above[0]
    if subject.is_ancestor(object_) or above[0] is None or not above[0].is_ancestor(object_):
        return above[1]
    return above[0]


def _verb_above(token: Any) -> Any | None:
    for step in (token, *token.ancestors):
        if step.pos_ in {"VERB", "AUX"}:
            return step
    return None
