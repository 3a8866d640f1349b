"""Facts that a preposition ends: "moved to Bern", "raises the concentration of digoxin", "works as analyst for Lee"."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate, fact
from app.pipeline.rules_clauses import Clause, makes_act, prepositions_of
from app.pipeline.rules_fitness import is_every, is_one_of_a_kind, is_pointed_at, promises
from app.pipeline.rules_phrases import Phrases
from app.pipeline.rules_verbs import attributes_of, objects_of

_VAGUE_PREPOSITIONS = frozenset(
    {"like", "such", "such as", "as well", "in addition to", "including", "per", "despite", "versus"}
)
_VAGUE_OBJECTS = frozenset(
    (
        "end front middle face course light favor favour place conclusion addition fact general particular contrast "
        "summary total turn part conjunction comparison hand average latest earliest least most first last date "
        "extent degree order response core essence practice"
    ).split()
)
_TURNED = frozenset({"to", "from", "into"})
"""Where the object of a verb is said to go: "sold Rostrand to Tolvane"."""
NAMING_VERBS = frozenset(
    "appoint elect name nominate hire choose select describe list designate recognise recognize know install".split()
)
"""What their object is said to be follows "as": "appointed Bob Lee as chairman"."""
_COMPLETING = frozenset({"to", "into", "as", "of", "on", "with", "for", "from", "through", "against", "about", "by"})
"""Behind a verb without an object it does not say anything without these: "led to losses throughout the year"."""
_FURTHER = frozenset({"of", "in", "at", "from", "for", "to", "on", "between", "with"})
_UNSAID = frozenset({"it", "them", "him", "her", "that", "which", "whom", "this", "these", "those"})
_LONGEST_RELATION = 9


def read_object_prepositions(
    clause: Clause, subject: Argument, head: Any, object_: Argument, phrases: Phrases
) -> Iterator[Candidate]:
    """ "increases the plasma concentration of digoxin": the object's own words join the relation."""
    if object_.is_name or promises(head) or is_pointed_at(head) or head.lower_ in {"other", "others"}:
        return
    for words, place in prepositions_of(head):
        if _is_vague(words) or is_every(place) or is_second(head, place):
            continue
        relation = f"{clause.relation} {object_.as_words if words == 'of' else object_.as_phrase} {words}"
        target = phrases.argument(place)
        if len(relation.split()) <= _LONGEST_RELATION:
            yield from fact(subject, relation, phrases.object(place), "obj_pp", clause.verb)
        if target is not None and not target.is_name:
            yield from _further(clause, subject, relation, (place, target), phrases, between=[head])


def is_second(word: Any, place: Any) -> bool:
    """ "from" in "increases in the response from rats", "after" in "interested in Dada after the war": it tells of the
    first, or too little without it."""
    own = [child for child in word.rights if child.dep_ == "prep" and child.lower_ != "of"]
    return any(child.is_ancestor(place) for child in own[1:])


