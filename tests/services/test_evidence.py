"""Where a quote stands: its page, its place, its boxes, the page's image, and nothing of other workspaces."""

import io
from collections.abc import Callable

import pytest
from fpdf import FPDF
from PIL import Image

from app.container import OPERATOR, Services
from app.domain.access import Actor
from app.domain.documents import Document, Page, Span, WordBox
from app.domain.ids import VersionId
from app.domain.workspaces import Workspace
from app.errors import InvalidInputError, NotFoundError
from app.services.documents import SameName
from app.services.evidence import text_edges
from tests.conformance.document_files import FIRST_PAGE, make_pdf
from tests.services.letters import REPLACED, WARFARIN, Work, add, upload

PDF = make_pdf("# Cover page\nNothing of interest.", FIRST_PAGE, title="Discharge letter")
QUOTE = "Warfarin interacts with amiodarone."


@pytest.fixture
def letter(services: Services, workspace: Workspace, work: Work) -> Document:
    document = add(services, workspace.id, "letter.pdf", PDF)
    work()
    return document


def test_a_quote_is_shown_where_it_stands(services: Services, workspace: Workspace, letter: Document) -> None:
    version_id = letter.version.id
    page = services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=version_id, page=2)
    assert (page.page, page.pages, page.document, page.has_image) == (2, 2, "letter.pdf", True)
    start = page.start + page.text.index(QUOTE)
    span = Span(start, start + len(QUOTE))
    view = services.evidence.evidence(OPERATOR, workspace_id=workspace.id, version_id=version_id, span=span)
    assert view.quote == QUOTE
    assert (view.page, view.pages, view.number, view.ocr, view.has_image) == (2, 2, 1, False, True)
    assert view.before.rstrip().endswith("in two lines")
    assert view.span == span
    ((left, top, right, bottom),) = view.boxes
    assert 0 < left < right < 1
    assert 0 < top < bottom < 0.5
    assert bottom - top < 0.03


def test_a_quote_over_two_lines_has_a_box_for_each(services: Services, workspace: Workspace, letter: Document) -> None:
    page = services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=letter.version.id, page=2)
    start = page.start + page.text.index("patient")
    span = Span(start, page.start + page.text.index("amiodarone"))
    view = services.evidence.evidence(OPERATOR, workspace_id=workspace.id, version_id=letter.version.id, span=span)
    assert len(view.boxes) == 2
    assert view.boxes[0][3] <= view.boxes[1][1] + 0.01
    assert view.boxes[0][0] > view.boxes[1][0]


def test_a_quote_that_the_file_hides_is_marked(services: Services, workspace: Workspace, work: Work) -> None:
    page = "<html><body><p>Seen by all.</p><p style='display:none'>Hidden by style.</p></body></html>"
    document = add(services, workspace.id, "page.html", page.encode())
    work()
    here = {"workspace_id": workspace.id, "version_id": document.version.id}
    text = services.evidence.page_text(OPERATOR, page=1, **here).text
    for quote, hidden in (("Seen by all.", False), ("Hidden by style.", True)):
        start = text.index(quote)
        view = services.evidence.evidence(OPERATOR, span=Span(start, start + len(quote)), **here)
        assert (view.quote, view.quote_is_hidden) == (quote, hidden)
        assert [text[place.start : place.end] for place in view.hidden] == ["Hidden by style."]
    coverage = services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=document.id).version.coverage
    assert len(coverage.warnings) == 1
    assert "does not see" in coverage.warnings[0]


def test_a_quote_that_is_not_visible_on_its_page_has_a_place_there(
    services: Services, workspace: Workspace, work: Work
) -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    for colour, line in ((0, "Heparin is seen by all."), (255, "Warfarin is not seen."), (255, "Nor is this.")):
        pdf.set_text_color(colour)
        pdf.cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    document = add(services, workspace.id, "page.pdf", bytes(pdf.output()))
    work()
    here = {"workspace_id": workspace.id, "version_id": document.version.id}
    text = services.evidence.page_text(OPERATOR, page=1, **here).text
    start = text.index("Warfarin")
    view = services.evidence.evidence(OPERATOR, span=Span(start, start + len("Warfarin is not seen.")), **here)
    assert view.quote_is_hidden
    ((first, second),) = view.hidden_boxes
    assert (first,) == view.boxes
    assert first[3] < second[3]
    assert view.text_edges[0] == first[0]
    assert first[2] < view.text_edges[1] < 0.5
    seen = services.evidence.evidence(OPERATOR, span=Span(0, 10), **here)
    assert not seen.quote_is_hidden
    assert seen.hidden_boxes == view.hidden_boxes


