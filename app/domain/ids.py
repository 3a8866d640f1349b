"""Typed ids: ULIDs for what happens once, keyed digests for what must come out the same twice."""

import hashlib
from base64 import b32encode
from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
DocumentId = NewType("DocumentId", str)
VersionId = NewType("VersionId", str)
"""One uploaded content of a document. Chunks, mentions and evidence belong to a version; the permitted set of every
store call holds the finished versions the actor may see."""
ChunkId = NewType("ChunkId", str)
EntityId = NewType("EntityId", str)
TripleId = NewType("TripleId", str)
JobId = NewType("JobId", str)
UserId = NewType("UserId", str)
QuestionId = NewType("QuestionId", str)
FileId = NewType("FileId", str)


def derived_id(key: bytes, *parts: str) -> str:
    """26 characters that depend on `key` and `parts` only, so that writing the same thing twice is one write.

    Keyed (BLAKE2b, RFC 7693) because ids appear in the audit log: without the key nobody can test a guessed name.
    """
    digest = hashlib.blake2b("\x1f".join(parts).encode(), key=key[:64], digest_size=16).digest()
    return b32encode(digest).decode().rstrip("=")
