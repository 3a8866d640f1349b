"""What the language model was found able to do, and what follows from it."""

from app.domain.models import Band, ProbeResult
from components.formats import number, percent, plain, seconds
from components.tables import key_values

BAND = {
    Band.MODEL_LED: "The language model finds facts and writes answers",
    Band.RULES_AND_MODEL: "Rules find facts, the language model adds to them",
    Band.RULES_ONLY: "Rules find facts, answers are quoted sentences",
}
_GOLD_PAIRS = 10


def model_card(result: ProbeResult, *, set_by_hand: bool) -> None:
    rows = [("How facts are found", plain(BAND[result.band])), ("Because", plain(result.reason))]
    if set_by_hand:
        rows.append(("Chosen by", "the setting DAFE\\_MODEL\\_BAND, whatever the test found"))
    if result.model is not None:
        rows += [
            ("Model", plain(f"{result.model.name}, {result.model.backend}")),
            ("Window", f"{number(result.model.window_tokens)} tokens"),
            ("Facts found in the test", f"{result.gold_pairs} of {_GOLD_PAIRS}"),
            ("Words taken from the text", percent(result.verbatim, 1.0)),
            ("Kept a “not”", _yes(result.negation_kept)),
            ("Found nothing in nothing", _yes(result.empty_item_empty)),
            ("Kept to the form", _yes(result.valid_json)),
            ("Time for the test", seconds(result.seconds)),
        ]
    key_values(rows, alt="Test of the language model")


def _yes(value: bool) -> str:
    return "Yes" if value else "No"
