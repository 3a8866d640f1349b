"""The part of Ollama's own HTTP API that the product uses."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from app.errors import DafeError
from backends.certificates import TlsSettings, certificate_error, tls_context
from backends.refusals import Refusals

_CONNECT_SECONDS = 10.0
_RUNNER_GONE = ("do embedding request", "error reading embed response")
"""Its words, with HTTP 400, when the process that computes ended in the middle."""


class OllamaServer:
    """Answers as the server sends them. Vendor clients are not used: theirs cannot say that a prompt must not be cut,
    and drops the field that tells a model in somebody's cloud from one on this server."""

    def __init__(
        self,
        url: str,
        *,
        refusals: Refusals,
        timeout_seconds: float,
        connect_seconds: float = _CONNECT_SECONDS,
        tls: TlsSettings | None = None,
    ) -> None:
        self._url = url
        self._refusals = refusals
        self._timeout_seconds = timeout_seconds
        timeout = httpx.Timeout(timeout_seconds, connect=min(connect_seconds, timeout_seconds), pool=None)
        certificates = tls_context(tls or TlsSettings(), settings=refusals.model)
        # No proxy from the environment: prompts go to the configured address and nowhere else.
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=False, verify=certificates)

    def models(self) -> list[dict[str, Any]]:
        """Every installed model: name, digest, size, details; `remote_host` where it runs elsewhere."""
        return self._many("GET", "/api/tags")

    def installed(self, model: str) -> dict[str, Any]:
        """The model's entry. Raises BackendUnavailableError when it is absent or runs on another machine."""
        for entry in self.models():
            if entry.get("name") in {model, f"{model}:latest"}:
                if entry.get("remote_host") or entry.get("remote_model"):
                    raise self._refusals.model_elsewhere(model)
                return entry
        raise self._refusals.unknown_model(model)

    def loaded(self) -> list[dict[str, Any]]:
        """The models in memory, each with its real `context_length`."""
        return self._many("GET", "/api/ps")

    def show(self, model: str) -> dict[str, Any]:
        with self._translated(model):
            return self._object(self._http.post("/api/show", json={"model": model}))

    def load(self, model: str, *, options: Mapping[str, Any], keep_alive: str) -> None:
        """Bring the model into memory with these options."""
        body = {"model": model, "options": dict(options), "keep_alive": keep_alive, "stream": False}
        with self._translated(model):
            self._object(self._http.post("/api/generate", json=body))

    def embed(self, model: str, texts: Sequence[str], *, keep_alive: str) -> list[list[float]]:
        """One row a text. Raises TooLongError where one is over the window, instead of cutting it in silence."""
        body = {"model": model, "input": list(texts), "keep_alive": keep_alive, "truncate": False}
        with self._translated(model):
            rows = self._object(self._http.post("/api/embed", json=body))["embeddings"]
            return [[float(number) for number in row] for row in rows]

    def chat(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The parts of an answer; closing the iterator closes the connection, which ends the generation."""
        with self._translated(str(body["model"])), self._http.stream("POST", "/api/chat", json=body) as response:
            if response.is_error:
                response.read()
            response.raise_for_status()
            for line in response.iter_lines():
                part = json.loads(line)
                if not isinstance(part, dict):
                    raise self._refusals.strange_answer()
                if "error" in part:
                    raise self._refusals.broken_off()
                yield part

    def close(self) -> None:
        self._http.close()

    def _many(self, method: str, path: str) -> list[dict[str, Any]]:
        with self._translated(""):
            listed = self._object(self._http.request(method, path)).get("models") or []
            return [dict(entry) for entry in listed]

    def _object(self, response: httpx.Response) -> dict[str, Any]:
        return dict(response.raise_for_status().json())

    @contextmanager
    def _translated(self, model: str) -> Iterator[None]:
        try:
            yield
        except DafeError:
            raise
        except httpx.HTTPStatusError as error:
            raise self._refusal(error.response, model) from error
        except httpx.ConnectError as error:
            raise self._refused(error) or self._refusals.unreachable(self._url) from error
        except httpx.ConnectTimeout as error:
            raise self._refusals.unreachable(self._url) from error
        except httpx.TimeoutException as error:
            raise self._refusals.silent(self._timeout_seconds) from error
        except httpx.HTTPError as error:  # A server that wants to know who we are says so behind the handshake.
            raise self._refused(error) or self._refusals.broken_off() from error
        except RuntimeError as error:  # Another thread closed the client, because the server was away.
            raise self._refusals.unreachable(self._url) from error
        except (ValueError, TypeError, KeyError) as error:
            raise self._refusals.strange_answer() from error

    def _refused(self, error: httpx.HTTPError) -> DafeError | None:
        return certificate_error("Ollama", error, settings=self._refusals.model)

    def _refusal(self, response: httpx.Response, model: str) -> DafeError:
        reason = response.text
        if response.status_code == 404 and model:
            return self._refusals.unknown_model(model)
        if "exceeds the context length" in reason or "exceeds maximum context" in reason:
            return self._refusals.too_long()
        if "not support embeddings" in reason:
            return self._refusals.cannot_embed(model)
        if "NaN or Inf" in reason:
            return self._refusals.no_numbers()
        if any(words in reason for words in _RUNNER_GONE):
            return self._refusals.broken_off()
        if response.status_code == 400 or "invalid JSON schema" in reason:
            return self._refusals.request_refused()
        if response.status_code in {401, 403}:
            return self._refusals.key_refused()
        return self._refusals.overloaded(response.status_code)
