"""Which embedding model workspaces are searched with, as the health page and dafe doctor show it."""

from app.errors import DafeError
from app.installation import Installation
from app.services.health import Level, Part

VECTORS = "Vectors of documents"
_FIX = "Leave the worker running; how far it is stands in dafe jobs list."


def vectors_part(installation: Installation) -> Part:
    """Optional: a workspace whose vectors are not made yet is searched all the same."""
    return Part(VECTORS, Level.OPTIONAL, "", lambda: _look(installation), _FIX)


def _look(installation: Installation) -> str:
    spaces, used = installation.spaces, installation.metadata.embeddings.find()
    workspaces = [one.id for one in installation.metadata.workspaces.find()]
    # What is not recorded yet is looked at within seconds.
    searched = [used[one].searched if one in used else spaces.configured for one in workspaces]
    former = [space for space in searched if space != spaces.configured]
    by_words = [space for space in former if not spaces.can_search(space)]
    wanted = f"until their vectors of {spaces.configured.name} are made"
    if by_words:
        some = f"{len(by_words)} of {len(workspaces)} workspaces"
        raise DafeError(f"In {some} words and facts only are searched, {wanted}.")
    if former:
        some = f"{len(former)} of {len(workspaces)} workspaces"
        return f"In {some} the embedding model of before is used, {wanted}."
    return f"Every workspace is searched with {spaces.configured.name}."
