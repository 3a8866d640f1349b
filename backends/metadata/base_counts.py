"""The record set of numbers over the whole installation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from app.domain.documents import DocumentStatus
from app.domain.jobs import JobKind, JobState, Priority


class CountRecords(ABC):
    """Over all workspaces and whoever may see what is counted: for those who watch the installation run, and only as
    sums, which name nobody. What there is none of is left out."""

    @abstractmethod
    def jobs(self) -> Mapping[tuple[JobKind, JobState, Priority], int]:
        """Jobs that are kept, finished ones too."""

    @abstractmethod
    def documents(self) -> Mapping[DocumentStatus, int]:
        """Documents by the status of their newest version."""
