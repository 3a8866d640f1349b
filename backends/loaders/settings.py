"""Settings of the document loaders; the union is the registry."""

from typing import ClassVar, Literal

from pydantic import Field

from backends.settings import BackendSettings


class LocalLoaderSettings(BackendSettings):
    """Parsers on this machine, in child processes with limits."""

    kind: Literal["local"] = "local"
    adapter: ClassVar[str] = "backends.loaders.local:LocalLoader"

    pages_a_batch: int = Field(default=20, ge=1, le=500, description="PDF pages that one child process reads.")
    children: int = Field(default=4, ge=1, description="Child processes of a process that read files at a time.")
    memory_mb: int = Field(default=1024, ge=256, description="Memory of a child process.")
    cpu_seconds: int = Field(default=60, ge=1, description="Processor time of a child process.")
    wall_seconds: int = Field(default=180, ge=1, description="Time a child process may take in all, without OCR.")
    ocr_seconds_a_page: int = Field(default=15, ge=1)
    file_mb: int = Field(default=200, ge=1, description="Larger files are refused.")
    pages: int = Field(default=5_000, ge=1, description="Documents with more pages are refused.")
    failed_pages: int = Field(default=20, ge=0, description="A PDF with more pages that end at a limit is refused.")
    characters: int = Field(default=20_000_000, ge=10_000, description="Documents with more text are refused.")
    archive_files: int = Field(default=1_000, ge=1)
    archive_mb: int = Field(default=500, ge=1, description="What an archive may unpack to.")
    ocr: bool = Field(default=True, description="Read scanned pages with Tesseract where it is installed.")


LoaderSettings = LocalLoaderSettings
