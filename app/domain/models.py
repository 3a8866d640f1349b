"""Language models as the product knows them, and what the probe found them able to do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """`digest` changes with the weights or their quantisation; `window_tokens` is the window the server really uses."""

    backend: str
    name: str
    digest: str
    window_tokens: int


class Band(StrEnum):
    """What the capability probe allows a model to do (DESIGN.md section 9)."""

    MODEL_LED = "model_led"
    RULES_AND_MODEL = "rules_and_model"
    RULES_ONLY = "rules_only"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The five probe items' outcome; `reason` is the sentence shown beside the band."""

    model: ModelInfo | None
    """None: no language model is configured or found."""
    band: Band
    gold_pairs: int = 0
    """Of ten."""
    verbatim: float = 0.0
    """Share of returned arguments found verbatim, in [0, 1]."""
    negation_kept: bool = False
    empty_item_empty: bool = False
    valid_json: bool = False
    seconds: float = 0.0
    reason: str = ""
    too_slow: bool = False
    """It was given up for the time it took, which may have been the machine's: it is tried again later."""


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model that this installation had in use, and what it was allowed to do then."""

    model: ModelInfo
    band: Band
    used_at: datetime
