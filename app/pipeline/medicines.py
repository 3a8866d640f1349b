"""Names of medicines and their doses, known by the stems that the WHO gives to substances that act alike.

Stems and their place in the word: "The use of stems in the selection of International Nonproprietary Names (INN) for
pharmaceutical substances", WHO 2018. A small language model has met few of these names, and takes what it has not met
for adverbs and verbs.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from app.domain.documents import Span

MEDICINES_VERSION = "medicines/1"
_ENDS = (
    "adol afil alol amide apine arone asone astine azepam azide azole azoline azosin bactam barbital caine calci "
    "ciclovir cillin codone cort coxib cycline dilol dipine dralazine dronate etanide faxine fenac fentanil "
    "fentanyl fibrate floxacin formin fungin gabalin gatran gliflozin gliptin glitazone glutide grel grelor kinra "
    "lactone limus lukast mab micin mycin navir nidazole olol olone onide opram orphan orphine oxacin oxetine "
    "oxifen oxone pamide pamil parib parin pentin pezil phylline picin platin poetin prazole pressin pril prim "
    "profen purinol quine racetam relin ridone ritide rozole rubicin sartan semide setron sidone sone sporin "
    "statin stigmine tadine tamol taxel tecan teplase terol thiazide thyroxine tidine timibe tinib tocin toin "
    "traline trexate trigine triptan triptyline tropium vaptan virine vudine xaban zepine zine zolam zolamide"
).split()
_WHOLE = frozenset(
    (
        "aspirin codeine colchicine diazepam digoxin heparin lithium morphine nitroglycerin paracetamol prednisone "
        "warfarin"
    ).split()
)
_NONE = frozenset("cholesterol magazine webzine".split())
_LEAST_BEFORE = 3
"""Letters before an end: "Caine" and "April" are no medicines."""
_NAME = re.compile(rf"[A-Za-z][a-z]{{{_LEAST_BEFORE - 1},}}(?:{'|'.join(sorted(set(_ENDS), key=len, reverse=True))})")
_NUMBER = r"\d+(?:[.,]\d+)*(?:\s?[-–]\s?\d+(?:[.,]\d+)*)?"
_UNIT = (
    r"(?:mg|g|mcg|µg|μg|micrograms?|milligrams?|grams?|ml|mL|units?|IU|mmol|mEq|puffs?|drops?|tablets?|capsules?)"
    r"(?:/(?:\d+ ?)?(?:kg|m²|m2|day|d|hours?|hr?|min|ml|mL|l|L|dl|dL))*"
)
_HOW_OFTEN = (
    r"(?:once|twice|(?:one|two|three|four|five) times) (?:daily|weekly|monthly|(?:a|per|each) (?:day|week|month))"
    r"|daily|weekly|nightly|every (?:other )?(?:day|night|morning|evening|week|month)"
    r"|every (?:\d+|two|three|four|six|eight|twelve) (?:hours|days|weeks)"
    r"|at (?:night|bedtime)|in the (?:morning|evening)|(?:as|when) (?:needed|required)"
)
_DOSE = re.compile(rf" +(?P<dose>{_NUMBER} ?{_UNIT}\b(?! ?/)(?:,? (?:{_HOW_OFTEN})\b)*)")
_WORD = re.compile(r"[A-Za-z]{5,}")


@lru_cache(maxsize=10_000)
def is_medicine(word: str) -> bool:
    """Whether a single word is the name of a substance used as a medicine, by its stem."""
    folded = word.lower()
    if folded in _WHOLE:
        return True
    return folded not in _NONE and _NAME.fullmatch(word) is not None


def names_medicine(text: str) -> bool:
    return any(is_medicine(word) for word in _WORD.findall(text))


def find_doses(text: str) -> Iterator[tuple[Span, Span]]:
    """Every name of a medicine with the dose that follows it at once, as places in the text."""
    for word in _WORD.finditer(text):
        following = _DOSE.match(text, word.end())
        if following is not None and is_medicine(word.group()):
            yield Span(word.start(), word.end()), Span(following.start("dose"), following.end("dose"))
