"""Tests of building the embedding model from its published weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import IntegrityError, MissingDependencyError
from backends.embeddings import onnx_build
from backends.embeddings.minilm import MODEL_NAME, source_folder
from backends.embeddings.onnx import OnnxEmbedder
from backends.embeddings.onnx_build import build_embedding_model, read_references
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.embeddings.tokens import TokenCounter, load_tokenizer

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_embedding_model(folder)
    return folder


def numpy_vector(token_ids: list[int], weights: dict[str, Any]) -> Any:
    """BERT's forward pass for one text, written from the paper (Devlin et al. 2018) in float64."""
    from scipy.special import erf

    def dense(value: Any, name: str) -> Any:
        return value @ weights[f"{name}.weight"].astype(float).T + weights[f"{name}.bias"].astype(float)

    def norm(value: Any, name: str) -> Any:
        centred = value - value.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def embedding(name: str) -> Any:
        return weights[f"embeddings.{name}_embeddings.weight"].astype(float)

    hidden = embedding("word")[token_ids] + embedding("position")[: len(token_ids)] + embedding("token_type")[0]
    hidden = norm(hidden, "embeddings.LayerNorm")
    for layer in range(6):
        name = f"encoder.layer.{layer}"
        queries, keys, values = (dense(hidden, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = np.zeros_like(hidden)
        for head in range(12):
            part = slice(head * 32, head * 32 + 32)
            scores = queries[:, part] @ keys[:, part].T / np.sqrt(32)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            mixed[:, part] = shares / shares.sum(-1, keepdims=True) @ values[:, part]
        hidden = norm(hidden + dense(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = dense(hidden, f"{name}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        hidden = norm(hidden + dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = hidden.mean(0)
    return mean / np.linalg.norm(mean)


def test_the_stored_reference_vectors_come_from_an_independent_forward_pass() -> None:
    from safetensors.numpy import load_file

    weights = load_file(str(source_folder() / "model.safetensors"))
    tokenizer = load_tokenizer(source_folder() / "tokenizer.json", window_tokens=256)
    for reference in read_references():
        expected = numpy_vector(tokenizer.encode(reference["text"]).ids, weights)
        assert np.abs(expected - np.array(reference["vector"])).max() < 1e-6


def test_the_built_graph_gives_the_reference_vectors(model_dir: Path) -> None:
    embedder = OnnxEmbedder(OnnxEmbedderSettings(), model_dir=model_dir)
    for reference in read_references():
        difference = np.abs(embedder.embed_question(reference["text"]) - np.array(reference["vector"])).max()
        assert difference < 1e-5


def test_building_again_does_nothing(model_dir: Path) -> None:
    built = (model_dir / MODEL_NAME / "model.onnx").stat().st_mtime_ns
    assert build_embedding_model(model_dir) is False
    assert (model_dir / MODEL_NAME / "model.onnx").stat().st_mtime_ns == built
    assert [path.name for path in model_dir.iterdir()] == [MODEL_NAME]


def test_a_damaged_model_is_built_again(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "models")
    model = tmp_path / "models" / MODEL_NAME / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    assert build_embedding_model(tmp_path / "models") is True
    assert build_embedding_model(tmp_path / "models") is False


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(onnx_build, "source_folder", lambda: tmp_path)
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        build_embedding_model(tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_graph_that_differs_from_the_references_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [{"text": "Apixaban thins the blood.", "vector": [0.0] * 384}]
    monkeypatch.setattr(onnx_build, "read_references", lambda: wrong)
    with pytest.raises(IntegrityError, match="differs from its reference"):
        build_embedding_model(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_built_model_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="make setup"):
        OnnxEmbedder(OnnxEmbedderSettings(), model_dir=tmp_path).embed_question("anything")


def test_tokens_are_counted_alike_from_the_package_and_from_the_built_model(model_dir: Path) -> None:
    text = "Metoprolol 47.5 mg was stopped on 3 May; the troponin was 0.04 ng/mL. " * 40
    assert TokenCounter()(text) == TokenCounter(model_dir)(text) > 256
    assert TokenCounter()("") == 0


def test_the_receipt_names_source_and_hashes(model_dir: Path) -> None:
    receipt = json.loads((model_dir / MODEL_NAME / "built.json").read_text())
    assert receipt["source"].startswith("53aa5117")
    assert set(receipt["files"]) == {"model.onnx", "tokenizer.json"}
