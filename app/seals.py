"""The sealer of an installation; apart from the rest of it, because whoever only starts processes needs no more."""

from app.security.audit_seals import Seals
from app.settings import Settings


def seals_of(settings: Settings) -> Seals:
    """What the sealer of this data folder has signed, and how it is started."""
    return Seals(
        settings.audit_seal_path,
        data_dir=settings.data_dir,
        second_device=settings.audit_second_device,
        store=settings.audit,
    )
