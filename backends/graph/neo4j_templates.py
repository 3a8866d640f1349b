"""Every Cypher text that is sent, put together from constant pieces only: all values travel as parameters.

(:Chunk)-[:MENTIONS]->(:Entity)<-[:OF]-(:Name), one name for each version that writes it; (:Entity)-[:STATES]->(:Entity)
for each piece of evidence, so that a triple is there while something states it. Each node and relationship bears its
workspace, and each query asks for it; reads also ask that the version is permitted. The hints keep the plans as they
are whatever the server has counted.
"""

from dataclasses import dataclass

PERMITTED_MENTION = "m.workspace_id = $workspace_id AND m.version_id IN $permitted"
PERMITTED_NAME = "n.workspace_id = $workspace_id AND n.version_id IN $permitted"
PERMITTED_EVIDENCE = "r.workspace_id = $workspace_id AND r.version_id IN $permitted"
# The same where an entity is known, from which its few neighbours are reached: no index fits a condition on coalesce,
# so that none is taken to look for them among all of the workspace.
_ITS_MENTION = "coalesce(m.workspace_id, '') = $workspace_id AND m.version_id IN $permitted"
_ITS_NAME = "coalesce(n.workspace_id, '') = $workspace_id AND n.version_id IN $permitted"
_ITS_EVIDENCE = "coalesce(r.workspace_id, '') = $workspace_id AND r.version_id IN $permitted"

# Writing: idempotent, and each returns how many of its rows found their entities.
ADD_ENTITIES = """
UNWIND $rows AS row
MERGE (e:Entity {workspace_id: $workspace_id, id: row.id})
ON CREATE SET e.key = row.key, e.type = row.type
RETURN count(*) AS written"""
ADD_NAMES = """
UNWIND $rows AS row
MATCH (e:Entity {workspace_id: $workspace_id, id: row.entity_id})
MERGE (n:Name {workspace_id: $workspace_id, entity_id: row.entity_id, version_id: row.version_id, name: row.name})
ON CREATE SET n.key = row.key, n.folded = row.folded, n.alias = row.alias
ON MATCH SET n.alias = n.alias AND row.alias
MERGE (n)-[:OF {workspace_id: $workspace_id}]->(e)
RETURN count(*) AS written"""
ADD_MENTIONS = """
UNWIND $rows AS row
MATCH (e:Entity {workspace_id: $workspace_id, id: row.entity_id})
MERGE (c:Chunk {workspace_id: $workspace_id, id: row.chunk_id})
MERGE (c)-[m:MENTIONS {workspace_id: $workspace_id}]->(e)
SET m.version_id = row.version_id, m.count = row.count, m.topic = row.topic
RETURN count(*) AS written"""
ADD_EVIDENCE = """
UNWIND $rows AS row
MATCH (s:Entity {workspace_id: $workspace_id, id: row.subject_id})
MATCH (o:Entity {workspace_id: $workspace_id, id: row.object_id})
MERGE (s)-[r:STATES {workspace_id: $workspace_id, triple_id: row.triple_id, version_id: row.version_id,
                     span_start: row.span_start, span_end: row.span_end}]->(o)
ON CREATE SET r.relation = row.relation, r.assertion = row.assertion, r.document_id = row.document_id,
              r.chunk_id = row.chunk_id, r.page = row.page, r.quote_hash = row.quote_hash, r.kind = row.kind,
              r.extractor = row.extractor, r.confidence = row.confidence, r.inferred = row.inferred
RETURN count(*) AS written"""

