"""The measure of meaning with the embedded model that make setup built."""

from app.pipeline.fact_meaning import FactMeaning
from app.settings import default_model_dir
from backends.embeddings.onnx import OnnxEmbedder
from backends.embeddings.settings import OnnxEmbedderSettings

MEANING = FactMeaning(OnnxEmbedder(OnnxEmbedderSettings(), model_dir=default_model_dir()))
