"""Settings of the file stores; the union is the registry."""

from typing import ClassVar, Literal

from backends.settings import BackendSettings


class FolderFileSettings(BackendSettings):
    """One AES-GCM file each in the data folder."""

    kind: Literal["folder"] = "folder"
    adapter: ClassVar[str] = "backends.files.folder:FolderFileStore"


FileSettings = FolderFileSettings
