"""Noun phrases: which words around a noun belong to it, and of what type it is."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from app.domain.documents import Span
from app.pipeline.parse_walking import verb_above
from app.pipeline.parsing import entities_of
from app.pipeline.rules_abbreviations import is_described, is_measure
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_populations import is_population
from app.pipeline.rules_torn import follows_bracket, is_torn, whole_words
from app.pipeline.verification import PRONOUNS

_INSIDE = frozenset({"compound", "amod", "nummod", "nmod", "quantmod", "advmod", "npadvmod", "poss", "case"})
_NOT_INSIDE = frozenset("such other both all no not only although though while whereas".split())
_SOME = frozenset({"some", "most", "few", "half"})
"""What is so of some is not so of all."""
_NOUNS = frozenset({"NOUN", "PROPN", "NUM", "SYM", "X", "ADJ"})
_NOUN_PLACES = frozenset({"dobj", "pobj", "nsubj", "nsubjpass", "conj", "appos"})
"""Where an unknown name such as a drug's is often taken for a verb."""
_NEVER_NOUNS = frozenset({"PRON", "DET", "ADP", "PUNCT", "PART", "AUX", "CCONJ", "SCONJ", "SPACE", "ADV"})
_PLACE_KINDS = frozenset(
    "city town village state province county district region island kingdom republic country municipality".split()
)
_GOES_WITH = frozenset({"DET", "NOUN", "PROPN"})
_ARTICLES = frozenset({"the", "a", "an"})
_LONGEST_WITH_OF = 10
_LONGEST_WHOLE = 12
_FIGURE_BEFORE = re.compile(r"[\d<>≤≥=±%)/-]\s*$")
_EXAMPLES = frozenset({"such", "like", "including"})
"""What follows these does not say which."""
_NEVER_LAST = frozenset({"ADP", "DET", "CCONJ", "SCONJ", "PUNCT", "PART", "SPACE"})
_PARTS_OF_WORDS = frozenset("-‐‑–'’\"“”/%")
_DANGLING = re.compile(r"(?:\s+(?:of|from|to|in|at|by|for|with|and|or|the|an?))+$", re.IGNORECASE)


