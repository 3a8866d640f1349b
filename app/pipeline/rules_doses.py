"""How much of a medicine: "takes apixaban 5 mg twice daily", whose parse goes without the dose."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from app.domain.documents import Span
from app.pipeline.medicines import find_doses
from app.pipeline.readable import without_asides
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate
from app.pipeline.verification import ParsedSentence


def with_doses(facts: Iterable[Candidate], sentence: ParsedSentence) -> Iterator[Candidate]:
    """The facts, subjects with their doses; behind each that ends in a medicine with a dose another that ends in that.

    The object of a passive is the sentence's own subject and keeps its dose too
    ("apixaban 5 mg replaced warfarin 3 mg").
    """
    offset = sentence.span.start
    doses = {
        offset + name.end: Span(offset + dose.start, offset + dose.end)
        for name, dose in find_doses(without_asides(sentence.text))
    }
    for fact in facts:
        whole = replace(fact, subject=_with_dose(fact.subject, doses, sentence))
        if fact.kind == "passive":
            yield replace(whole, object=_with_dose(fact.object, doses, sentence))
            continue
        yield whole
        dose = doses.get(fact.object.span.end)
        if dose is not None:
            end = Argument(_text(dose, sentence), dose, "Amount", None)
            yield replace(whole, relation=f"{fact.relation} {fact.object.as_phrase}", object=end, kind="obj_pp")


def _with_dose(argument: Argument, doses: Mapping[int, Span], sentence: ParsedSentence) -> Argument:
    dose = doses.get(argument.span.end)
    if dose is None:
        return argument
    span = Span(argument.span.start, dose.end)
    return replace(argument, text=_text(span, sentence), span=span)


def _text(span: Span, sentence: ParsedSentence) -> str:
    start = sentence.span.start
    return " ".join(sentence.text[span.start - start : span.end - start].split())
