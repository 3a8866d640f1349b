"""The contract of language models, run over every implementation."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest

from app.domain.models import Message
from app.errors import InvalidInputError
from backends.llm.base import Piece
from backends.llm.settings import LanguageModelSettings
from tests.conformance.language_model_cases import CASES, COUNT, IN_PROCESS, PLACE, Case

HELLO = [Message("user", "Say hello.")]
NO_MODEL = {"auto", "none"}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 30}, "size": {"enum": ["small", "large"]}},
    "required": ["city", "size"],
    "additionalProperties": False,
}
TEXTS = {
    "prose": "The patient was started on apixaban after the operation, and metoprolol was stopped on the third day. ",
    "numbers": "Troponin 0.043 ng/mL (ref. < 0.014), 2026-05-03 08:41, CH93 0076 2011 6238 5295 7; EUR 1,284,311.07. ",
    "names": "ECG HbA1c NT-proBNP CYP3A4 dichlorodiphenyltrichloroethane Xylometazoline qzxv ",
    "other scripts": "Приём препарата прекращён. 患者は退院した。 Überprüfung – dès l’été ½ µg… 🙂 ",
    "spaces": "a\n\n\tb      c\r\n    1 . 2\n",
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in IN_PROCESS else [pytest.mark.server, pytest.mark.slow]) for name in CASES
    ],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with CASES[request.param](tmp_path_factory.mktemp(request.param)) as built:
        try:
            yield built
        finally:
            built.model.close()
            built.model.close()


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def test_every_kind_of_the_settings_is_in_this_suite() -> None:
    kinds = {member.model_fields["kind"].default for member in get_args(get_args(LanguageModelSettings)[0])}
    assert kinds - NO_MODEL <= set(CASES)


def test_a_model_says_its_name_its_digest_and_its_real_window(case: Case) -> None:
    info = case.model.describe()
    assert info.backend
    assert info.name
    assert len(info.digest) >= 12
    assert info.window_tokens == case.window_tokens


def test_the_digest_stays_while_the_model_stays(case: Case) -> None:
    first = case.model.describe()
    time.sleep(0.01)
    assert case.model.describe() == first


def test_an_answer_arrives_in_pieces_and_the_last_alone_says_how_it_ended(case: Case) -> None:
    pieces = list(case.model.stream(HELLO, max_tokens=200))
    assert len([piece for piece in pieces if piece.text]) > 2
    assert [piece.finish for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert pieces[-1].finish == "stop"


def test_an_answer_cut_at_its_limit_says_so(case: Case) -> None:
    pieces = list(case.model.stream([Message("user", COUNT)], max_tokens=8))
    assert pieces[-1].finish == "length"
    assert 0 < len([piece for piece in pieces if piece.text]) <= 8


@pytest.mark.parametrize("temperature", [0.0, 1.2])
def test_a_schema_constrains_the_answer(case: Case, temperature: float) -> None:
    pieces = list(case.model.stream([Message("user", PLACE)], max_tokens=120, schema=SCHEMA, temperature=temperature))
    answer = json.loads(text_of(pieces))
    assert pieces[-1].finish == "stop"
    assert set(answer) == {"city", "size"}
    assert answer["size"] in {"small", "large"}


def test_the_same_question_has_the_same_answer_at_temperature_zero(case: Case) -> None:
    answers = {text_of(list(case.model.stream(HELLO, max_tokens=12))) for _ in range(2)}
    assert len(answers) == 1


def test_a_conversation_with_a_system_text_is_understood(case: Case) -> None:
    talk = [Message("system", "Be brief."), *HELLO, Message("assistant", "Hello."), Message("user", "Again.")]
    assert text_of(list(case.model.stream(talk, max_tokens=16)))


def test_closing_the_iterator_ends_the_generation_at_the_server(case: Case) -> None:
    """Well before the rest, some 390 pieces, would be generated, however slow the machine is at this moment."""
    pieces = case.model.stream([Message("user", COUNT)], max_tokens=400)
    next(pieces)
    began = time.monotonic()
    for _ in range(8):
        next(pieces)
    patience = max(5.0, 15 * (time.monotonic() - began))
    assert case.generates()
    pieces.close()  # type: ignore[attr-defined]
    until = time.monotonic() + patience
    while case.generates() and time.monotonic() < until:
        time.sleep(0.2)
    assert not case.generates()


def test_a_prompt_longer_than_the_window_is_refused_and_not_cut(case: Case) -> None:
    pieces = case.model.stream([Message("user", "pericarditis " * case.window_tokens)], max_tokens=8)
    with pytest.raises(InvalidInputError, match="window") as caught:
        next(pieces)
    assert "pericarditis" not in caught.value.message


def test_after_a_refused_prompt_the_next_question_is_answered(case: Case) -> None:
    with pytest.raises(InvalidInputError):
        list(case.model.stream([Message("user", "word " * 2 * case.window_tokens)], max_tokens=8))
    assert text_of(list(case.model.stream(HELLO, max_tokens=8)))


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_that_fits_by_its_count_fits_the_window(case: Case, kind: str) -> None:
    """Were the count too low, the server would refuse the prompt."""
    allowed = case.window_tokens - 64
    repeats = allowed // case.model.count_tokens(TEXTS[kind])
    while case.model.count_tokens(TEXTS[kind] * (repeats + 1)) <= allowed:
        repeats += 1
    assert repeats > 0
    assert list(case.model.stream([Message("user", TEXTS[kind] * repeats)], max_tokens=1))


def test_tokens_are_counted_and_nothing_has_none(case: Case) -> None:
    assert case.model.count_tokens("") == 0
    assert 1 <= case.model.count_tokens("word") < case.model.count_tokens("word " * 20) <= 100


def test_two_questions_at_once_are_both_answered(case: Case) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: text_of(list(case.model.stream(HELLO, max_tokens=8))), range(2)))
    assert all(answers)


def test_nothing_happens_before_the_first_piece_is_asked_for(case: Case) -> None:
    case.model.stream([Message("user", "word " * 2 * case.window_tokens)], max_tokens=8)