# Removing: each takes away at most $batch and returns the ids that may have lost what held them.
REMOVE_EVIDENCE = """
MATCH (s:Entity)-[r:STATES]->(o:Entity)
USING INDEX r:STATES(workspace_id, version_id)
WHERE r.workspace_id = $workspace_id AND r.version_id IN $version_ids
WITH s, r, o LIMIT $batch
DELETE r
RETURN null AS chunk_id, [s.id, o.id] AS entity_ids"""
REMOVE_NAMES = """
MATCH (n:Name)
USING INDEX n:Name(workspace_id, version_id)
WHERE n.workspace_id = $workspace_id AND n.version_id IN $version_ids
WITH n, n.entity_id AS entity_id LIMIT $batch
DETACH DELETE n
RETURN null AS chunk_id, [entity_id] AS entity_ids"""
REMOVE_MENTIONS = """
MATCH (c:Chunk)-[m:MENTIONS]->(e:Entity)
USING INDEX m:MENTIONS(workspace_id, version_id)
WHERE m.workspace_id = $workspace_id AND m.version_id IN $version_ids
WITH c, m, e LIMIT $batch
DELETE m
RETURN c.id AS chunk_id, [e.id] AS entity_ids"""
# Without DETACH where somebody else may connect the node meanwhile: the server then refuses, and it is done again.
REMOVE_CHUNKS = """
UNWIND $ids AS id
MATCH (c:Chunk {workspace_id: $workspace_id, id: id})
WHERE NOT EXISTS { (c)-[:MENTIONS]->() }
DELETE c"""
REMOVE_ENTITIES = """
UNWIND $ids AS id
MATCH (e:Entity {workspace_id: $workspace_id, id: id})
WHERE NOT EXISTS { (e)<-[:MENTIONS]-() } AND NOT EXISTS { (e)-[:STATES]-() }
WITH e, COLLECT { MATCH (e)<-[:OF]-(n:Name) RETURN n } AS names
FOREACH (n IN names | DETACH DELETE n)
DELETE e"""
REMOVE_WORKSPACE = (
    """
MATCH (:Entity)-[r:STATES]->(:Entity)
USING INDEX r:STATES(workspace_id, version_id)
WHERE r.workspace_id = $workspace_id AND r.version_id IS NOT NULL
WITH r LIMIT $batch
DELETE r
RETURN count(*) AS removed""",
    """
MATCH (:Chunk)-[m:MENTIONS]->(:Entity)
USING INDEX m:MENTIONS(workspace_id, version_id)
WHERE m.workspace_id = $workspace_id AND m.version_id IS NOT NULL
WITH m LIMIT $batch
DELETE m
RETURN count(*) AS removed""",
    """
MATCH (n:Name)
USING INDEX n:Name(workspace_id, version_id)
WHERE n.workspace_id = $workspace_id AND n.version_id IS NOT NULL
WITH n LIMIT $batch
DETACH DELETE n
RETURN count(*) AS removed""",
    """
MATCH (c:Chunk)
USING INDEX c:Chunk(workspace_id, id)
WHERE c.workspace_id = $workspace_id AND c.id IS NOT NULL
WITH c LIMIT $batch
DETACH DELETE c
RETURN count(*) AS removed""",
    """
MATCH (e:Entity)
USING INDEX e:Entity(workspace_id, id)
WHERE e.workspace_id = $workspace_id AND e.id IS NOT NULL
WITH e LIMIT $batch
DETACH DELETE e
RETURN count(*) AS removed""",
)

# Reading.
FIND_MENTIONS = f"""
MATCH (c:Chunk)-[m:MENTIONS]->(e:Entity)
USING INDEX m:MENTIONS(workspace_id, version_id)
WHERE {PERMITTED_MENTION}
RETURN e.id, c.id, m.version_id, m.count, m.topic"""
COUNT_ENTITIES = f"""
MATCH (:Chunk)-[m:MENTIONS]->(e:Entity)
USING INDEX m:MENTIONS(workspace_id, version_id)
WHERE {PERMITTED_MENTION}
RETURN count(DISTINCT e)"""
COUNT_EVIDENCE = f"""
MATCH (:Entity)-[r:STATES]->(:Entity)
USING INDEX r:STATES(workspace_id, version_id)
WHERE {PERMITTED_EVIDENCE}
RETURN count(DISTINCT r.triple_id), count(*)"""

_BY_IDS = """
MATCH (e:Entity)
USING INDEX e:Entity(workspace_id, id)
WHERE e.workspace_id = $workspace_id AND e.id IN $ids"""
_BY_KEYS = f"""
MATCH (n:Name)
USING INDEX n:Name(workspace_id, key)
WHERE {PERMITTED_NAME} AND n.key IN $keys
MATCH (n)-[:OF]->(e:Entity)"""
_BY_TEXT = f"""
MATCH (n:Name)
USING TEXT INDEX n:Name(folded)
WHERE {PERMITTED_NAME} AND n.folded CONTAINS $text
MATCH (n)-[:OF]->(e:Entity)"""
_BY_SHORT_TEXT = _BY_TEXT.replace("TEXT INDEX n:Name(folded)", "INDEX n:Name(workspace_id, version_id)")
_HAS_KEY = f"EXISTS {{ MATCH (e)<-[:OF]-(n:Name) WHERE {_ITS_NAME} AND n.key IN $keys }}"
_HAS_TEXT = f"EXISTS {{ MATCH (e)<-[:OF]-(n:Name) WHERE {_ITS_NAME} AND coalesce(n.folded, '') CONTAINS $text }}"
_MENTIONED = f"""
MATCH (e)<-[m:MENTIONS]-(:Chunk)
WHERE {_ITS_MENTION}
WITH e, count(m) AS mentions"""
_ALL_MENTIONED = f"""
MATCH (:Chunk)-[m:MENTIONS]->(e:Entity)
USING INDEX m:MENTIONS(workspace_id, version_id)
WHERE {PERMITTED_MENTION}
WITH e, count(m) AS mentions"""
_MOST_MENTIONED = """
WITH e, mentions
ORDER BY mentions DESC
WITH collect({e: e, mentions: mentions}) AS found
WITH found, CASE WHEN size(found) > $limit THEN found[$limit - 1].mentions ELSE 0 END AS least
UNWIND found AS one
WITH one.e AS e, one.mentions AS mentions, least
WHERE mentions >= least"""
_WITH_NAMES = f"""
CALL (e) {{
    MATCH (e)<-[:OF]-(n:Name)
    WHERE {_ITS_NAME}
    WITH n.name AS name, min(n.alias) AS alias, count(*) AS number
    RETURN collect([name, alias, number]) AS names
}}
RETURN e.id, e.key, e.type, mentions, names"""
_SHORT = 3
"""The text index knows every three letters in a row: with fewer it would go through all workspaces."""


