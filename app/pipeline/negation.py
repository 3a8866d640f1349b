"""What a sentence denies: by a word on the way to its verb, by the verb itself, or by a verb above it."""

from collections.abc import Iterator
from typing import Any

from app.pipeline.parse_walking import claim_above, has_child, is_purpose, verb_above
from app.pipeline.polarity_words import (
    ENDING_VERBS,
    NEGATING_ADJECTIVES,
    NEGATING_VERBS,
    NEGATING_VERBS_BEFORE_VERBS,
    REJECTING_VERBS,
)


def is_denied(verb: Any | None) -> bool:
    return any(_denials(step) > 0 or _is_negating(step, itself=step is verb) for step in chain(verb))


def is_denied_twice(verb: Any | None) -> bool:
    """ "cannot be excluded", "did not fail to pay"."""
    steps = list(chain(verb))
    return any(_denials(step) for step in steps) and any(_is_negating(step, itself=step is verb) for step in steps)


def _denials(verb: Any) -> int:
    denied = (
        any(child.lower_ in {"never", "neither"} or _is_not(child) or _no_longer(child) for child in verb.children),
        verb.dep_ == "conj" and any(child.lower_ == "nor" and child.i < verb.i for child in verb.head.children),
        verb.dep_ == "pcomp" and verb.head.lower_ == "without",
        any(child.dep_ in {"nsubj", "nsubjpass"} and _says_none(child) for child in verb.children),
        any(child.dep_ in {"acomp", "oprd"} and child.lower_ in NEGATING_ADJECTIVES for child in verb.children),
        _is_refuted(claim_above(verb)),
    )
    return sum(map(bool, denied))


def is_denied_noun(noun: Any) -> bool:
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
    return "but" not in joined and not alone and is_denied_noun(noun.head)


def is_put_instead(head: Any) -> bool:
    """ "owned by Lee, not by Brown": the preposition bears the "not"."""
    above = head.head
    return head.dep_ == "pobj" and any(_is_not(child) for child in above.children if child.i < above.i)


def _says_none(noun: Any) -> bool:
    if noun.lower_ in {"none", "nobody", "nothing"}:
        return True
    return any(
        (child.lower_ == "any" and has_child(child, frozenset({"hardly", "scarcely", "barely"})))
        or (child.lower_ in {"no", "neither", "zero"} and child.text != "NO" and child.i < noun.i)
        or (child.lower_ == "nor" and child.dep_ == "cc")
        or (noun.pos_ not in {"VERB", "AUX"} and child.i < noun.i and _is_not(child))
        for child in noun.children
    )


def _is_not(token: Any) -> bool:
    """ "not", but not that of "not only"."""
    following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    return token.lower_ in {"not", "n't"} and following not in {"only", "just", "merely", "solely"}


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


def _is_refuted(claim: Any | None) -> bool:
    if claim is None:
        return False
    above = verb_above(claim)
    return _says_none(claim) or (
        above is not None
        and (above.lemma_.lower() in REJECTING_VERBS or any(_is_not(child) for child in above.children))
    )


def has_ended(verb: Any | None, relation: str) -> bool:
    ending = [step for step in chain(verb) if step.lemma_.lower() in ENDING_VERBS]
    return bool(ending) and not any(
        step.lower_ in relation.lower() or step.lemma_ in relation.lower() for step in ending
    )


def chain(verb: Any | None) -> Iterator[Any]:
    """The verb and the verbs it hangs on: a status of "plans to" or "does not seem to" holds for what follows."""
    step = verb
    for _ in range(5):
        if step is None:
            return
        yield step
        above = step.head
        joined = step.dep_ in {"xcomp", "ccomp", "pcomp", "conj"} or is_purpose(step)
        if not joined or above.i == step.i or _stands_alone(step):
            return
        if above.pos_ not in {"VERB", "AUX", "ADJ"} or (step.dep_ == "conj" and not _shares(above, step)):
            return
        step = above


def _stands_alone(verb: Any) -> bool:
    """ "She asked about it; the nurse will call": parsed as what the nurse will say."""
    return verb.dep_ == "ccomp" and any(verb.i < child.i and child.text == ";" for child in verb.head.lefts)


def _shares(above: Any, verb: Any) -> bool:
    """Whether a joined verb is under the auxiliary and the "not" of the first: "does not smoke or drink", while in
    "does not smoke and drinks" and "denies pain and takes" the second stands for itself."""
    if any(child.dep_ in {"nsubj", "nsubjpass", "aux", "auxpass", "neg"} for child in verb.children):
        return False
    joined = {child.lower_ for child in above.children if child.dep_ == "cc" and child.i < verb.i}
    if "but" in joined or _is_negating(above, itself=True) or above.lemma_ in ENDING_VERBS:
        return False
    return verb.tag_ == above.tag_ and (verb.tag_ in {"VB", "VBN", "VBG"} or bool(joined & {"or", "nor"}))
