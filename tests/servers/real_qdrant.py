"""The Qdrant server that tests use: a real one where one is named, else one in its dialect."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from qdrant_client import QdrantClient

from backends.vectors.settings import QdrantVectorSettings
from tests.servers.qdrant_dialect import qdrant_dialect

_KEY = "a-key-for-tests"


@contextmanager
def qdrant_server() -> Iterator[QdrantVectorSettings]:
    """That of DAFE_TEST_QDRANT_URL, with the key of DAFE_TEST_QDRANT_KEY: one for tests alone, because collections of
    ours are deleted from it at the end."""
    url = os.environ.get("DAFE_TEST_QDRANT_URL")
    if not url:
        with qdrant_dialect(key=_KEY) as server:
            yield QdrantVectorSettings(url=server.url, api_key=SecretStr(_KEY))
        return
    settings = QdrantVectorSettings(url=url, api_key=SecretStr(os.environ.get("DAFE_TEST_QDRANT_KEY", "")))
    with _client(settings) as client:
        if _ours(client):
            pytest.fail("the server of DAFE_TEST_QDRANT_URL holds vectors of an installation: name one for tests alone")
        yield settings
        for name in _ours(client):
            client.delete_collection(name)


@contextmanager
def _client(settings: QdrantVectorSettings) -> Iterator[QdrantClient]:
    key = settings.api_key.get_secret_value()
    headers = {"api-key": key} if key else None
    client = QdrantClient(url=settings.url, port=None, headers=headers, check_compatibility=False)
    yield client
    client.close()


def _ours(client: QdrantClient) -> list[str]:
    return [one.name for one in client.get_collections().collections if one.name.startswith("dafe-")]
