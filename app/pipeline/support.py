"""How well sentences of the documents support an answer."""

from collections.abc import Collection, Iterable, Sequence

from app.domain.answers import Verdict
from app.pipeline.lexical import inverse_frequency
from backends.metadata.base_content import Postings

BEST_SENTENCES = 3
WEAK_REASON = "The documents speak of this only in part; read the sources before relying on it."


def overlap(question_stems: Collection[str], found_stems: Collection[str], postings: Postings) -> float:
    """Σ idf of the question's stems that are found ÷ Σ idf of them all, in [0, 1]; 0 for a question without stems.

    A stem that no permitted chunk holds counts at the maximum.
    """
    rarities = {stem: inverse_frequency(stem, postings) for stem in question_stems}
    total = sum(rarities.values())
    held = set(found_stems)
    return sum(rarity for stem, rarity in rarities.items() if stem in held) / total if total else 0.0


def support(
    similarities: Sequence[float],
    stems: Iterable[Collection[str]],
    *,
    question_stems: Collection[str],
    postings: Postings,
) -> float:
    """Highest cosine + overlap by all of the sentences given (the three best), in [-1, 2]; 0 for no sentences."""
    if not similarities:
        return 0.0
    together = {stem for found in stems for stem in found}
    return max(similarities) + overlap(question_stems, together, postings)


def judge(score: float, *, refuse_below: float, weak_below: float) -> Verdict:
    """Not supported means: say that it is not in the documents."""
    if score < refuse_below:
        return Verdict.NOT_SUPPORTED
    return Verdict.WEAK if score < weak_below else Verdict.SUPPORTED
