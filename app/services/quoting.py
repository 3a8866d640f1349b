"""Facts with the sentences that state them, read from the texts of their documents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.access import Actor
from app.domain.documents import Span
from app.domain.graph import Entity, Subgraph, Triple
from app.domain.ids import DocumentId, VersionId, WorkspaceId
from app.pipeline.exporting import QuotedTriple
from app.pipeline.indexing import read_layout
from app.services.permitted import permitted_documents
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore


@dataclass(frozen=True, slots=True)
class Quote:
    """One place that states a fact."""

    document_id: DocumentId
    document: str
    version_id: VersionId
    page: int
    span: Span
    quote: str
    kind: str
    inferred: bool


@dataclass(frozen=True, slots=True)
class TripleView:
    subject: Entity
    triple: Triple
    object: Entity
    quotes: tuple[Quote, ...]


class Quoting:
    def __init__(self, *, metadata: MetadataStore, files: FileStore) -> None:
        self._metadata = metadata
        self._files = files

    def views(
        self,
        actor: Actor,
        found: Subgraph,
        *,
        workspace_id: WorkspaceId,
        before: Callable[[int], None] = lambda _done: None,
    ) -> list[TripleView]:
        """In the order found. `before` is called before each fact with how many are done, and may raise to end it.

        Raises NotFoundError when a document goes meanwhile.
        """
        documents = permitted_documents(self._metadata, actor, workspace_id)
        names = {version.id: version.name for version in documents.values()}
        ends = {entity.id: entity for entity in found.entities}
        texts: dict[VersionId, str] = {}
        views = []
        for number, triple in enumerate(found.triples):
            before(number)
            quotes = []
            for evidence in triple.evidence:
                if evidence.version_id not in texts:
                    texts[evidence.version_id] = read_layout(self._files, evidence.version_id).text
                quotes.append(
                    Quote(
                        document_id=evidence.document_id,
                        document=names.get(evidence.version_id, ""),
                        version_id=evidence.version_id,
                        page=evidence.page,
                        span=evidence.span,
                        quote=" ".join(texts[evidence.version_id][evidence.span.start : evidence.span.end].split()),
                        kind=evidence.kind,
                        inferred=evidence.inferred,
                    )
                )
            views.append(TripleView(ends[triple.subject_id], triple, ends[triple.object_id], tuple(quotes)))
        return views


def rows_of(views: Sequence[TripleView]) -> list[QuotedTriple]:
    """One for each fact and place."""
    return [
        QuotedTriple(view.subject, view.triple, view.object, quote.document, quote.page, quote.span, quote.quote)
        for view in views
        for quote in view.quotes
    ]
