"""Settings: defaults, where they come from, and what is refused with a sentence."""

import os
import re
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.errors import ConfigurationError
from app.setting_docs import setting_origins, settings_table
from app.settings import (
    TELEMETRY_OFF,
    Profile,
    Settings,
    child_environment,
    given_variables,
    load_settings,
    process_settings,
)
from backends.audit.settings import PostgresAuditSettings, SqliteAuditSettings
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.llm.router import RoutedLanguageModels
from backends.llm.settings import AutoLanguageModelSettings, OpenAISettings, RouterSettings
from backends.metadata.settings import PostgresMetadataSettings
from backends.vectors.settings import ChromaVectorSettings, SqlVectorSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("DAFE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    process_settings.cache_clear()


def refusal(**given: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**given)
    return refused.value.message


def test_the_defaults_are_the_embedded_profile_on_this_machine_alone() -> None:
    settings = load_settings()
    assert settings.profile is Profile.EMBEDDED
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8501, Path("data"))
    assert isinstance(settings.vectors, SqlVectorSettings)
    assert settings.key_path == Path("data/key")
    assert settings.address == "http://localhost:8501"
    assert not settings.secure_cookies
    kinds = [settings.llm, settings.embeddings, settings.graph, settings.metadata, settings.files, settings.queue]
    assert [one.kind for one in kinds] == ["auto", "onnx", "sql", "sqlite", "folder", "sqlite"]


def test_a_profile_is_only_a_set_of_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(load_settings(profile="workstation").vectors, ChromaVectorSettings)
    assert isinstance(load_settings(profile="workstation", vectors={"kind": "sql"}).vectors, SqlVectorSettings)
    monkeypatch.setenv("DAFE_PROFILE", "workstation")
    monkeypatch.setenv("DAFE_VECTORS__TIMEOUT_SECONDS", "7")
    vectors = load_settings().vectors
    assert isinstance(vectors, ChromaVectorSettings)
    assert vectors.timeout_seconds == 7
    assert "profile" in refusal(profile="cloud")


def test_a_child_reads_the_same_file_wherever_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dafe.toml").write_text("idle_minutes = 5\n")
    Path("secrets").mkdir()
    monkeypatch.setenv("DAFE_SECRETS_DIR", "secrets")
    environment = child_environment(load_settings())
    monkeypatch.delenv("DAFE_SECRETS_DIR")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_settings().idle_minutes == 15
    for name in ("DAFE_CONFIG_DIR", "DAFE_SECRETS_DIR"):
        assert Path(environment[name]).is_absolute()
        monkeypatch.setenv(name, environment[name])
    assert load_settings().idle_minutes == 5


def test_variables_come_before_the_file_and_arguments_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dafe.toml").write_text('port = 9001\nidle_minutes = 5\n[embeddings]\nkind = "hashing"\ndimension = 32\n')
    monkeypatch.setenv("DAFE_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.idle_minutes, settings.embeddings.kind) == (9002, 5, "hashing")
    assert load_settings(port=9003).port == 9003
    monkeypatch.setenv("DAFE_EMBEDDINGS__DIMENSION", "64")
    assert load_settings().embeddings.model_dump()["dimension"] == 64
    origins = {one.name: one.origin for one in setting_origins()}
    assert (origins["port"], origins["idle_minutes"], origins["host"]) == ("DAFE_PORT", "dafe.toml", "default")
    assert (origins["embeddings.dimension"], origins["embeddings.kind"]) == ("DAFE_EMBEDDINGS__DIMENSION", "dafe.toml")


def test_a_database_server_is_named_by_one_host_and_its_password_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("", " ", "/var/run/postgresql", "one,two"):
        assert "one host" in refusal(metadata={"kind": "postgres", "host": host})
    assert "one host" in refusal(metadata={"kind": "postgres", "replica_host": "one,two"})
    assert "metadata" in refusal(metadata={"kind": "postgres", "sslmode": "disable"})
    monkeypatch.setenv("DAFE_METADATA__KIND", "postgres")
    monkeypatch.setenv("DAFE_METADATA__PASSWORD", "very-secret")
    metadata = load_settings().metadata
    assert isinstance(metadata, PostgresMetadataSettings)
    assert metadata.password.get_secret_value() == "very-secret"
    assert "very-secret" not in f"{metadata!r} {metadata.model_dump_json()} {setting_origins()}"


def test_an_audit_log_in_postgresql_lies_where_the_metadata_does_but_for_what_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAFE_METADATA__HOST", "db.example")
    monkeypatch.setenv("DAFE_METADATA__PASSWORD", "very-secret")
    monkeypatch.setenv("DAFE_METADATA__CONNECTIONS", "50")
    monkeypatch.setenv("DAFE_PROFILE", "cluster")
    monkeypatch.setenv("DAFE_AUDIT__DATABASE", "log")
    audit = load_settings().audit
    fitting = PostgresAuditSettings(host="db.example", database="log", password=SecretStr("very-secret"))
    assert audit == fitting
    assert (audit.user, audit.connections) == ("dafe", 4)
    origins = {one.name: one.origin for one in setting_origins()}
    assert [origins[f"audit.{name}"] for name in ("kind", "host", "database", "user")] == [
        "profile",
        "DAFE_METADATA__HOST",
        "DAFE_AUDIT__DATABASE",
        "default",
    ]
    assert load_settings(metadata=PostgresMetadataSettings(host="other.example")).audit == PostgresAuditSettings(
        host="other.example", database="log"
    )
    monkeypatch.delenv("DAFE_AUDIT__DATABASE")
    assert load_settings(audit={"kind": "sqlite"}).audit == SqliteAuditSettings()
    for name in ("HOST", "PASSWORD", "CONNECTIONS"):
        monkeypatch.delenv(f"DAFE_METADATA__{name}")
    assert load_settings(metadata={"kind": "sqlite"}, audit={"host": "log.example"}).audit == PostgresAuditSettings(
        host="log.example"
    )


def test_secrets_are_read_from_files_of_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    model = '{"kind": "openai", "url": "http://127.0.0.1:9/v1", "model": "m", "api_key": "very-secret"}'
    (folder / "dafe_llm").write_text(model)
    monkeypatch.setenv("DAFE_SECRETS_DIR", str(folder))
    settings = load_settings()
    assert settings.llm.api_key.get_secret_value() == "very-secret"  # type: ignore[union-attr]
    assert "very-secret" not in repr(settings)
    monkeypatch.setenv("DAFE_LLM__KIND", "none")
    assert "llm" in refusal() or load_settings().llm.kind == "none"


@pytest.mark.parametrize("name", ["DAFE_COLOUR", "DAFE_HOTS", "DAFE_COLOUR__KIND"])
def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert name in refusal()
    assert name in given_variables()


def test_variables_of_the_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_TEST_REQUIRE", "ollama")
    assert load_settings().port == 8501


def test_an_unknown_part_of_a_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_VECTORS__SPEED", "11")
    assert "vectors.sql.speed" in refusal()
    monkeypatch.delenv("DAFE_VECTORS__SPEED")
    assert "vectors" in refusal(vectors={"kind": "papyrus"})
    assert "colour" in refusal(colour="blue")
    Path("dafe.toml").write_text("colour = 'blue'")
    assert "colour" in refusal()


def test_an_option_without_a_kind_is_meant_for_the_default_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_EMBEDDINGS__THREADS", "2")
    monkeypatch.setenv("DAFE_LLM__URL", "http://127.0.0.1:9")
    settings = load_settings(loader={"ocr": False})
    assert settings.embeddings.model_dump() == OnnxEmbedderSettings(threads=2).model_dump()
    assert settings.llm == AutoLanguageModelSettings(url="http://127.0.0.1:9")
    assert not settings.loader.ocr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "dafe.example"])
