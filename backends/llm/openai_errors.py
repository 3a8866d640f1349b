"""Turns what an OpenAI-compatible server refuses, and how it fails, into the product's errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import openai

from app.errors import DafeError
from backends.certificates import certificate_error
from backends.llm import refusals
from backends.llm.settings import OpenAISettings

_WINDOW = re.compile(r"maximum context length is (\d+)|available context size \((\d+)")
_PROMPT_PARAMETERS = {"input_tokens", "input_text", "prompt", "max_tokens"}
_TOO_LONG_CODES = {"context_length_exceeded", "exceed_context_size_error"}


@contextmanager
def translated(settings: OpenAISettings) -> Iterator[None]:
    """Let no exception of the client out."""
    try:
        yield
    except DafeError:
        raise
    except openai.APITimeoutError as error:
        if isinstance(error.__cause__, httpx.ConnectTimeout):
            raise refusals.unreachable(settings.url) from error
        raise refusals.silent(settings.timeout_seconds) from error
    except openai.APIStatusError as error:
        raise _refusal(error, settings) from error
    except openai.APIConnectionError as error:
        raise _lost(error, settings) from error
    except (openai.APIError, httpx.HTTPError) as error:
        raise refusals.broken_off() from error
    except (openai.OpenAIError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise refusals.strange_answer() from error


def _lost(error: openai.APIConnectionError, settings: OpenAISettings) -> DafeError:
    if untrusted := certificate_error("language model", error, settings="language model"):
        return untrusted
    causes: list[BaseException | None] = [error.__cause__, getattr(error.__cause__, "__cause__", None)]
    if any(isinstance(cause, httpx.RemoteProtocolError | httpx.ReadError) for cause in causes):
        return refusals.broken_off()
    return refusals.unreachable(settings.url)


def _refusal(error: openai.APIStatusError, settings: OpenAISettings) -> DafeError:
    status = error.status_code
    if status in {401, 403}:
        return refusals.key_refused()
    if status == 404:
        return refusals.unknown_model(settings.model)
    if status in {408, 429} or status >= 500:
        return refusals.overloaded(status)
    window = _WINDOW.search(error.message)
    details = error.body if isinstance(error.body, dict) else {}
    too_long = status == 413 or details.get("param") in _PROMPT_PARAMETERS
    if window or too_long or {details.get("code"), details.get("type")} & _TOO_LONG_CODES:
        return refusals.prompt_too_long(int(window[1] or window[2]) if window else None)
    return refusals.request_refused()
