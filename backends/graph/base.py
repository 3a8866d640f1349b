"""The contract of a graph store: entities, mentions, and triples with the evidence that keeps them alive."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from app.domain.graph import Assertion, Contribution, Entity, GraphCounts, Mention, Subgraph
from app.domain.ids import EntityId, TripleId, VersionId, WorkspaceId


class GraphStore(ABC):
    """Everything read is computed from permitted versions only: an entity without a permitted mention is not there, a
    triple shows its permitted evidence and is not there without any, counts count what is permitted."""

    @abstractmethod
    def add(self, contribution: Contribution, *, workspace_id: WorkspaceId) -> None:
        """Write all of it or nothing; ids already there are completed (aliases, evidence), never doubled, and a
        mention written again has its last count.

        Both ends of a triple have a mention in each version that its evidence is from: else it is not shown whole.
        """

    @abstractmethod
    def find_entities(
        self,
        *,
        workspace_id: WorkspaceId,
        permitted: frozenset[VersionId],
        ids: Collection[EntityId] | None = None,
        keys: Collection[str] | None = None,
        text: str = "",
        types: Collection[str] = (),
        limit: int | None = None,
    ) -> list[Entity]:
        """Entities that fit all conditions given, most mentioned first, then by name.

        `keys` match the entity's key or the key of an alias (`app.domain.names.name_key`); `text` is found anywhere in
        the folded name or an alias. None means no condition, an empty collection of ids or keys fits nothing, empty
        `types` any type.
        """

    @abstractmethod
    def find_triples(
        self,
        *,
        workspace_id: WorkspaceId,
        permitted: frozenset[VersionId],
        entity_ids: Collection[EntityId] | None = None,
        triple_ids: Collection[TripleId] | None = None,
        relations: Collection[str] = (),
        assertions: Collection[Assertion] = (),
        limit: int | None = None,
    ) -> Subgraph:
        """Triples that fit all conditions, best supported first (number of evidence, then id), and their entities.

        `entity_ids`: subject or object is one of them. Empty `relations` or `assertions` mean any.
        """

    @abstractmethod
    def find_mentions(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> list[Mention]:
        """Every mention in permitted versions, by chunk id and entity id: the edges of the retrieval graph."""

    @abstractmethod
    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        """Remove their mentions and evidence, then triples without evidence and entities without mention or triple;
        an alias goes with the last version that wrote it."""

    @abstractmethod
    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        """Remove everything of a workspace; an unknown one is no error."""

    @abstractmethod
    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> GraphCounts:
        """Entities, triples and evidence the permitted versions have."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
