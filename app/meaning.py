"""The measure of what facts mean, always taken with the embedded model."""

from pathlib import Path

from app.pipeline.fact_meaning import FactMeaning
from backends.embeddings.base import Embedder
from backends.embeddings.minilm import EMBEDDER_NAME
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.loading import load


def open_meaning(embedder: Embedder, *, model_dir: Path) -> FactMeaning:
    """With `embedder` where it is the embedded one, else with that one beside it: another choice changes no fact."""
    if embedder.name != EMBEDDER_NAME:
        embedder = load(Embedder, OnnxEmbedderSettings(), model_dir=model_dir)
    return FactMeaning(embedder)
