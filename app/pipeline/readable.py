"""The text of a sentence as the parser reads it, sign for sign as long as the sentence."""

import re

from app.pipeline.medicines import find_doses

_SECTIONS = (
    "AIMS?|AND|AUTHORS['’]|BACKGROUND|CASE|CONCLUSIONS?|CONTEXT|DESIGN|DISCUSSION|FINDINGS?|INTERPRETATION|INTRODUCTION|"
    "LIMITATIONS|MAIN|MATERIALS?|MEASUREMENTS?|MEASURES|METHODS?|OBJECTIVES?|OUTCOMES?|PARTICIPANTS|PATIENTS?|PURPOSE|"
    "RATIONALE|RESULTS?|SETTINGS?|STUDY|SUBJECTS|SUMMARY"
)
"""Words of the names of sections that a sentence begins with."""
_UNSAID = re.compile(
    rf"\A\s*(?:(?:{_SECTIONS})[ /&]{{0,3}}(?=[A-Z:]))+:(?=\s)"
    r"|[(\[](?=[^()\[\]]*\d)(?=[^()\[\]]*[=<>≤≥±%])[^()\[\]]{1,80}[)\]]"
)
"""The name of a section ("RESULTS:") and statistics in brackets ("(p < 0.05)", "(n = 12)")."""


def without_asides(text: str) -> str:
    """Line ends as spaces, and blank what is said of nothing: names of sections and statistics in brackets."""
    return _UNSAID.sub(lambda found: " " * len(found.group()), " ".join(text.split("\n")))


def readable(text: str) -> str:
    """Blank too what breaks the parse: the doses behind medicines, which `rules_doses` gives back."""
    said = without_asides(text)
    for _, dose in find_doses(said):
        said = f"{said[: dose.start]}{' ' * (dose.end - dose.start)}{said[dose.end :]}"
    return said