@dataclass(frozen=True, slots=True)
class EntityChoice:
    """Which conditions a question about entities has."""

    ids: bool = False
    keys: bool = False
    text: str = ""
    types: bool = False
    limit: bool = False


def find_entities(choice: EntityChoice) -> str:
    """Begins where the fewest are expected, tries the other conditions, and reads names of what is left."""
    conditions = ["e.type IN $types"] if choice.types else []
    begins = []
    if choice.ids:
        begins.append((_BY_IDS, "e.id IN $ids"))
    if choice.keys:
        begins.append((_BY_KEYS, _HAS_KEY))
    if choice.text:
        begins.append((_BY_TEXT if len(choice.text) >= _SHORT else _BY_SHORT_TEXT, _HAS_TEXT))
    conditions += [condition for _, condition in begins[1:]]
    tried = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    parts = [begins[0][0], "\nWITH DISTINCT e", tried, _MENTIONED] if begins else [_ALL_MENTIONED, tried]
    if choice.limit:
        parts.append(_MOST_MENTIONED)
    return "".join((*parts, _WITH_NAMES))


_ANY_EVIDENCE = f"""
MATCH (s:Entity)-[r:STATES]->(o:Entity)
USING INDEX r:STATES(workspace_id, version_id)
WHERE {PERMITTED_EVIDENCE}"""
_OF_ENTITIES = f"""
MATCH (e:Entity)-[r:STATES]-(:Entity)
USING INDEX e:Entity(workspace_id, id)
WHERE e.workspace_id = $workspace_id AND e.id IN $entity_ids AND {_ITS_EVIDENCE}"""
_OF_TRIPLES = """
MATCH (s:Entity)-[r:STATES]->(o:Entity)
USING INDEX r:STATES(workspace_id, triple_id, version_id, span_start, span_end)
WHERE r.workspace_id = $workspace_id AND r.triple_id IN $triple_ids AND r.version_id IS NOT NULL
      AND r.span_start IS NOT NULL AND r.span_end IS NOT NULL AND coalesce(r.version_id, '') IN $permitted"""
_SUPPORTED = """
WITH DISTINCT r
WITH r.triple_id AS id, collect(r) AS places
ORDER BY size(places) DESC, id"""
_WITH_EVIDENCE = """
WITH id, places, places[0] AS head
RETURN id, startNode(head).id, head.relation, endNode(head).id, head.assertion,
       [r IN places | [r.document_id, r.version_id, r.chunk_id, r.page, r.span_start, r.span_end, r.quote_hash, r.kind,
                       r.extractor, r.confidence, r.inferred]]"""


@dataclass(frozen=True, slots=True)
class TripleChoice:
    """Which conditions a question about triples has."""

    entity_ids: bool = False
    triple_ids: bool = False
    relations: bool = False
    assertions: bool = False
    limit: bool = False


def find_triples(choice: TripleChoice) -> str:
    begin = _OF_ENTITIES if choice.entity_ids else _OF_TRIPLES if choice.triple_ids else _ANY_EVIDENCE
    parts = [begin]
    if choice.entity_ids and choice.triple_ids:
        parts.append(" AND r.triple_id IN $triple_ids")
    if choice.relations:
        parts.append(" AND r.relation IN $relations")
    if choice.assertions:
        parts.append(" AND r.assertion IN $assertions")
    parts.append(_SUPPORTED)
    if choice.limit:
        parts.append(" LIMIT $limit")
    return "".join((*parts, _WITH_EVIDENCE))
