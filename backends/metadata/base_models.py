"""The record set for the language models that an installation had in use."""

from abc import ABC, abstractmethod

from app.domain.models import UsedModel


class ModelRecords(ABC):
    @abstractmethod
    def put(self, used: UsedModel) -> None:
        """Keep it, in place of what was kept of the same backend, name and digest."""

    @abstractmethod
    def find_last(self) -> UsedModel | None:
        """The one used last; None where there never was one."""
