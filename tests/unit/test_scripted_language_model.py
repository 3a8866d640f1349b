"""Tests of the scripted language model."""

from pathlib import Path

import pytest

from app.domain.models import Message
from app.errors import BackendUnavailableError, ConfigurationError, ModelOutputError
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings


def answer_of(model: ScriptedLanguageModel, prompt: str) -> str:
    return "".join(piece.text for piece in model.stream([Message("user", prompt)], max_tokens=1000))


def test_answers_take_turns_and_those_called_for_by_the_prompt_come_first() -> None:
    answers = (
        ScriptedAnswer(text="one"),
        ScriptedAnswer(text="two"),
        ScriptedAnswer(when="apixaban", text={"drug": "apixaban"}),
    )
    model = ScriptedLanguageModel(ScriptedSettings(answers=answers))
    assert [answer_of(model, "hello") for _ in range(3)] == ["one", "two", "one"]
    assert answer_of(model, "Is apixaban meant?") == '{"drug": "apixaban"}'


def test_a_prompt_without_an_answer_is_an_error() -> None:
    model = ScriptedLanguageModel(ScriptedSettings(answers=(ScriptedAnswer(when="apixaban", text="yes"),)))
    with pytest.raises(ModelOutputError, match="no answer"):
        answer_of(model, "hello")


@pytest.mark.parametrize(("fails", "error"), [("unavailable", BackendUnavailableError), ("output", ModelOutputError)])
def test_a_scripted_failure_comes_after_the_text(fails: str, error: type[Exception]) -> None:
    answer = ScriptedAnswer.model_validate({"text": "some words", "fails": fails})
    pieces = ScriptedLanguageModel(ScriptedSettings(answers=(answer,))).stream([Message("user", "x")], max_tokens=9)
    assert [next(pieces).text, next(pieces).text] == ["some", " words"]
    with pytest.raises(error):
        next(pieces)


@pytest.mark.parametrize("content", ["- one\n- text: two\n  when: x\n", '["one", {"text": "two", "when": "x"}]'])
def test_a_script_is_read_from_yaml_and_json(tmp_path: Path, content: str) -> None:
    (tmp_path / "script").write_text(content)
    model = ScriptedLanguageModel(ScriptedSettings(path=tmp_path / "script"))
    assert (answer_of(model, "hello"), answer_of(model, "x")) == ("one", "two")


@pytest.mark.parametrize("content", ["", "3", "- text: a\n  wehn: b\n", "{", "key: value"])
def test_a_script_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "script.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=r"script\.yaml"):
        ScriptedLanguageModel(ScriptedSettings(path=tmp_path / "script.yaml"))


def test_a_model_without_answers_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no answers"):
        ScriptedLanguageModel(ScriptedSettings())


def test_another_script_is_another_model() -> None:
    first, second = (
        ScriptedLanguageModel(ScriptedSettings(answers=(ScriptedAnswer(text=text),))).describe() for text in "ab"
    )
    assert first.digest != second.digest
