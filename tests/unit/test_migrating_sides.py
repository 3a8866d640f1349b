"""The settings of two profiles, both from what is given once."""

import os
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.migrating.sides import settings_of_both
from app.settings import Profile, Settings
from backends.audit.settings import PostgresAuditSettings, SqliteAuditSettings
from backends.graph.settings import Neo4jGraphSettings, SqlGraphSettings
from backends.metadata.settings import PostgresMetadataSettings, SqliteMetadataSettings
from backends.vectors.settings import ChromaVectorSettings, QdrantVectorSettings, SqlVectorSettings

EMBEDDED, WORKSTATION, CLUSTER = Profile.EMBEDDED, Profile.WORKSTATION, Profile.CLUSTER


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("DAFE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def kinds(settings: Settings) -> list[str]:
    parts = (settings.metadata, settings.graph, settings.vectors, settings.queue, settings.cache, settings.audit)
    return [one.kind for one in parts]


def test_each_side_has_the_stores_of_its_profile() -> None:
    source, target = settings_of_both(EMBEDDED, CLUSTER, data_dir="here")
    assert (source.profile, target.profile) == (EMBEDDED, CLUSTER)
    assert kinds(source) == ["sqlite", "sql", "sql", "sqlite", "sql", "sqlite"]
    assert kinds(target) == ["postgres", "neo4j", "qdrant", "redis", "redis", "postgres"]
    assert source.data_dir == target.data_dir == Path("here")


def test_options_count_for_the_side_whose_store_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_METADATA__HOST", "db.example")
    monkeypatch.setenv("DAFE_GRAPH__PASSWORD", "secret")
    Path("dafe.toml").write_text('profile = "cluster"\n[vectors]\nquantisation = "scalar"\n')
    for source, target in (settings_of_both(EMBEDDED, CLUSTER), settings_of_both(CLUSTER, EMBEDDED)[::-1]):
        assert source.metadata == SqliteMetadataSettings()
        assert source.graph == SqlGraphSettings()
        assert source.vectors == SqlVectorSettings()
        assert isinstance(target.metadata, PostgresMetadataSettings) and target.metadata.host == "db.example"
        assert isinstance(target.graph, Neo4jGraphSettings)
        assert source.audit == SqliteAuditSettings()
        assert isinstance(target.audit, PostgresAuditSettings) and target.audit.host == "db.example"
        assert isinstance(target.vectors, QdrantVectorSettings) and target.vectors.quantisation == "scalar"


def test_a_kind_that_is_given_counts_for_its_own_profile_and_for_both_where_it_is_neithers() -> None:
    for vectors in ({"kind": "qdrant", "url": "http://127.0.0.1:1"}, QdrantVectorSettings(url="http://127.0.0.1:1")):
        source, target = settings_of_both(WORKSTATION, CLUSTER, vectors=vectors)
        assert source.vectors == ChromaVectorSettings()
        assert target.vectors == QdrantVectorSettings(url="http://127.0.0.1:1")
    source, target = settings_of_both(EMBEDDED, CLUSTER, vectors={"kind": "chroma"})
    assert source.vectors == target.vectors == ChromaVectorSettings()


def test_the_audit_log_stays_where_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_AUDIT__KIND", "sqlite")
    assert [one.audit for one in settings_of_both(EMBEDDED, CLUSTER)] == [SqliteAuditSettings()] * 2
    monkeypatch.setenv("DAFE_AUDIT__KIND", "postgres")
    monkeypatch.setenv("DAFE_AUDIT__HOST", "log.example")
    assert [one.audit for one in settings_of_both(CLUSTER, EMBEDDED)] == [PostgresAuditSettings(host="log.example")] * 2


def test_an_option_that_both_stores_know_is_asked_about_and_one_that_none_knows_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"vectors\.url could be meant for chroma or for qdrant"):
        settings_of_both(WORKSTATION, CLUSTER, vectors={"url": "http://127.0.0.1:1"})
    with pytest.raises(ConfigurationError, match=r"metadata\.sqlite\.hots cannot be used"):
        settings_of_both(EMBEDDED, CLUSTER, metadata={"hots": "db.example"})