def read_prepositions(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """What the verb reaches by its own prepositions."""
    if clause.verb.lemma_ == "be" and any(phrases.is_amount(head) for head in attributes_of(clause.verb)):
        return
    objects = objects_of(clause.verb)
    if makes_act(clause.verb):
        return
    if not objects and any(child.dep_ in {"ccomp", "xcomp"} for child in clause.verb.children):
        return
    if any(child.dep_ == "dobj" and child.lower_ in _UNSAID for child in clause.verb.children):
        return  # "upgraded it to", "the idea that everybody has with": what was done to is not said.
    first = phrases.argument(objects[0]) if objects else None
    if first is not None and first.type == "Amount":
        return
    for words, place in prepositions_of(clause.verb):
        if _is_vague(words) or is_idiom(place) or is_every(place) or _is_loose(clause.verb, place):
            continue
        if _is_again(clause.verb, words, place) or ("as" not in words.split() and _is_known_as(clause.verb)):
            continue
        target = phrases.argument(place)
        if words == "from" and target is not None and target.type == "Amount":
            continue
        if first is not None and first.is_name and target is not None and _is_turned(clause.verb, words):
            yield from fact(first, f"{clause.relation} {words}", target, "verb_pp", clause.verb)
        relation = _with_complement(clause, first, place, phrases)
        if relation is None:
            continue
        kind = words == "as" and is_one_of_a_kind(place) and not any(child.dep_ == "prep" for child in place.rights)
        end = target if kind else phrases.object(place)
        yield from fact(subject, f"{relation} {words}", end, "verb_pp", clause.verb, between=objects[:1])
        if target is not None and not target.is_name:
            reached = (place, target)
            yield from _further(clause, subject, f"{relation} {words}", reached, phrases, between=objects[:1])


def _is_loose(verb: Any, place: Any) -> bool:
    """Whether what a preposition reaches may be said of something else: "With many banks failing, …", "was admitted,
    with …", "certified by Lee, above the limit", "was a journey that began with Sputnik, on 4 October"."""
    first = next((token for token in place.ancestors if token.dep_ == "prep" and token.head.i == verb.i), None)
    if first is None:
        return False
    before = first.nbor(-1) if first.i else None
    apart = before is None or before.text == ","
    if first.lower_ in {"with", "without"} and apart:
        return True
    if verb.dep_ in {"acl", "advcl", "relcl"} and apart and first.i > verb.i:
        return True
    attributes = [child for child in verb.rights if child.dep_ == "attr" and child.i < first.i]
    return any(
        token.dep_ == "relcl" or (token.dep_ == "conj" and first.lower_ == "with")
        for child in attributes
        for token in child.subtree
    )


def _is_again(verb: Any, words: str, place: Any) -> bool:
    """ "resulted in shock in a woman": the second is said of the first; and "From 1990 to 1994 she led it"."""
    if words == "to" and place.i < verb.i:
        return True
    if verb.lemma_ not in {"result", "consist", "lead", "belong"}:
        return False
    first = next((child for child in verb.rights if child.dep_ == "prep" and child.lower_ == words), None)
    return first is not None and not first.is_ancestor(place)


def _is_known_as(verb: Any) -> bool:
    """ "is known to the locals as Yulalona", "is referred to as Yulalona in Oregon"."""
    following = [one for one in verb.subtree if one.lower_ == "as" and one.i > verb.i]
    known = verb.lemma_ == "know" and bool(following)
    return known or (verb.lemma_ == "refer" and any(one.nbor(-1).lower_ == "to" for one in following))


def _is_turned(verb: Any, preposition: str) -> bool:
    return preposition in _TURNED or (preposition == "as" and verb.lemma_ in NAMING_VERBS)


def _is_vague(preposition: str) -> bool:
    return preposition in _VAGUE_PREPOSITIONS or "than" in preposition.split()


def is_idiom(place: Any) -> bool:
    """ "in the end", "to date"; "at the end of the lake" is a place."""
    return place.lower_ in _VAGUE_OBJECTS and not any(child.lower_ == "of" for child in place.rights)


def _with_complement(clause: Clause, object_: Argument | None, place: Any, phrases: Phrases) -> str | None:
    """The verb with what it needs to say anything: "became professor", "is similar", "raises the concentration", "led
    to losses"; None where that is too long to be a relation."""
    if object_ is not None:
        words = [object_.text if object_.is_name else object_.as_phrase]
    else:
        found = [phrases.argument(head) for head in attributes_of(clause.verb)[:1]]
        if any(one is None or phrases.is_torn(one) for one in found):
            return None
        words = [one.as_phrase for one in found if one is not None]
        said = [one for one in clause.verb.rights if one.dep_ in {"acomp", "oprd"}]
        if any(child.dep_ == "prep" and not child.is_ancestor(place) for one in said for child in one.rights):
            return None
        words += [adjective(one) for one in said]
    words = words or list(_completion(clause.verb, place, phrases))
    relation = " ".join([clause.relation, *words])
    torn = object_ is not None and phrases.is_torn(object_)
    return relation if len(relation.split()) < _LONGEST_RELATION and not torn else None


def _completion(verb: Any, place: Any, phrases: Phrases) -> Iterator[str]:
    """The first preposition behind a verb with what it reaches, unless that is `place`."""
    first = next((child for child in verb.rights if child.dep_ in {"prep", "agent"}), None)
    if first is None or first.lower_ not in _COMPLETING or first.is_ancestor(place):
        return
    reached = next((child for child in first.children if child.dep_ == "pobj"), None)
    argument = phrases.argument(reached) if reached is not None else None
    if argument is not None:
        yield f"{first.lower_} {argument.text if argument.is_name else argument.as_phrase}"


def adjective(head: Any) -> str:
    """ "increasingly important"."""
    return " ".join(part.lower_ for part in (*head.lefts, head) if part is head or part.dep_ in {"advmod", "neg"})


def _further(
    clause: Clause,
    subject: Argument,
    relation: str,
    reached: tuple[Any, Argument],
    phrases: Phrases,
    *,
    between: Sequence[Any],
) -> Iterator[Candidate]:
    """ "works as an analyst for Rostov": what is reached joins the relation to what its own prepositions reach."""
    place, target = reached
    if promises(place) or is_pointed_at(place):
        return
    for more, end in prepositions_of(place):
        longer = f"{relation} {target.as_words if more == 'of' else target.as_phrase} {more}"
        if more in _FURTHER and not is_every(end) and len(longer.split()) <= _LONGEST_RELATION:
            yield from fact(subject, longer, phrases.object(end), "obj_pp", clause.verb, between=[*between, place])
