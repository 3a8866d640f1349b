"""Every setting, typed, with its reason; the only reader of the environment."""

import os
import sys
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from app.errors import ConfigurationError
from backends.audit.settings import AuditSettings, SqliteAuditSettings
from backends.cache.settings import CacheSettings, SqlCacheSettings
from backends.embeddings.settings import EmbedderSettings, OnnxEmbedderSettings
from backends.files.settings import FileSettings, FolderFileSettings
from backends.graph.settings import GraphSettings, SqlGraphSettings
from backends.llm.settings import AutoLanguageModelSettings, LanguageModelSettings
from backends.loaders.settings import LoaderSettings, LocalLoaderSettings
from backends.metadata.settings import MetadataSettings, SqliteMetadataSettings
from backends.queue.settings import QueueSettings, SqliteQueueSettings
from backends.sql.settings import PostgresServerSettings
from backends.vectors.settings import SqlVectorSettings, VectorSettings

PREFIX = "DAFE_"
_TEST_PREFIX = "DAFE_TEST_"
_SECRETS_DIR = "DAFE_SECRETS_DIR"
_CONFIG_DIR = "DAFE_CONFIG_DIR"
"""The folder of dafe.toml, else the one in which the program is started; what it starts gets it from there."""
_CALLS_OF_A_ROUTER = 16
"""It finds out by itself how many its servers take, and has the others wait."""
SAME_SERVER = ("host", "port", "database", "user", "password", "ca_bundle")
"""What the audit log takes over from metadata in PostgreSQL where it is not given."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Profile(StrEnum):
    """A set of defaults; each backend can still be chosen by itself."""

    EMBEDDED = "embedded"
    WORKSTATION = "workstation"
    CLUSTER = "cluster"


PROFILE_DEFAULTS: dict[Profile, dict[str, dict[str, Any]]] = {
    Profile.EMBEDDED: {},
    Profile.WORKSTATION: {"vectors": {"kind": "chroma"}},
    Profile.CLUSTER: {
        "vectors": {"kind": "qdrant"},
        "graph": {"kind": "neo4j"},
        "metadata": {"kind": "postgres"},
        "queue": {"kind": "redis"},
        "cache": {"kind": "redis"},
        "audit": {"kind": "postgres"},
    },
}


def default_model_dir() -> Path:
    """Where set-up builds the embedded models: beside the installed packages, so that they come and go together."""
    return Path(sys.prefix) / "share" / "dafe-graphs" / "models"


class Settings(BaseSettings):
    """Read from arguments, then DAFE_ variables (nested with __), dafe.toml and files in the secrets folder."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    profile: Profile = Field(default=Profile.EMBEDDED, description="Set of defaults: embedded, workstation or cluster.")
    data_dir: Path = Field(default=Path("data"), description="Everything that is kept lies in this folder.")
    key_file: Path | None = Field(default=None, description="Key file; without it `key` in the data folder.")
    model_dir: Path = Field(default_factory=default_model_dir, description="The embedded models that set-up built.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8501, ge=1, le=65535, description="Port to listen on.")
    public_url: str = Field(
        default="",
        description="Address people use when a gateway with TLS stands in front, such as https://dafe.local.",
    )
    idle_minutes: float = Field(default=15, gt=0, le=720, description="A session without activity ends after it.")
    session_hours: float = Field(default=12, gt=0, le=168, description="A session ends after it in any case.")
    audit_second_device: Path | None = Field(
        default=None, description="A folder on another disk that gets a copy of every audit event and checkpoint."
    )
    audit_second_device_required: bool = Field(
        default=False, description="While the second device cannot be written, nothing is shown or changed."
    )
    audit_seal_dir: Path | None = Field(
        default=None, description="The sealer's key and its checkpoints; without it `seal` in the data folder."
    )
    audit_verify_hours: float = Field(
        default=24, ge=0, le=720, description="The audit log is verified every so many hours by itself; 0: never."
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="What Prometheus sends as bearer token to read /metrics; without it nobody reads them.",
    )
    export_hours: float = Field(
        default=24, gt=0, le=168, description="The file of an export can be downloaded for so long."
    )
    samples: bool = Field(default=True, description="Make the demo workspaces at the first start.")
    upload_mb: int = Field(default=200, ge=1, le=2_000, description="Largest file that can be uploaded.")
    model_band: str = Field(
        default="",
        pattern="^(model_led|rules_and_model|rules_only)?$",
        description="Overrides what the probe found the language model able to do.",
    )

    workers: int = Field(default=1, ge=1, le=64, description="Worker processes that dafe up starts.")
    calls_at_once: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="So many parts of documents one worker process reads at the same time: raise it to twice what the"
        " model's server answers at once. Without it 16 behind a router, else 1.",
    )
    embeddings_before: EmbedderSettings | None = Field(
        default=None,
        description="The embedding server of before, asked until all vectors of another model are made.",
    )

    llm: LanguageModelSettings = AutoLanguageModelSettings()
    embeddings: EmbedderSettings = OnnxEmbedderSettings()
    vectors: VectorSettings = SqlVectorSettings()
    graph: GraphSettings = SqlGraphSettings()
    metadata: MetadataSettings = SqliteMetadataSettings()
    files: FileSettings = FolderFileSettings()
    queue: QueueSettings = SqliteQueueSettings()
    cache: CacheSettings = SqlCacheSettings()
    audit: AuditSettings = SqliteAuditSettings()
    loader: LoaderSettings = LocalLoaderSettings()

    @property
    def key_path(self) -> Path:
        return self.key_file or self.data_dir / "key"

    @property
    def audit_seal_path(self) -> Path:
        return self.audit_seal_dir or self.data_dir / "seal"

    @property
    def reading_at_once(self) -> int:
        """Chunks, and documents, that one worker process reads at the same time."""
        return self.calls_at_once or (_CALLS_OF_A_ROUTER if self.llm.kind == "router" else 1)

    @property
    def exports_kept(self) -> timedelta:
        return timedelta(hours=self.export_hours)

    @property
    def secure_cookies(self) -> bool:
        """Whether people reach us through TLS."""
        return self.public_url.startswith("https://")

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = "localhost" if self.host in _LOOPBACK else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @model_validator(mode="before")
    @classmethod
    def _fill_from_profile(cls, given: dict[str, Any]) -> dict[str, Any]:
        profile = given.get("profile", Profile.EMBEDDED)
        if profile not in set(Profile):
            return given
        for name, defaults in PROFILE_DEFAULTS[Profile(profile)].items():
            chosen = given.get(name)
            if chosen is None or (isinstance(chosen, dict) and "kind" not in chosen):
                given = {**given, name: {**defaults, **(chosen or {})}}
        given = {name: _with_kind(cls.model_fields.get(name), chosen) for name, chosen in given.items()}
        return {**given, **_on_same_server(given.get("audit"), given.get("metadata"))}

    @model_validator(mode="after")
    def _refuse_insecure(self) -> "Settings":
        if self.host not in _LOOPBACK and not self.secure_cookies:
            raise ValueError(
                "listening beyond this machine needs a gateway with TLS in front: set DAFE_PUBLIC_URL to its address"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=os.environ.get(_SECRETS_DIR))
        written = TomlConfigSettingsSource(settings_cls, toml_file=config_path())
        return init_settings, env_settings, written, secrets


