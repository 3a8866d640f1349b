"""Finds an Ollama on this machine and chooses the language model to use."""

import re
from dataclasses import dataclass

from app.errors import DafeError
from backends.llm.refusals import REFUSALS
from backends.llm.settings import (
    OLLAMA_URL,
    AutoLanguageModelSettings,
    LanguageModelSettings,
    NoLanguageModelSettings,
    OllamaSettings,
)
from backends.ollama.server import OllamaServer

_CONNECT_SECONDS = 0.3
_ANSWER_SECONDS = 3.0
_SPECIAL = re.compile(r"cod(e|er|estral)|math|guard|shield|ocr|embed|rerank|function|sql|translate", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model installed on an Ollama server that can chat and runs there."""

    name: str
    digest: str
    size_bytes: int
    general: bool
    """False: made for code, safety checks and the like, by its name."""


def find_ollama(url: str = OLLAMA_URL) -> list[FoundModel]:
    """The chat models of the Ollama at `url`, general ones first, then the largest first; none when nothing answers."""
    server = OllamaServer(url, refusals=REFUSALS, timeout_seconds=_ANSWER_SECONDS, connect_seconds=_CONNECT_SECONDS)
    try:
        found = [
            FoundModel(
                name=str(entry["name"]),
                digest=str(entry.get("digest", "")),
                size_bytes=int(entry.get("size") or 0),
                general=not _SPECIAL.search(str(entry["name"])),
            )
            for entry in server.models()
            if not entry.get("remote_host") and not entry.get("remote_model")
            if "completion" in (server.show(str(entry["name"])).get("capabilities") or ())
        ]
    except DafeError:
        return []
    finally:
        server.close()
    return sorted(found, key=lambda model: (not model.general, -model.size_bytes, model.name))


def choose_language_model(settings: LanguageModelSettings) -> LanguageModelSettings:
    """The same settings, but "auto" becomes the best Ollama model found now, or "none"."""
    if not isinstance(settings, AutoLanguageModelSettings):
        return settings
    found = find_ollama(settings.url)
    if not found:
        return NoLanguageModelSettings()
    return OllamaSettings(model=found[0].name, **settings.model_dump(exclude={"kind"}))
