"""The endpoints of language and embedding models, as the health page and dafe doctor show them."""

from functools import partial

from app.errors import BackendUnavailableError
from app.installation import Installation
from app.language_models import LanguageModels
from app.services.health import ENDPOINT, Level, Part
from backends.embeddings.base import ReplicatedEmbedder
from backends.embeddings.settings import RouterEmbedderSettings
from backends.llm.base import EndpointState
from backends.llm.settings import RouterSettings

_LOOK_SECONDS = 12.0
"""Only until each was looked at once: longer than an endpoint that hangs is waited for."""
_FIX = "Look after its server, or its part of dafe.toml."
_TASKS = {"answer": "answers", "verify": "checks", "extract": "facts"}


def endpoint_parts(installation: Installation, models: LanguageModels) -> list[Part]:
    """One for each endpoint of the router, in the order of the settings; none without a router."""
    settings, router = installation.settings.llm, models.router
    if router is None or not isinstance(settings, RouterSettings):
        return []

    def look(place: int) -> str:
        state = router.endpoints(wait_seconds=_LOOK_SECONDS)[place]
        if state.problem:
            raise BackendUnavailableError(f"Circuit {_words(state.breaker)}. {state.problem}")
        return _sentence(state, models)

    return [
        Part(f"{ENDPOINT}{one.name}", Level.OPTIONAL, one.model.kind, partial(look, place), _FIX)
        for place, one in enumerate(settings.endpoints)
    ]


def embedding_endpoint_parts(installation: Installation) -> list[Part]:
    """One for each server of the embedding model, in the order of the settings; none where it is not on several."""
    settings, embedder = installation.settings.embeddings, installation.spaces.embedder
    if not isinstance(settings, RouterEmbedderSettings) or not isinstance(embedder, ReplicatedEmbedder):
        return []

    def look(place: int) -> str:
        embedder.check(place)
        return "Gives vectors."

    return [
        Part(f"{ENDPOINT}{one.url}", Level.OPTIONAL, one.kind, partial(look, place), _FIX)
        for place, one in enumerate(settings.endpoints)
    ]


def _sentence(state: EndpointState, models: LanguageModels) -> str:
    used_for = ", ".join(words for task, words in _TASKS.items() if task in state.tasks)
    parts = [f"Circuit {_words(state.breaker)}, {state.outstanding} of {state.limit} calls, for {used_for}."]
    if state.model is not None:
        parts.append(f"{state.model.name}, window of {state.model.window_tokens:,} tokens.")
        results = [one for one in models.look() if one.model is not None and one.model.digest == state.model.digest]
        parts.append(results[0].reason if results else "It is not tried out yet.")
    return " ".join(parts)


def _words(breaker: str) -> str:
    return breaker.replace("_", "-")
