"""The record sets for workspaces, users and sign-in sessions."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime

from app.domain.access import SignInSession, User
from app.domain.ids import UserId, WorkspaceId
from app.domain.workspaces import Membership, Workspace


class WorkspaceRecords(ABC):
    @abstractmethod
    def add(self, workspace: Workspace) -> None:
        """Raises ConflictError when the name (case folded) is taken."""

    @abstractmethod
    def get(self, workspace_id: WorkspaceId) -> Workspace:
        """Raises NotFoundError."""

    @abstractmethod
    def find(self, *, name: str | None = None) -> list[Workspace]:
        """By name (case folded) or all, in the order of their names."""

    @abstractmethod
    def update(self, workspace: Workspace) -> None:
        """Replace name and settings. Raises NotFoundError, ConflictError for a taken name."""

    @abstractmethod
    def delete(self, workspace_id: WorkspaceId) -> None:
        """Remove it with its documents, access lists, chunks, jobs, history and memberships; an unknown one is no
        error."""

    @abstractmethod
    def set_member(self, membership: Membership) -> None:
        """Give a person a role there, instead of the one held before."""

    @abstractmethod
    def remove_member(self, user_id: UserId, *, workspace_id: WorkspaceId) -> None:
        """No longer a member, nor on any document's access list there; not having been one is no error."""

    @abstractmethod
    def find_members(
        self, *, workspace_id: WorkspaceId | None = None, user_id: UserId | None = None
    ) -> list[Membership]:
        """Of one workspace, of one person, or all."""


class UserRecords(ABC):
    """Users and what their sign-in needs. Usernames are compared case folded."""

    @abstractmethod
    def add(self, user: User, *, password_hash: str) -> None:
        """Raises ConflictError when the username is taken."""

    @abstractmethod
    def get(self, user_id: UserId) -> User:
        """Raises NotFoundError."""

    @abstractmethod
    def find(self, *, username: str | None = None, user_ids: Collection[UserId] | None = None) -> list[User]:
        """Those that fit all conditions given, in the order of usernames; unknown ids are no error."""

    @abstractmethod
    def update(self, user: User) -> None:
        """Replace name, roles, flags and last sign-in. Raises NotFoundError."""

    @abstractmethod
    def get_password_hash(self, user_id: UserId) -> str:
        """Raises NotFoundError."""

    @abstractmethod
    def set_password_hash(self, user_id: UserId, password_hash: str) -> None:
        """Raises NotFoundError."""

    @abstractmethod
    def add_failure(self, key: str, *, at: datetime, window_seconds: float) -> int:
        """Count a failed sign-in for `key` (a keyed hash of user or address) and return those within the window,
        this one included."""

    @abstractmethod
    def count_failures(self, key: str, *, at: datetime, window_seconds: float, clear: bool = False) -> int:
        """Failures within the window ending at `at`; `clear` forgets them after counting."""


class SessionRecords(ABC):
    @abstractmethod
    def add(self, session: SignInSession, *, token_sha256: str) -> None:
        """Store a session under the hash of its secret token."""

    @abstractmethod
    def find_by_tokens(self, token_sha256s: Collection[str]) -> dict[str, SignInSession]:
        """Sessions by the hash of their token, revoked or expired ones too; unknown hashes are left out."""

    @abstractmethod
    def find(self, *, user_id: UserId | None = None, session_id: str | None = None) -> list[SignInSession]:
        """Newest first; None means any."""

    @abstractmethod
    def touch(self, session_id: str, *, at: datetime) -> None:
        """Note activity; unknown ids are no error."""

    @abstractmethod
    def revoke(self, session_ids: Collection[str], *, at: datetime) -> None:
        """End sessions; those ended before keep their first time."""

    @abstractmethod
    def delete_expired(self, *, before: datetime) -> int:
        """Forget sessions whose absolute end lies before; how many."""
