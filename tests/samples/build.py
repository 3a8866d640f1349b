"""Writes the generated samples (PDF, DOCX, PPTX, XLSX) from their text sources: `python -m tests.samples.build`."""

from pathlib import Path

from tests.samples.office_files import build_docx, build_pptx, build_xlsx
from tests.samples.pdf_pages import build_pdf
from tests.samples.sources import read_source

SOURCES = Path(__file__).parent / "sources"
SAMPLES = Path(__file__).parents[2] / "app" / "samples"


def find_sources() -> list[Path]:
    return sorted(SOURCES.glob("*/*.md"))


def build_file(source: Path) -> bytes:
    """The bytes of the file that a source describes; the same at every run."""
    read = read_source(source)
    ending = Path(read.name).suffix
    if ending == ".pdf":
        return build_pdf(read, sector=source.parent.name)
    return {".docx": build_docx, ".pptx": build_pptx, ".xlsx": build_xlsx}[ending](read)


def built_path(source: Path) -> Path:
    return SAMPLES / source.parent.name / source.stem


def build_all() -> None:
    for source in find_sources():
        target = built_path(source)
        content = build_file(source)
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)
            print(f"{target.relative_to(SAMPLES.parent.parent)}: {len(content):,} bytes")


if __name__ == "__main__":
    build_all()