class Phrases:
    """Noun phrases of one parsed sentence that starts at `offset` in the document."""

    def __init__(self, document: Any, *, offset: int, common: frozenset[str] = frozenset()) -> None:
        """`common` are words that the text writes small elsewhere: at its start they are no name."""
        self.document = document
        self.offset = offset
        self.entities = list(entities_of(document, common=common))

    def argument(self, head: Any) -> Argument | None:
        """The phrase whose head is this token; None for what is no noun. Pronouns are returned as they are.

        "the band Metallica" and "the city of Bern" are their names; another noun keeps the "of …" that says which one.
        """
        if head.pos_ == "PRON" or head.lower_ in PRONOUNS:
            return self._make(head.idx, head.idx + len(head), "Concept", head)
        if head.lower_ in _ARTICLES:
            return None
        if head.dep_ == "csubj" or not self._is_noun(head):
            return self._gerund(head) if head.dep_ in {"csubj", "nsubj"} and head.tag_ == "VBG" else None
        entity = self._entity_at(head)
        if entity is not None and entity.type != "Amount" and not is_measure(head, entity):
            return self._named(head, entity)
        for child in head.rights:
            if is_described(child):
                return self._make(self._borders(head)[0], child.idx + len(child), "Concept", head)
            if child.dep_ == "appos" and self._is_name(child) and head.pos_ == "NOUN":
                person = self._entity_at(child)
                if child.left_edge.i == head.i + 1 or (person is not None and person.type == "Person"):
                    return self.argument(child)
        type_ = "Amount" if entity is not None and entity.type == "Amount" else "Concept"
        return self._with_of(head, self._make(*self._borders(head), type_, head))

    def whole(self, head: Any) -> Argument | None:
        """Like `argument`, with what says which behind it: "every patient with a head injury", "women who smoke"; None
        where that is too long for one end of a fact."""
        argument = self.argument(head)
        if argument is None or self.is_torn(argument):
            return None
        if argument.is_name or argument.head is None or argument.head.i != head.i or head.pos_ == "PRON":
            return argument
        start, end = argument.span.start - self.offset, argument.span.end - self.offset
        last = self._last_of(head, end)
        if last is None:
            return argument
        longer = self._make(start, last.idx + len(last), "Concept", head)
        following = last.nbor(1) if last.i + 1 < len(last.doc) else None
        words = longer.text.split()
        # It ends before the noun of its last word, or with one of the two that "both" or "either" announces.
        torn = (
            {"both", "either"} & set(words)
            or _begins_again(self.document[argument.head.i : last.i])
            or last.head.i > last.i
            or (following is not None and following.pos_ in _GOES_WITH)
        )
        return None if torn or len(words) > _LONGEST_WHOLE else replace(longer, short=argument.short)

    def joined(self, first: Any) -> Argument:
        """From the first of several joined nouns to the last."""
        last = max((first, *first.conjuncts), key=lambda noun: noun.i)
        return self._make(self._borders(first)[0], self._borders(last)[1], "Concept", first)

    def is_torn(self, argument: Argument) -> bool:
        """ "18.4 ng" of "18.4 ng/mL", "Clean" of the album "Kiss Each Other Clean"."""
        start, end = argument.span.start - self.offset, argument.span.end - self.offset
        head = argument.head
        if is_torn(self.document.text, start, end) or (head is not None and follows_bracket(head, start)):
            return True
        # A sentence's first word has its capital in any case.
        before = head.nbor(-1) if head is not None and head.i > 1 and argument.text == head.text else None
        return before is not None and head.text.istitle() and before.text.istitle() and not before.ent_type_

    def object(self, head: Any) -> Argument | None:
        """Like `whole`; None too behind a figure that it leaves out, such as "platelets" in "9.8 pmol per 10(9)
        platelets"."""
        argument = self.whole(head)
        if argument is None or _FIGURE_BEFORE.search(self.document.text[: argument.span.start - self.offset]):
            return None
        return self._with_whom(head, argument) if " " in argument.text and not argument.is_name else argument

    def _with_whom(self, head: Any, argument: Argument) -> Argument:
        """With the words right behind it that say in whom: "a weekly INR for seven weeks in patients who smoke"."""
        start, end = argument.span.start - self.offset, argument.span.end - self.offset
        verb = verb_above(head)
        for child in verb.rights if verb is not None else ():
            if child.dep_ == "prep" and child.idx == end + 1 and any(is_population(token) for token in child.subtree):
                last = child.right_edge if not child.right_edge.is_punct else child.right_edge.nbor(-1)
                longer = self._make(start, last.idx + len(last), "Concept", head)
                if len(longer.text.split()) <= _LONGEST_WHOLE:
                    return replace(longer, short=argument.short)
        return argument

    def _last_of(self, head: Any, end: int) -> Any | None:
        """The last word, behind the character `end`, of what hangs on a noun without a comma between."""
        inside = {token.i for token in head.subtree}
        last = None
        for token in self.document:
            if token.idx < end:
                continue
            joined = token.dep_ in {"cc", "conj"} and token.head.i == head.i
            apart = token.is_punct and not set(token.text) <= _PARTS_OF_WORDS
            if token.i not in inside or joined or apart or token.lower_ in _EXAMPLES:
                break
            if token.pos_ not in _NEVER_LAST and token.lower_ not in _ARTICLES:
                last = token
        return last

    def is_amount(self, head: Any) -> bool:
        entity = self._entity_at(head)
        return head.pos_ == "NUM" or (entity is not None and entity.type == "Amount")

    def plain(self, head: Any) -> Argument | None:
        """The noun phrase of this head without a name or an "of …" behind it."""
        return self._make(*self._borders(head), "Concept", head) if self._is_noun(head) else None

    def leading(self, noun: Any, head: Any) -> Argument:
        """From the first adjective or noun that belongs to `head` to `noun`, which stands before the name."""
        start = noun
        while start.i > 0 and start.nbor(-1).dep_ in {"amod", "compound"} and start.nbor(-1).head.i in {head.i, noun.i}:
            start = start.nbor(-1)
        return self._make(start.idx, noun.idx + len(noun), "Concept", noun)

    def stretch(self, start: int, end: int, *, type_: str) -> Argument:
        """An argument at these characters of the sentence."""
        return self._make(start, end, type_, None)

    def before(self, token: Any) -> Argument | None:
        """The noun that ends in this token, with what is compounded to it on the left."""
        if token.pos_ not in _NOUNS and token.pos_ != "VERB":
            return None
        start = min([token.idx, *(child.idx for child in token.lefts if child.dep_ == "compound")])
        start = token.nbor(-1).idx if token.lower_ == "acid" and token.i else start
        start, _ = whole_words(self.document.text, start, token.idx + len(token))
        return self._make(start, token.idx + len(token), "Concept", token)

    def after(self, token: Any, head: Any) -> Argument | None:
        """The part of the noun phrase of `head` that follows this token."""
        start = token.idx + len(token) + 1
        return self._make(start, head.idx + len(head), "Concept", head) if start < head.idx + len(head) else None

    def _is_noun(self, head: Any) -> bool:
        if self._entity_at(head) is not None:
            return True
        untagged = head.dep_ in _NOUN_PLACES and head.pos_ not in _NEVER_NOUNS and not head.text.endswith("ed")
        noun = head.pos_ in _NOUNS or untagged
        stops = head.is_stop and head.pos_ != "NOUN"
        return noun and not (stops or head.text.endswith("ially")) and any(map(str.isalnum, head.text))

    def _is_name(self, head: Any) -> bool:
        entity = self._entity_at(head)
        return head.pos_ == "PROPN" if entity is None else entity.type not in {"Date", "Amount"}

    def _named(self, head: Any, entity: Any) -> Argument:
        """A name whole, with the capitalised words before it that the recogniser left out."""
        start, end = self._borders(head)
        covers = entity.span.start <= start and end <= entity.span.end
        if covers or entity.type in {"Person", "Place", "Organization", "Date", "Work", "Event"}:
            before = self.document.char_span(start, entity.span.start, alignment_mode="contract") or ()
            whole = start < entity.span.start and all(
                token.pos_ == "PROPN" and token.text[0].isupper() for token in before
            )
            start, end = start if whole and entity.type == "Person" else entity.span.start, entity.span.end
        end = self._with_second_half(end) if entity.type == "Organization" else end
        start, end = whole_words(self.document.text, start, end)
        if dangling := _DANGLING.search(self.document.text[start:end]):
            end = start + dangling.start()
        return self._make(start, end, entity.type, head)

    def _with_second_half(self, end: int) -> int:
        """ "Redeemed Christian Church of God", of which the recogniser leaves out what follows "of"."""
        following = [token for token in self.document if token.idx >= end][:2]
        if len(following) < 2 or following[0].lower_ != "of":
            return end
        unknown = following[1].pos_ == "PROPN" and not following[1].ent_type_
        return int(following[1].idx + len(following[1])) if unknown else end

    def _with_of(self, head: Any, argument: Argument) -> Argument:
        place = next((child for child in head.rights if child.dep_ == "prep" and child.lower_ == "of"), None)
        inner = next((child for child in place.children if child.dep_ == "pobj"), None) if place is not None else None
        if place is None or inner is None or place.idx > argument.span.end - self.offset + 1:
            return argument
        further = self.argument(inner)
        if further is None or further.head is None or further.text.lower() in PRONOUNS:
            return argument
        if head.lower_ in _PLACE_KINDS and further.type == "Place":
            return further
        start, end = argument.span.start - self.offset, further.span.end - self.offset
        if further.span.start <= argument.span.end or len(self.document.text[start:end].split()) > _LONGEST_WITH_OF:
            return argument
        return replace(self._make(start, end, "Concept", head), short=argument.text)

    def _gerund(self, head: Any) -> Argument | None:
        """ "Addressing bias is crucial": the verb with its object."""
        objects = [child for child in head.rights if child.dep_ == "dobj"]
        last = self.argument(objects[0]) if objects else None
        if last is None or last.span.start - self.offset < head.idx:
            return None
        return self._make(head.idx, last.span.end - self.offset, "Concept", head)

    def names(self) -> Iterator[Argument]:
        """Every name as an argument: recognised ones in order, then capitalised ones that were not."""
        for entity in self.entities:
            found = self.document.char_span(entity.span.start, entity.span.end, alignment_mode="expand")
            yield self._named(found.root, entity)
        for token in self.document:
            if (
                token.pos_ == "PROPN"
                and token.dep_ not in {"compound", "nmod", "amod", "det"}
                and token.text[0].isupper()
                and self._entity_at(token) is None
            ):
                yield self._with_of(token, self._make(*self._borders(token), "Concept", token))

    def entity_under(self, head: Any) -> Argument | None:
        """A name inside the phrase of this head that is not the whole of it, such as an owner: "Acme's chairman"."""
        for child in head.children:
            if child.dep_ == "poss" and self._entity_at(child) is not None:
                return self.argument(child)
        return None

    def _make(self, start: int, end: int, type_: str, head: Any) -> Argument:
        start += len(self.document.text[start:end]) - len(self.document.text[start:end].lstrip())
        text = " ".join(self.document.text[start:end].split())
        return Argument(text, Span(self.offset + start, self.offset + end), type_, head, short=text)

    def _entity_at(self, head: Any) -> Any | None:
        for entity in self.entities:
            if entity.span.start <= head.idx < entity.span.end:
                return entity
        return None

    def _borders(self, head: Any) -> tuple[int, int]:
        """From the leftmost modifier that belongs to the head, without article, to the head's end."""
        left = head
        for child in reversed(list(head.lefts)):
            if (child.is_quote or child.text == ",") and child.i + 1 < head.i:
                continue
            if child.lower_ not in _SOME and (child.dep_ not in _INSIDE or child.lower_ in _NOT_INSIDE):
                break
            if child.dep_ == "poss" and (child.pos_ == "PRON" or child.lower_ in PRONOUNS):
                break
            first = child.left_edge
            if any(token.dep_ in {"punct"} and token.text in {"(", "["} for token in child.subtree):
                break
            left = first
        start = left.idx
        while left.i < head.i and (left.is_punct or (left.pos_ == "DET" and left.lower_ not in _SOME)):
            left = left.nbor(1)
            start = left.idx
        if left.i and left.i < head.i and left.nbor(-1).is_quote and left.nbor(-1).head.i == head.i:
            start = left.nbor(-1).idx
        right = head
        while right.i + 1 < len(head.doc) and right.nbor(1).dep_ == "nummod" and right.nbor(1).head.i == head.i:
            right = right.nbor(1)
        return whole_words(self.document.text, start, right.idx + len(right))


def _begins_again(words: Any) -> bool:
    """ "1970 census a place" of "Since the 1970 census a place has …"."""
    return any(one.pos_ in _GOES_WITH and other.lower_ in _ARTICLES for one, other in pairwise(words))
