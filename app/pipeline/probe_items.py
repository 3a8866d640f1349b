"""The five short texts by which a language model is tried, and the ten pairs that a careful reader finds in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeItem:
    """`pairs` are (one end, other end), either way round; an end lists the wordings that count, split at "|"."""

    sentences: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    negated: bool = False
    """Its pair is denied by the text."""


PROBE_ITEMS = (
    ProbeItem(
        ("Harwick Analytics was founded by Nadia Brenner in 2009 and is owned by Tessmer Holdings.",),
        (
            ("Harwick Analytics", "Nadia Brenner"),
            ("Harwick Analytics", "2009"),
            ("Harwick Analytics", "Tessmer Holdings"),
        ),
    ),
    ProbeItem(
        (
            "Dr. Ilona Vasari treats Peter Lindqvist at Marienhof Clinic.",
            "He takes apixaban for atrial fibrillation.",
        ),
        (
            ("Ilona Vasari|Dr. Ilona Vasari", "Peter Lindqvist"),
            ("He|Peter Lindqvist", "apixaban"),
            ("He|Peter Lindqvist|apixaban", "atrial fibrillation"),
        ),
    ),
    ProbeItem(("Zelotrine does not interact with warfarin.",), (("Zelotrine", "warfarin"),), negated=True),
    ProbeItem(
        ("Corvane Bank sold its leasing unit, which Ostby Capital had financed, to Merrow Group.",),
        (
            ("Corvane Bank", "leasing unit|its leasing unit"),
            ("Ostby Capital", "leasing unit|its leasing unit"),
            ("Corvane Bank|leasing unit|its leasing unit", "Merrow Group"),
        ),
    ),
    ProbeItem(("Please read the following pages carefully before you continue.",)),
)
"""A passive with its owner, a pronoun with a drug, a denial, a sale with a relative clause, and nothing at all."""
