"""Shows where something is written: the page, its image, the quote with its place."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.access import Actor, Permission
from app.domain.documents import DocumentVersion, LoadedDocument, Page, Span
from app.domain.ids import DocumentId, VersionId, WorkspaceId
from app.errors import NotFoundError
from app.pipeline.chunking import page_of
from app.pipeline.indexing import read_layout
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.permitted import permitted_versions
from backends.files.base import FileStore
from backends.loaders.base import DocumentLoader
from backends.metadata.base import MetadataStore

Box = tuple[float, float, float, float]
_AROUND = 700
_PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class PageText:
    document_id: DocumentId
    document: str
    version_id: VersionId
    page: int
    pages: int
    text: str
    start: int
    """Where the page's text begins in the document."""
    has_image: bool


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A quote where it stands. `boxes` are fractions of the page (left, top, right, bottom), one a line of text."""

    document_id: DocumentId
    document: str
    version_id: VersionId
    number: int
    uploaded_at: datetime
    page: int
    pages: int
    span: Span
    quote: str
    before: str
    after: str
    has_image: bool
    boxes: tuple[Box, ...]
    ocr: bool
    hidden: tuple[Span, ...] = ()
    """Places of the document on this page and around the quote that a person who opens the file does not see."""
    hidden_boxes: tuple[tuple[Box, ...], ...] = ()
    """Of those on this page, one a line of text as for the quote."""
    text_edges: tuple[float, float] = (0.0, 1.0)
    """Left and right of all text on the page, as fractions of its width."""

    @property
    def quote_is_hidden(self) -> bool:
        return any(place.overlaps(self.span) for place in self.hidden)


class EvidenceService:
    def __init__(self, *, metadata: MetadataStore, files: FileStore, loader: DocumentLoader, auditor: Auditor) -> None:
        self._metadata = metadata
        self._files = files
        self._loader = loader
        self._auditor = auditor

    def page_text(self, actor: Actor, *, workspace_id: WorkspaceId, version_id: VersionId, page: int) -> PageText:
        version, loaded = self._read(actor, workspace_id, version_id)
        found = _page(loaded, page)
        with self._auditor.disclosure(
            actor,
            "evidence.page_text",
            workspace_id=workspace_id,
            objects=(version.document_id, version_id),
            details={"page": page},
        ):
            return PageText(
                document_id=version.document_id,
                document=version.name,
                version_id=version_id,
                page=page,
                pages=len(loaded.pages),
                text=loaded.text[found.span.start : found.span.end],
                start=found.span.start,
                has_image=version.media_type == _PDF,
            )

    def page_image(
        self, actor: Actor, *, workspace_id: WorkspaceId, version_id: VersionId, page: int, width: int = 1000
    ) -> bytes:
        """PNG. Raises InvalidInputError for documents that have no page images."""
        authorise(actor, Permission.READ, workspace_id)
        version = self._version(actor, workspace_id, version_id)
        image = self._loader.render_page(
            version.name, self._files.get(version.file_id), page, width=min(max(width, 200), 2400)
        )
        with self._auditor.disclosure(
            actor,
            "evidence.page_image",
            workspace_id=workspace_id,
            objects=(version.document_id, version_id),
            details={"page": page},
        ):
            return image

    def evidence(self, actor: Actor, *, workspace_id: WorkspaceId, version_id: VersionId, span: Span) -> EvidenceView:
        version, loaded = self._read(actor, workspace_id, version_id)
        if not 0 <= span.start < span.end <= len(loaded.text):
            raise NotFoundError("This place is not in the document any more: ask again.")
        shown = Span(max(0, span.start - _AROUND), span.end + _AROUND)
        number = page_of(loaded.pages, span.start)
        page = _page(loaded, number)
        with self._auditor.disclosure(
            actor,
            "evidence.evidence",
            workspace_id=workspace_id,
            objects=(version.document_id, version_id),
            details={"page": number, "start": span.start, "end": span.end},
        ):
            hidden = tuple(place for place in loaded.hidden if place.overlaps(shown) or place.overlaps(page.span))
            return EvidenceView(
                document_id=version.document_id,
                document=version.name,
                version_id=version_id,
                number=version.number,
                uploaded_at=version.uploaded_at,
                page=number,
                pages=len(loaded.pages),
                span=span,
                quote=" ".join(loaded.text[span.start : span.end].split()),
                before=loaded.text[shown.start : span.start],
                after=loaded.text[span.end : shown.end],
                has_image=bool(page.words) and version.media_type == _PDF,
                boxes=line_boxes(page, span),
                ocr=page.ocr,
                hidden=hidden,
                hidden_boxes=tuple(filter(None, (line_boxes(page, place) for place in hidden))),
                text_edges=text_edges(page),
            )

    def _read(
        self, actor: Actor, workspace_id: WorkspaceId, version_id: VersionId
    ) -> tuple[DocumentVersion, LoadedDocument]:
        authorise(actor, Permission.READ, workspace_id)
        version = self._version(actor, workspace_id, version_id)
        return version, read_layout(self._files, version_id)

    def _version(self, actor: Actor, workspace_id: WorkspaceId, version_id: VersionId) -> DocumentVersion:
        """Permitted versions only."""
        document_id = permitted_versions(self._metadata, actor, workspace_id).get(version_id)
        if document_id is not None:
            for version in self._metadata.documents.find_versions(document_id, workspace_id=workspace_id):
                if version.id == version_id:
                    return version
        raise NotFoundError("This source is not here any more: it was deleted, or a newer version took its place.")


def line_boxes(page: Page, span: Span) -> tuple[Box, ...]:
    """Boxes of the words in `span`, joined along each line of the page."""
    boxes: list[list[float]] = []
    for word in page.words:
        if not word.span.overlaps(span):
            continue
        middle = (word.top + word.bottom) / 2
        if boxes and boxes[-1][1] <= middle <= boxes[-1][3] and word.left >= boxes[-1][0]:
            last = boxes[-1]
            boxes[-1] = [last[0], min(last[1], word.top), max(last[2], word.right), max(last[3], word.bottom)]
        else:
            boxes.append([word.left, word.top, word.right, word.bottom])
    return tuple((left, top, right, bottom) for left, top, right, bottom in boxes)


def _page(loaded: LoadedDocument, number: int) -> Page:
    for page in loaded.pages:
        if page.number == number:
            return page
    raise NotFoundError("The document has no such page.")


def text_edges(page: Page) -> tuple[float, float]:
    """Text off the page does not widen it."""
    seen = [word for word in page.words if word.right > 0 and word.left < 1]
    left, right = min((word.left for word in seen), default=0.0), max((word.right for word in seen), default=1.0)
    return max(left, 0.0), min(right, 1.0)