def test_the_image_of_a_page_is_a_png_as_wide_as_asked(
    services: Services, workspace: Workspace, letter: Document
) -> None:
    version_id = letter.version.id
    for asked, given in ((600, 600), (10, 200)):
        content = services.evidence.page_image(
            OPERATOR, workspace_id=workspace.id, version_id=version_id, page=1, width=asked
        )
        image = Image.open(io.BytesIO(content))
        assert image.format == "PNG"
        assert image.width == pytest.approx(given, abs=1)
    with pytest.raises(NotFoundError):
        services.evidence.page_image(OPERATOR, workspace_id=workspace.id, version_id=version_id, page=3)


def test_a_place_that_is_not_in_the_document_is_not_found(
    services: Services, workspace: Workspace, letter: Document
) -> None:
    for span in (Span(5, 5), Span(-1, 4), Span(0, 1_000_000)):
        with pytest.raises(NotFoundError):
            services.evidence.evidence(OPERATOR, workspace_id=workspace.id, version_id=letter.version.id, span=span)
    with pytest.raises(NotFoundError):
        services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=letter.version.id, page=9)
    with pytest.raises(NotFoundError):
        services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=VersionId("none"), page=1)


def test_a_text_document_has_words_but_no_page_image(services: Services, workspace: Workspace, work: Work) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    version_id = document.version.id
    view = services.evidence.evidence(OPERATOR, workspace_id=workspace.id, version_id=version_id, span=Span(0, 17))
    assert (view.quote, view.boxes, view.has_image) == ("Medication review", (), False)
    with pytest.raises(InvalidInputError):
        services.evidence.page_image(OPERATOR, workspace_id=workspace.id, version_id=version_id, page=1)


def test_a_source_of_another_workspace_is_not_found(
    services: Services,
    workspace: Workspace,
    other_workspace: Workspace,
    letter: Document,
    make_actor: Callable[..., Actor],
) -> None:
    ilse = make_actor("ilse", workspace=other_workspace)
    version_id = letter.version.id
    for workspace_id in (workspace.id, other_workspace.id):
        with pytest.raises(NotFoundError):
            services.evidence.page_text(ilse, workspace_id=workspace_id, version_id=version_id, page=1)
        with pytest.raises(NotFoundError):
            services.evidence.page_image(ilse, workspace_id=workspace_id, version_id=version_id, page=1)
        with pytest.raises(NotFoundError):
            services.evidence.evidence(ilse, workspace_id=workspace_id, version_id=version_id, span=Span(0, 5))


def test_a_source_that_is_not_visible_yet_or_was_replaced_is_not_found(
    services: Services, workspace: Workspace, work: Work
) -> None:
    first = add(services, workspace.id, "letter.txt", WARFARIN).version.id
    with pytest.raises(NotFoundError):
        services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=first, page=1)
    work()
    upload(services, workspace.id, "letter.txt", REPLACED, same_name=SameName.NEW_VERSION)
    assert services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=first, page=1).text
    work()
    with pytest.raises(NotFoundError, match="a newer version took its place"):
        services.evidence.page_text(OPERATOR, workspace_id=workspace.id, version_id=first, page=1)


def test_text_beyond_an_edge_of_the_page_is_shown_up_to_the_edge() -> None:
    words = [
        WordBox(Span(0, 1), left=left, top=0.1, right=right, bottom=0.2)
        for left, right in ((-0.1, 0.3), (0.9, 1.2), (2, 3))
    ]
    assert text_edges(Page(number=1, span=Span(0, 1), words=tuple(words))) == (0.0, 1.0)
    assert text_edges(Page(number=1, span=Span(0, 1), words=())) == (0.0, 1.0)
