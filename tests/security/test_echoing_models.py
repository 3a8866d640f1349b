"""A language model's server that refuses and quotes the prompt: no error and no log line holds what it quotes."""

import logging

import pytest

from app.domain.models import Message
from app.errors import DafeError
from app.logs import get_logger
from backends.llm.base import LanguageModel
from backends.llm.ollama import OllamaLanguageModel
from backends.llm.openai import OpenAILanguageModel
from backends.llm.settings import OllamaSettings, OpenAISettings
from tests.security.canaries import LETTER, found_canaries
from tests.servers.loopback import JsonHandler, serving

MODELS = {"id": "small", "name": "small", "model": "small", "max_model_len": 2048}
STATUSES = (200, 400, 401, 404, 413, 422, 429, 500, 503)


class Echo(JsonHandler):
    status = 200
    quoted = ""

    def do_GET(self) -> None:
        self.answer(200, {"data": [MODELS], "models": [MODELS]})

    def do_POST(self) -> None:
        type(self).quoted = f"cannot process: {self.body()['messages']}"
        self.answer(self.status, {"error": {"message": self.quoted, "type": self.quoted, "param": self.quoted}})


def opened(kind: str, url: str) -> LanguageModel:
    if kind == "ollama":
        return OllamaLanguageModel(OllamaSettings(url=url, model="small"))
    return OpenAILanguageModel(OpenAISettings(url=f"{url}/v1", model="small"))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", ["ollama", "openai"])
def test_what_a_refusing_server_quotes_is_told_to_nobody(
    kind: str, status: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Echo, "status", status)
    monkeypatch.setattr(Echo, "quoted", "")
    caplog.set_level(logging.WARNING)
    with serving(Echo) as url:
        model = opened(kind, url)
        try:
            with pytest.raises(DafeError) as raised:
                list(model.stream([Message("user", LETTER)], max_tokens=20))
        finally:
            model.close()
    assert found_canaries(Echo.quoted), "the prompt was to reach the server"
    told = get_logger("tried").sentence("ask", raised.value)
    assert found_canaries(f"{told} {raised.value.details}") == []
    assert [record for record in caplog.records if found_canaries(str(record.__dict__))] == []