def config_path() -> Path:
    """Where dafe.toml is looked for."""
    return Path(os.environ.get(_CONFIG_DIR, ""), "dafe.toml")


def _with_kind(field: FieldInfo | None, chosen: Any) -> Any:
    """Options given without a kind are meant for the default one."""
    if field is None or not isinstance(chosen, dict) or "kind" in chosen or not isinstance(field.default, BaseModel):
        return chosen
    return {"kind": field.default.model_dump()["kind"], **chosen}


def _on_same_server(audit: Any, metadata: Any) -> dict[str, Any]:
    """An audit log in PostgreSQL lies where the metadata does, but for what is given."""
    if isinstance(metadata, PostgresServerSettings):
        metadata = {"kind": "postgres", **{name: getattr(metadata, name) for name in metadata.model_fields_set}}
    kinds = [one.get("kind") if isinstance(one, dict) else None for one in (audit, metadata)]
    if kinds != ["postgres", "postgres"]:
        return {}
    return {"audit": {**{name: metadata[name] for name in SAME_SERVER if name in metadata}, **audit}}


def load_settings(**given: Any) -> Settings:
    """Settings from all sources, `given` first. Raises ConfigurationError naming what is wrong."""
    return load_as(Settings, **given)


def load_as(settings: type[Settings], **given: Any) -> Settings:
    """As `load_settings`, for a class that reads what is given in its own way."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        ours = name.startswith(PREFIX) and not name.startswith((_TEST_PREFIX, _SECRETS_DIR, _CONFIG_DIR))
        if ours and name.split("__")[0] not in known:
            raise ConfigurationError(f"{name} is no setting of Dafe Graphs: see dafe config table.")
    try:
        return settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ConfigurationError(f"The setting {place} cannot be used: {first['msg']}.") from None


@lru_cache(maxsize=1)
def process_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


def given_variables() -> frozenset[str]:
    """The names of the DAFE_ variables that are set."""
    return frozenset(name for name in os.environ if name.startswith(PREFIX))


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a child process that is to use the same settings, all telemetry off."""
    chosen = {
        "DAFE_PROFILE": settings.profile.value,
        "DAFE_DATA_DIR": str(settings.data_dir.resolve()),
        "DAFE_HOST": settings.host,
        "DAFE_PORT": str(settings.port),
        _CONFIG_DIR: str(config_path().resolve().parent),
    }
    if secrets := os.environ.get(_SECRETS_DIR):
        chosen[_SECRETS_DIR] = str(Path(secrets).resolve())
    return {**os.environ, **chosen, **TELEMETRY_OFF}


TELEMETRY_OFF = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TRACING_V2": "false",
    "ORT_DISABLE_TELEMETRY": "1",
    "OTEL_SDK_DISABLED": "true",
    "SCARF_NO_ANALYTICS": "true",
}
"""The switch of every library that could call outside, in one place with the one below."""

STREAMLIT_TELEMETRY_OFF = {"browser.gatherUsageStats": False}
"""Streamlit reads no environment the way it is started here: app.asgi hands it this."""


def switch_telemetry_off() -> None:
    """For this process and its children; called first by each entry point. No proxy ever sees a call to loopback."""
    os.environ.update(TELEMETRY_OFF)
    for name in ("NO_PROXY", "no_proxy"):
        given = [part for part in os.environ.get(name, "").split(",") if part and part not in _LOOPBACK]
        os.environ[name] = ",".join([*given, *sorted(_LOOPBACK)])
