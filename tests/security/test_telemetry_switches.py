"""Each switch turns off what the library that it is for would send."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.asgi import streamlit_options
from app.container import open_services
from app.settings import STREAMLIT_TELEMETRY_OFF, TELEMETRY_OFF, load_settings
from tests.servers.requiring import require

LANGSMITH = "from langsmith.utils import tracing_is_enabled; print(tracing_is_enabled())"
SENDS = {
    "ANONYMIZED_TELEMETRY": ("True", "from chromadb.config import Settings; print(Settings().anonymized_telemetry)"),
    "DO_NOT_TRACK": ("0", "from huggingface_hub import constants; print(not constants.HF_HUB_DISABLE_TELEMETRY)"),
    "HF_HUB_OFFLINE": ("0", "from huggingface_hub import constants; print(not constants.is_offline_mode())"),
    "LANGCHAIN_TRACING_V2": ("true", LANGSMITH),
    "LANGSMITH_TRACING": ("true", LANGSMITH),
    "LANGSMITH_TRACING_V2": ("true", LANGSMITH),
    "ORT_DISABLE_TELEMETRY": (
        "0",
        "import onnxruntime, pathlib, time; time.sleep(1); print(any(pathlib.Path.home().rglob('*')))",
    ),
    "OTEL_SDK_DISABLED": (
        "false",
        "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider;"
        " print(not isinstance(TracerProvider().get_tracer('x'), trace.NoOpTracer))",
    ),
    "SCARF_NO_ANALYTICS": (
        "",
        "import requests; sent = []; requests.get = lambda *given, **options: sent.append(given);"
        " from unstructured.utils import scarf_analytics; scarf_analytics(); print(bool(sent))",
    ),
}
"""By switch: a value that lets the library send, and a program that prints whether it would."""


def printed(program: str, home: Path, **switches: str) -> str:
    """In an environment of its own: ONNX Runtime, for one, sends nothing where a variable says that it runs in CI."""
    environment = {"PATH": os.defpath, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), **switches}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_every_switch_is_tried() -> None:
    assert SENDS.keys() == TELEMETRY_OFF.keys()


@pytest.mark.parametrize("name", SENDS)
def test_a_switch_turns_off_what_its_library_would_send(name: str, tmp_path: Path) -> None:
    if name == "SCARF_NO_ANALYTICS" and find_spec("unstructured") is None:
        require("community-loaders", "run .venv/bin/uv sync --locked --inexact --extra community-loaders")
    on, program = SENDS[name]
    homes = tmp_path / "on", tmp_path / "off"
    for home in homes:
        home.mkdir()
    assert printed(program, homes[0], **{name: on}) == "True"
    assert printed(program, homes[1], **{name: TELEMETRY_OFF[name]}) == "False"


def test_streamlit_is_given_its_switch_and_heeds_it(tmp_path: Path) -> None:
    services = open_services(load_settings(data_dir=tmp_path, embeddings={"kind": "hashing"}, llm={"kind": "none"}))
    try:
        assert streamlit_options(services).items() >= STREAMLIT_TELEMETRY_OFF.items()
    finally:
        services.close()
    program = (
        "from streamlit import config; from streamlit.web.bootstrap import load_config_options;"
        " load_config_options({{'browser_gatherUsageStats': {value}}});"
        " print(config.get_option('browser.gatherUsageStats'))"
    )
    assert STREAMLIT_TELEMETRY_OFF == {"browser.gatherUsageStats": False}
    assert [printed(program.format(value=value), tmp_path) for value in (True, False)] == ["True", "False"]


def test_what_the_environment_switched_on_is_switched_off(tmp_path: Path) -> None:
    on = {name: value for name, (value, _) in SENDS.items()}
    off = "from app.settings import switch_telemetry_off; switch_telemetry_off(); "
    assert printed(LANGSMITH, tmp_path, **on) == "True"
    assert printed(off + LANGSMITH, tmp_path, **on) == "False"
    assert printed(off + SENDS["OTEL_SDK_DISABLED"][1], tmp_path, **on) == "False"
