"""The answer: sentences with their marks and citation chips, and the facts they rest on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app.domain.answers import Answer, AnswerSentence, AnswerTriple, Mode, Verdict
from components.browser_part import browser_part
from components.evidence import named_place
from components.stating import stating_data
from components.words import VERDICT

_NEVER_CHECKED = "Not checked"


def show_answer(
    answer: Answer, *, key: str, shown: int | None, on_open: Callable[[int], None], stopped: bool = False
) -> None:
    """Draw `answer`, finished or growing, under the same `key`; `on_open` is told the number of a pressed chip."""

    def opened() -> None:
        number = st.session_state[key].opened
        if isinstance(number, int):
            on_open(number)

    browser_part("answer")(key=key, data=answer_data(answer, shown=shown, stopped=stopped), on_opened_change=opened)


def answer_data(answer: Answer, *, shown: int | None, stopped: bool = False) -> dict[str, Any]:
    """What the browser draws. Facts that are the answer itself stand in its rows and are not listed again."""
    growing = not (answer.finished or stopped)
    in_rows = answer.mode is Mode.GRAPH and len(answer.triples) >= len(answer.sentences)
    listed = () if in_rows or growing else answer.triples
    return {
        "shown": shown,
        "growing": growing,
        "sentences": [
            _sentence(sentence, answer.triples[index] if in_rows else None, stopped=stopped)
            for index, sentence in enumerate(_reasons_once(answer.sentences))
        ],
        "quoted": [_sentence(one, None, stopped=stopped) for one in _reasons_once(answer.quoted)],
        "facts": [fact_data(triple) for triple in listed],
        "copy": text_to_copy(answer) if answer.finished and answer.sentences else "",
    }


def _reasons_once(sentences: Sequence[AnswerSentence]) -> list[AnswerSentence]:
    """A reason that an earlier sentence gave already is not repeated; the word stays on every sentence."""
    given: set[str] = set()
    shown = []
    for sentence in sentences:
        shown.append(replace(sentence, reason="") if sentence.reason in given else sentence)
        given.add(sentence.reason)
    return shown


def _sentence(sentence: AnswerSentence, fact: AnswerTriple | None, *, stopped: bool) -> dict[str, Any]:
    never = stopped and sentence.verdict is Verdict.UNCHECKED
    return {
        "text": sentence.text,
        "verdict": sentence.verdict.value,
        "word": _NEVER_CHECKED if never else VERDICT[sentence.verdict].text,
        "reason": sentence.reason,
        "citations": list(sentence.citations),
        "fact": fact_data(fact) if fact else None,
    }


def fact_data(fact: AnswerTriple) -> dict[str, Any]:
    return {
        "subject": fact.subject,
        "object": fact.object,
        "citation": fact.citation,
        **stating_data(fact.assertion, fact.relation),
    }


def text_to_copy(answer: Answer) -> str:
    """The answer as plain text with its sources; what is not well supported says so."""
    lines = []
    for sentence in answer.sentences:
        marks = "".join(f" [{number}]" for number in sentence.citations)
        doubt = "" if sentence.verdict is Verdict.SUPPORTED else f" ({VERDICT[sentence.verdict].text.lower()})"
        lines.append(f"{sentence.text}{marks}{doubt}")
    sources = [f"[{one.n}] {named_place(one.document, one.page)}: “{one.quote}”" for one in answer.citations]
    return "\n".join([*lines, "", *sources])


def supported(answer: Answer) -> tuple[int, int]:
    """How many sentences are supported, of how many."""
    return sum(one.verdict is Verdict.SUPPORTED for one in answer.sentences), len(answer.sentences)
