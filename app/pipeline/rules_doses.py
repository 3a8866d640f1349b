"""How much of a medicine: "takes apixaban 5 mg twice daily", whose parse goes without the dose."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.domain.documents import Span
from app.pipeline.medicines import find_doses
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate
from app.pipeline.verification import ParsedSentence


def read_doses(facts: Sequence[Candidate], sentence: ParsedSentence) -> Iterator[Candidate]:
    """For each fact that ends in a medicine with a dose, the same with the dose as its end."""
    offset = sentence.span.start
    doses = {offset + name.end: dose for name, dose in find_doses(sentence.text)}
    for fact in facts:
        dose = doses.get(fact.object.span.end)
        if dose is not None:
            text = sentence.text[dose.start : dose.end]
            end = Argument(text, Span(offset + dose.start, offset + dose.end), "Amount", None)
            relation = f"{fact.relation} {fact.object.as_phrase}"
            yield replace(fact, relation=relation, object=end, kind="obj_pp")
