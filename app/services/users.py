"""Local users: add, disable, roles, passwords."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ulid import ULID

from app.domain.access import Actor, Permission, Role, User
from app.domain.ids import UserId
from app.errors import ConflictError, ForbiddenError, InvalidInputError
from app.security.access import authorise
from app.security.auditor import Auditor
from app.security.passwords import Passwords, check_password, generate_password, is_bcrypt
from backends.metadata.base import MetadataStore

INSTALLATION_ROLES = (Role.ADMINISTRATOR, Role.COMPLIANCE)


@dataclass(frozen=True, slots=True)
class NewUser:
    """`password` was generated or given and is shown once; it must be changed at the first sign-in."""

    user: User
    password: str


class UserService:
    def __init__(self, *, metadata: MetadataStore, passwords: Passwords, auditor: Auditor) -> None:
        self._metadata = metadata
        self._passwords = passwords
        self._auditor = auditor

    def list(self, actor: Actor) -> Sequence[User]:
        authorise(actor, Permission.MANAGE_USERS)
        users = self._metadata.users.find()
        with self._auditor.disclosure(actor, "users.list", objects=tuple(user.id for user in users)):
            return users

    def add(
        self, actor: Actor, *, username: str, name: str, roles: Collection[Role] = (), password: str | None = None
    ) -> NewUser:
        """Without `password` one is generated. Raises ConflictError for a taken username."""
        authorise(actor, Permission.MANAGE_USERS)
        user = User(
            id=UserId(str(ULID())),
            username=_checked_username(username),
            name=" ".join(name.split())[:80] or username,
            roles=_checked_roles(roles),
            must_change_password=True,
            created_at=datetime.now(UTC),
        )
        if password is not None:
            check_password(password, username=user.username)
        chosen = password or generate_password()
        with self._auditor.change(actor, "users.add", objects=(user.id,), details=_named(user.roles)):
            self._metadata.users.add(user, password_hash=self._passwords.hash(chosen))
        return NewUser(user, chosen)

    def import_user(self, actor: Actor, *, username: str, name: str, bcrypt_hash: str) -> User:
        """A person with the bcrypt hash of another program: it signs in once, then a password must be chosen.

        Raises ConflictError for a taken username, InvalidInputError for anything but a bcrypt hash.
        """
        authorise(actor, Permission.MANAGE_USERS)
        if not is_bcrypt(bcrypt_hash):
            raise InvalidInputError("This is no bcrypt hash of a password.")
        user = User(
            id=UserId(str(ULID())),
            username=_checked_username(username),
            name=" ".join(name.split())[:80] or username,
            roles=frozenset(),
            must_change_password=True,
            created_at=datetime.now(UTC),
        )
        with self._auditor.change(actor, "users.import_user", objects=(user.id,)):
            self._metadata.users.add(user, password_hash=bcrypt_hash)
        return user

    def ensure_first_administrator(self, actor: Actor) -> NewUser | None:
        """The user "admin" with a generated password, when there is no user yet; otherwise None."""
        authorise(actor, Permission.MANAGE_USERS)
        if self._metadata.users.find():
            return None
        roles = {Role.ADMINISTRATOR, Role.COMPLIANCE}
        return self.add(actor, username="admin", name="First administrator", roles=roles)

    def disable(self, actor: Actor, *, user_id: UserId) -> User:
        """The person's sessions end at once. The last administrator cannot be disabled."""
        authorise(actor, Permission.MANAGE_USERS)
        user = self._metadata.users.get(user_id)
        self._keep_an_administrator(user, frozenset())
        with self._auditor.change(actor, "users.disable", objects=(user_id,)):
            self._metadata.users.update(replace(user, disabled=True))
            self._end_sessions(user_id)
        return replace(user, disabled=True)

    def enable(self, actor: Actor, *, user_id: UserId) -> User:
        authorise(actor, Permission.MANAGE_USERS)
        user = replace(self._metadata.users.get(user_id), disabled=False)
        with self._auditor.change(actor, "users.enable", objects=(user_id,)):
            self._metadata.users.update(user)
        return user

    def set_roles(self, actor: Actor, *, user_id: UserId, roles: Collection[Role]) -> User:
        authorise(actor, Permission.MANAGE_USERS)
        user = self._metadata.users.get(user_id)
        wanted = _checked_roles(roles)
        self._keep_an_administrator(user, wanted)
        with self._auditor.change(actor, "users.set_roles", objects=(user_id,), details=_named(wanted)):
            self._metadata.users.update(replace(user, roles=wanted))
        return replace(user, roles=wanted)

    def reset_password(self, actor: Actor, *, user_id: UserId) -> str:
        """A generated password, shown once; sessions end and it must be changed at the next sign-in."""
        authorise(actor, Permission.MANAGE_USERS)
        user = self._metadata.users.get(user_id)
        password = generate_password()
        with self._auditor.change(actor, "users.reset_password", objects=(user_id,)):
            self._metadata.users.set_password_hash(user_id, self._passwords.hash(password))
            self._metadata.users.update(replace(user, must_change_password=True))
            self._end_sessions(user_id)
        return password

    def change_own_password(self, actor: Actor, *, old: str, new: str) -> None:
        """Other sessions of the person end. Raises ForbiddenError for a wrong old one, InvalidInputError for a weak
        new one."""
        user = self._metadata.users.get(actor.user_id)
        with self._auditor.change(actor, "users.change_own_password", objects=(user.id,)):
            if not self._passwords.verify(old, self._metadata.users.get_password_hash(user.id)):
                raise ForbiddenError("The present password is not right.")
            check_password(new, username=user.username)
            if old == new:
                raise InvalidInputError("Choose a password other than the present one.")
            self._metadata.users.set_password_hash(user.id, self._passwords.hash(new))
            self._metadata.users.update(replace(user, must_change_password=False))
            self._end_sessions(user.id, but=actor.session_id)

    def _end_sessions(self, user_id: UserId, *, but: str | None = None) -> None:
        ids = [session.id for session in self._metadata.sessions.find(user_id=user_id) if session.id != but]
        self._metadata.sessions.revoke(ids, at=datetime.now(UTC))

    def _keep_an_administrator(self, user: User, roles: frozenset[Role]) -> None:
        if Role.ADMINISTRATOR in roles or Role.ADMINISTRATOR not in user.roles:
            return
        others = [one for one in self._metadata.users.find() if one.id != user.id and not one.disabled]
        if not any(Role.ADMINISTRATOR in one.roles for one in others):
            raise ConflictError("This is the last administrator: make somebody else administrator first.")


def _checked_username(username: str) -> str:
    username = username.strip()
    if not 2 <= len(username) <= 64 or not all(sign.isalnum() or sign in "._-@" for sign in username):
        raise InvalidInputError("A user name has 2 to 64 letters, digits or . _ - @ and no spaces.")
    return username


def _checked_roles(roles: Collection[Role]) -> frozenset[Role]:
    if not set(roles) <= set(INSTALLATION_ROLES):
        raise InvalidInputError("For the installation a person is administrator or compliance; others by workspace.")
    return frozenset(roles)


def _named(roles: Collection[Role]) -> dict[str, str | int | float | bool]:
    return {"roles": "+".join(sorted(role.value for role in roles))}
