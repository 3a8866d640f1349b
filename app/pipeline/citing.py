"""Numbers the citations of one answer and takes their quotes from the text."""

from collections.abc import Mapping
from datetime import datetime

from app.domain.answers import Citation
from app.domain.documents import Chunk, DocumentVersion, Span
from app.domain.graph import Evidence
from app.domain.ids import VersionId


class Citations:
    """From 1 in order of first use; the same span of the same version keeps its number."""

    def __init__(self, documents: Mapping[VersionId, DocumentVersion]) -> None:
        """`documents` are the permitted versions, for names and dates."""
        self._documents = documents
        self._by_place: dict[tuple[VersionId, Span], Citation] = {}

    def cite(self, span: Span, *, chunk: Chunk, page: int | None = None) -> Citation:
        """A citation of `span`, which lies inside `chunk`; without `page` the page on which the chunk starts."""
        known = self._by_place.get((chunk.version_id, span))
        if known is None:
            known = Citation(
                n=len(self._by_place) + 1,
                document_id=chunk.document_id,
                version_id=chunk.version_id,
                document=self._name(chunk.version_id),
                chunk_id=chunk.id,
                page=page or chunk.page,
                span=span,
                quote=chunk.text[span.start - chunk.span.start : span.end - chunk.span.start],
                uploaded_at=self._uploaded_at(chunk.version_id),
            )
            self._by_place[chunk.version_id, span] = known
        return known

    def cite_evidence(self, evidence: Evidence, *, chunk: Chunk) -> Citation:
        """A citation of the sentence a fact was read from."""
        return self.cite(evidence.span, chunk=chunk, page=evidence.page)

    @property
    def all(self) -> tuple[Citation, ...]:
        return tuple(self._by_place.values())

    def _name(self, version_id: VersionId) -> str:
        version = self._documents.get(version_id)
        return version.name if version else ""

    def _uploaded_at(self, version_id: VersionId) -> datetime | None:
        version = self._documents.get(version_id)
        return version.uploaded_at if version else None
