"""Finds the facts of long sentences that mean something else than their sentence."""

from collections.abc import Collection, Sequence

import numpy as np

from app.domain.documents import Span
from app.domain.graph import Assertion, VerifiedTriple
from app.pipeline.medicines import names_medicine
from app.pipeline.verification import ParsedSentence
from backends.embeddings.base import Embedder

MEANING_VERSION = "meaning/1"
STRAY = "means too little of its sentence"
"""The reason under which such facts are counted."""
LEAST_COSINE = 0.7
_SHORT_SENTENCE = 15
"""Words: what is read in a shorter one leaves little out."""
_UNWEIGHED = frozenset({"table", "model", "both"})
"""A row of a table says several facts, and what a model reads was not judged with this measure."""
Place = tuple[Span, Span, str, Span]


class FactMeaning:
    """Compares "subject relation object" with its sentence, as the parser read it, by the cosine of their embeddings.

    Of 1,000 facts judged one by one, those under the bound were right in 29 of 100 and the others in 76
    (`python -m tests.evaluation.meanings`). Denials stay, whatever they score: their words say the opposite of what
    they mean. So do facts that name a medicine: each is one of a long list, and nearly always right.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.version = f"{MEANING_VERSION}+{embedder.name}"

    def strays(self, triples: Sequence[VerifiedTriple], sentences: Sequence[ParsedSentence]) -> frozenset[Place]:
        """The places of facts that are to be left out."""
        return frozenset(where for where, cosine in self.weigh(triples, sentences).items() if cosine < LEAST_COSINE)

    def weigh(self, triples: Sequence[VerifiedTriple], sentences: Sequence[ParsedSentence]) -> dict[Place, float]:
        """The cosine of every fact that the measure is for; the same whatever else is given with it."""
        texts = {sentence.span: " ".join(sentence.document.text.split()) for sentence in sentences}
        weighed = [triple for triple in triples if _is_weighed(triple, texts[triple.sentence])]
        if not weighed:
            return {}
        facts = self._embedder.embed_passages([f"{one.subject} {one.relation} {one.object}" for one in weighed])
        said = self._embedder.embed_passages([_named(one.subject, texts[one.sentence]) for one in weighed])
        cosines = np.einsum("ij,ij->i", facts, said)
        return {_place(one): float(cosine) for one, cosine in zip(weighed, cosines, strict=True)}


def leave_out(
    triples: Sequence[VerifiedTriple], strays: Collection[Place]
) -> tuple[tuple[VerifiedTriple, ...], dict[str, int]]:
    """The triples without the strays, but with those a model agreed to; and how many went, by reason."""
    kept = tuple(triple for triple in triples if triple.kind in _UNWEIGHED or _place(triple) not in strays)
    return kept, {STRAY: len(triples) - len(kept)} if len(kept) < len(triples) else {}


def _place(triple: VerifiedTriple) -> Place:
    return triple.sentence, triple.subject_span, triple.relation, triple.object_span


def _is_weighed(triple: VerifiedTriple, sentence: str) -> bool:
    if triple.kind in _UNWEIGHED or triple.assertion is Assertion.NEGATED:
        return False
    if names_medicine(f"{triple.subject} {triple.relation} {triple.object}"):
        return False
    return len(sentence.split()) >= _SHORT_SENTENCE


def _named(subject: str, sentence: str) -> str:
    """The sentence, with the subject before it where only a pronoun stands for that."""
    return sentence if subject.casefold() in sentence.casefold() else f"{subject}: {sentence}"
