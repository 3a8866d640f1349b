"""A contribution as rows: of the graph's tables, and of the lists that Cypher unwinds."""

from typing import Any

from app.domain.graph import Contribution
from app.domain.ids import WorkspaceId
from app.domain.names import name_key

Rows = list[dict[str, Any]]


def entity_rows(contribution: Contribution, workspace_id: WorkspaceId) -> Rows:
    return [
        {"id": entity.id, "workspace_id": workspace_id, "key": entity.key, "type": entity.type}
        for entity in contribution.entities
    ]


def name_rows(contribution: Contribution, workspace_id: WorkspaceId) -> Rows:
    """One row for each name of each entity; the entity's own name comes before an equal alias."""
    version_ids = sorted({mention.version_id for mention in contribution.mentions})
    return [
        {
            "entity_id": entity.id,
            "version_id": version_id,
            "name": name,
            "workspace_id": workspace_id,
            "key": entity.key if name == entity.name else name_key(name),
            "alias": name != entity.name,
        }
        for entity in contribution.entities
        for version_id in version_ids
        for name in (entity.name, *entity.aliases)
    ]


def mention_rows(contribution: Contribution, workspace_id: WorkspaceId) -> Rows:
    return [
        {
            "entity_id": mention.entity_id,
            "chunk_id": mention.chunk_id,
            "workspace_id": workspace_id,
            "version_id": mention.version_id,
            "count": mention.count,
            "topic": mention.topic,
        }
        for mention in contribution.mentions
    ]


def triple_rows(contribution: Contribution, workspace_id: WorkspaceId) -> Rows:
    return [
        {
            "id": triple.id,
            "workspace_id": workspace_id,
            "subject_id": triple.subject_id,
            "relation": triple.relation,
            "object_id": triple.object_id,
            "assertion": triple.assertion.value,
        }
        for triple in contribution.triples
    ]


def evidence_rows(contribution: Contribution, workspace_id: WorkspaceId) -> Rows:
    return [
        {
            "triple_id": triple.id,
            "version_id": item.version_id,
            "span_start": item.span.start,
            "span_end": item.span.end,
            "workspace_id": workspace_id,
            "document_id": item.document_id,
            "chunk_id": item.chunk_id,
            "page": item.page,
            "quote_hash": item.quote_hash,
            "kind": item.kind,
            "extractor": item.extractor,
            "confidence": item.confidence,
            "inferred": item.inferred,
        }
        for triple in contribution.triples
        for item in triple.evidence
    ]
