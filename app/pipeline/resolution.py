"""Turns what a chunk yielded into entities, mentions and triples with stable ids."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from app.domain.documents import Chunk, LoadedDocument
from app.domain.graph import Contribution, Entity, Evidence, Extraction, Mention, Triple, VerifiedTriple
from app.domain.ids import EntityId, TripleId, derived_id
from app.domain.names import fold, name_key
from app.pipeline.abbreviations import find_abbreviations
from app.pipeline.chunking import page_of
from app.pipeline.parsing import VALUES

TOPIC_TYPE = "Topic"
_ACRONYM = re.compile(r"[A-Z][A-Z0-9]{1,4}")
_HONORIFIC = re.compile(r"^(?:dr|mr|mrs|ms|prof|sir|dame)\.?\s+", re.IGNORECASE)


def contribute(
    chunk: Chunk,
    extraction: Extraction,
    *,
    loaded: LoadedDocument,
    ids_key: bytes,
    extractor_version: str,
    common: frozenset[str] = frozenset(),
) -> Contribution:
    """Entities are one by normalised name and type; a name without a type takes the one that most of its namesakes in
    the chunk have, and a word of `common`, which the document writes small elsewhere, is a Concept.

    The last part of the topic is an entity too: retrieval walks from a title to its passages. An abbreviation that the
    document explains is an alias of its long form.
    """
    namer = _Namer(chunk, extraction, ids_key, common, abbreviations=find_abbreviations(loaded.text))
    for found in extraction.entities:
        namer.mention(found.text, found.type)
    triples = []
    for triple in extraction.triples:
        subject_id = namer.mention(triple.subject, triple.subject_type)
        object_id = namer.mention(triple.object, triple.object_type)
        if subject_id and object_id and subject_id != object_id:
            evidence = _evidence(chunk, triple, loaded, extractor_version)
            triple_id = TripleId(
                derived_id(
                    ids_key, chunk.workspace_id, subject_id, fold(triple.relation), object_id, triple.assertion.value
                )
            )
            triples.append(
                Triple(triple_id, subject_id, fold(triple.relation), object_id, triple.assertion, (evidence,))
            )
    namer.mention_topic(chunk.topic)
    return Contribution(namer.entities, namer.mentions, tuple(_merged(triples)))


class _Namer:
    """Collects the entities of one chunk and how often each is named."""

    def __init__(
        self,
        chunk: Chunk,
        extraction: Extraction,
        ids_key: bytes,
        common: frozenset[str],
        *,
        abbreviations: Mapping[str, tuple[str, str]],
    ) -> None:
        self._chunk = chunk
        self._common = common
        self._ids_key = ids_key
        self._abbreviations = abbreviations
        self._entities: dict[EntityId, Entity] = {}
        self._counts: Counter[EntityId] = Counter()
        self._topics: set[EntityId] = set()
        self._types = self._types_of(extraction)

    @property
    def entities(self) -> tuple[Entity, ...]:
        return tuple(self._entities[entity_id] for entity_id in sorted(self._entities))

    @property
    def mentions(self) -> tuple[Mention, ...]:
        return tuple(
            Mention(entity_id, self._chunk.id, self._chunk.version_id, max(1, self._counts[entity_id]), topic)
            for entity_id in sorted(self._entities)
            for topic in [entity_id in self._topics]
        )

    def _types_of(self, extraction: Extraction) -> dict[str, str]:
        """The type that most names of a key have, the earlier of equals."""
        counts: dict[str, Counter[str]] = {}
        for found in extraction.entities:
            type_ = self._sound_type(found.text, found.type)
            counts.setdefault(key_of(found.text, type_), Counter())[type_] += 1
        return {key: types.most_common(1)[0][0] for key, types in counts.items()}

    def _sound_type(self, text: str, type_: str) -> str:
        """ "Warfarin" at the start of a row is no person and "INR" no organisation, whatever the recogniser took it
        for; a place may be a short name ("UK")."""
        if type_ in VALUES or type_ in {"Concept", TOPIC_TYPE} or len(text.split()) > 1:
            return type_
        if text.lower() in self._common or (type_ != "Place" and _ACRONYM.fullmatch(text)):
            return "Concept"
        return type_

    def mention(self, text: str, type_: str) -> EntityId | None:
        type_ = self._sound_type(text, type_)
        key = key_of(text, type_)
        if not key:
            return None
        aliases: tuple[str, ...] = ()
        if key in self._abbreviations:
            short, text = self._abbreviations[key]
            key, aliases = key_of(text, type_), (short,)
        if type_ not in VALUES:
            type_ = self._types.get(key, type_)
        entity_id = EntityId(derived_id(self._ids_key, self._chunk.workspace_id, key, type_))
        known = self._entities.get(entity_id)
        aliases = aliases or (known.aliases if known else ())
        self._entities[entity_id] = Entity(entity_id, " ".join(text.split()), key, type_, aliases)
        self._counts[entity_id] += 1
        return entity_id

    def mention_topic(self, topic: str) -> None:
        for part in dict.fromkeys((topic.split(" / ", maxsplit=1)[0], topic.rsplit(" / ", maxsplit=1)[-1])):
            key = name_key(part)
            if key:
                named = self._types.get(key, TOPIC_TYPE)
                entity_id = self.mention(part, named)
                if entity_id:
                    self._topics.add(entity_id)


def key_of(text: str, type_: str) -> str:
    """The key under which names of this type are one; a person's title is no part of the name."""
    return name_key(_HONORIFIC.sub("", text.strip()) if type_ == "Person" else text)


def _evidence(chunk: Chunk, triple: VerifiedTriple, loaded: LoadedDocument, extractor_version: str) -> Evidence:
    quote = loaded.text[triple.sentence.start : triple.sentence.end]
    return Evidence(
        document_id=chunk.document_id,
        version_id=chunk.version_id,
        chunk_id=chunk.id,
        page=page_of(loaded.pages, triple.sentence.start),
        span=triple.sentence,
        quote_hash=hashlib.sha256(quote.encode()).hexdigest(),
        kind=triple.kind,
        extractor=extractor_version,
        confidence=triple.confidence,
        inferred=triple.inferred,
    )


def _merged(triples: Iterable[Triple]) -> Iterable[Triple]:
    """One triple an id, its evidence one a place, the most trusted kept."""
    by_id: dict[TripleId, dict[tuple[int, int], Evidence]] = {}
    first: dict[TripleId, Triple] = {}
    for triple in triples:
        first.setdefault(triple.id, triple)
        places = by_id.setdefault(triple.id, {})
        for evidence in triple.evidence:
            place = (evidence.span.start, evidence.span.end)
            if place not in places or evidence.confidence > places[place].confidence:
                places[place] = evidence
    for triple_id in sorted(first):
        triple = first[triple_id]
        yield Triple(
            triple.id,
            triple.subject_id,
            triple.relation,
            triple.object_id,
            triple.assertion,
            tuple(by_id[triple_id].values()),
        )
