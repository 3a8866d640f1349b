"""The web process serves first and reads what pages and questions need behind that, before anybody asks."""

import time
from pathlib import Path

import httpx
import pytest

from tests.security.running import running

MAPS = Path("/proc/self/maps")
NEEDED = {"/pandas/", "/spacy/", "/onnxruntime/"}


def mapped(pid: int) -> set[str]:
    text = Path(f"/proc/{pid}/maps").read_text()
    return {package for package in NEEDED if package in text}


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.skipif(not MAPS.exists(), reason="only Linux tells which libraries a process has read")
def test_pages_and_models_are_read_with_nobody_asking(tmp_path: Path) -> None:
    with running(tmp_path, lambda _services: None, web_alone=True, EMBEDDINGS__KIND="onnx") as started:
        until = time.monotonic() + 200
        while mapped(started.pid) < NEEDED:
            assert time.monotonic() < until, mapped(started.pid)
            time.sleep(0.2)
        assert httpx.get(f"{started.address}/session/sign-in", timeout=60).status_code == 200