def test_listening_beyond_this_machine_needs_tls_in_front(host: str) -> None:
    assert "gateway with TLS" in refusal(host=host)
    assert "gateway with TLS" in refusal(host=host, public_url="http://dafe.example")
    settings = load_settings(host=host, public_url="https://dafe.example")
    assert (settings.address, settings.secure_cookies) == ("https://dafe.example", True)


def test_a_value_that_cannot_be_used_is_named_without_showing_it() -> None:
    message = refusal(port="secret-word")
    assert "port" in message
    assert "secret-word" not in message
    assert "port" in refusal(port=0)
    assert "upload_mb" in refusal(upload_mb=0)
    assert "model_band" in refusal(model_band="wise")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1


def test_a_child_process_gets_the_same_settings_and_no_telemetry(tmp_path: Path) -> None:
    environment = child_environment(load_settings(data_dir="here", port=9000, profile="workstation"))
    assert environment["DAFE_DATA_DIR"] == str(tmp_path / "here")
    assert (environment["DAFE_PORT"], environment["DAFE_PROFILE"]) == ("9000", "workstation")
    assert all(environment[name] == value for name, value in TELEMETRY_OFF.items())


def test_every_setting_of_the_installation_is_explained() -> None:
    variables = {row["variable"] for row in settings_table()}
    explained = {f"DAFE_{name.upper()}" for name, field in Settings.model_fields.items() if field.description}
    assert variables == explained
    backends = {"llm", "embeddings", "vectors", "graph", "metadata", "files", "queue", "cache", "audit", "loader"}
    assert {name for name, field in Settings.model_fields.items() if not field.description} == backends


def test_the_example_for_a_cluster_loads_and_says_how_each_server_is_started() -> None:
    example = (ROOT / "app" / "help" / "cluster.toml").read_text(encoding="utf-8")
    Path("dafe.toml").write_text(example, encoding="utf-8")
    settings = load_settings()
    assert isinstance(settings.llm, RouterSettings)
    used = {one.name: (one.tier, sorted(one.tasks)) for one in settings.llm.endpoints}
    assert used["llama-70b"] == ("large", ["answer", "verify"])
    assert used["mistral-7b-a"] == used["mistral-7b-b"] == ("small", ["answer", "extract", "verify"])
    with closing(RoutedLanguageModels(settings.llm)) as router:
        assert len(router.models_for("answer")) == 4
        assert len(router.models_for("extract")) == 1
    served = re.findall(r"--served-model-name (\S+)", example)
    named = [one.model.model for one in settings.llm.endpoints if isinstance(one.model, OpenAISettings)]
    assert {*served} == {*named, "bge-large-en-v1.5"}
    for flag in ("--tensor-parallel-size 4", "--quantization awq_marlin", "--enable-prefix-caching"):
        assert flag in example
    assert example.count("--scheduling-policy priority \\") == len(served) - 1
    shown = {one.name: str(one.value) for one in setting_origins()}["llm.endpoints"]
    assert "KEY-OF" not in shown
