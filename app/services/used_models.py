"""Remembers the language model that reads documents here, so that its absence is noticed."""

from contextlib import suppress
from datetime import UTC, datetime

from app.domain.models import Band, ModelInfo, ProbeResult, UsedModel
from app.errors import BackendUnavailableError
from backends.metadata.base_models import ModelRecords


class UsedModels:
    def __init__(self, records: ModelRecords, *, wanted: bool) -> None:
        """`wanted`: the settings want a language model where there is one."""
        self._records = records
        self._wanted = wanted

    def note(self, result: ProbeResult) -> None:
        """Keep what a model was found able to do; one that was only too slow this time was not found out."""
        if result.model is None or result.too_slow:
            return
        with suppress(BackendUnavailableError):  # It is noted again within minutes.
            last = self._records.find_last()
            if last is None or last.band is not result.band or not _same_weights(last.model, result.model):
                self._records.put(UsedModel(result.model, result.band, datetime.now(UTC)))

    def is_missed(self, result: ProbeResult) -> bool:
        """Whether rules that read now stand in for a model that reads here otherwise."""
        if not self._wanted or (result.model is not None and not result.too_slow):
            return False
        last = self._records.find_last()
        return last is not None and last.band is not Band.RULES_ONLY


def _same_weights(one: ModelInfo, other: ModelInfo) -> bool:
    return (one.backend, one.name, one.digest) == (other.backend, other.name, other.digest)
