"""Who may do what: the one check before every call, and the matrix behind it."""

import pytest

from app.domain.access import WORKSPACE_PERMISSIONS, Actor, Permission, Role
from app.domain.ids import UserId, WorkspaceId
from app.errors import ForbiddenError, NotFoundError
from app.security.access import authorise

WARD, OTHER = WorkspaceId("ward"), WorkspaceId("other")
IN_A_WORKSPACE = {Permission.READ, Permission.ASK, Permission.WRITE}
EVERYWHERE = set(Permission) - IN_A_WORKSPACE
ANN = Actor(UserId("ann"), "Ann", memberships={WARD: Role.CLINICIAN})
COMPLIANCE = Actor(UserId("carl"), "Carl", roles=frozenset({Role.COMPLIANCE}))
ADMINISTRATOR = Actor(UserId("dora"), "Dora", roles=frozenset({Role.COMPLIANCE, Role.ADMINISTRATOR}))
OPERATOR = Actor(UserId("operator"), "Operator", roles=frozenset({Role.OPERATOR}))


def held(actor: Actor, workspace_id: WorkspaceId | None) -> set[Permission]:
    return {permission for permission in Permission if actor.may(permission, workspace_id)}


def test_a_member_may_work_in_that_workspace_and_nowhere_else() -> None:
    assert held(ANN, WARD) == IN_A_WORKSPACE
    assert held(ANN, OTHER) == set()
    assert held(ANN, None) == set()


def test_a_role_of_the_installation_opens_no_workspace() -> None:
    for workspace_id in (None, WARD):
        assert held(COMPLIANCE, workspace_id) == {Permission.AUDIT}
        assert held(ADMINISTRATOR, workspace_id) == EVERYWHERE


def test_a_role_inside_a_workspace_gives_nothing_outside_it() -> None:
    odd = Actor(UserId("eve"), "Eve", memberships={WARD: Role.ADMINISTRATOR})
    assert held(odd, WARD) == set()


def test_the_operator_may_do_everything() -> None:
    assert held(OPERATOR, None) == held(OPERATOR, WARD) == set(Permission)


@pytest.mark.parametrize("permission", Permission)
def test_the_check_passes_whoever_holds_the_permission(permission: Permission) -> None:
    for actor in (ANN, COMPLIANCE, ADMINISTRATOR, OPERATOR):
        if actor.may(permission, WARD):
            authorise(actor, permission, WARD)
        else:
            with pytest.raises((ForbiddenError, NotFoundError)) as refused:
                authorise(actor, permission, WARD)
            assert refused.value.details == {"permission": permission.value}


@pytest.mark.parametrize("permission", sorted(WORKSPACE_PERMISSIONS))
def test_a_workspace_of_others_looks_like_none(permission: Permission) -> None:
    for actor, workspace_id in ((ANN, OTHER), (ANN, None), (ADMINISTRATOR, WARD)):
        with pytest.raises(NotFoundError, match=r"^This workspace does not exist, or you are not a member of it; ask"):
            authorise(actor, permission, workspace_id)


def test_a_member_without_the_right_is_told_that_the_role_does_not_allow_it() -> None:
    told = r"^Your role does not allow this; ask an administrator if you need it\.$"
    odd = Actor(UserId("eve"), "Eve", memberships={WARD: Role.COMPLIANCE})
    for actor, permission in ((odd, Permission.READ), (ANN, Permission.AUDIT)):
        with pytest.raises(ForbiddenError, match=told):
            authorise(actor, permission, WARD)
    with pytest.raises(ForbiddenError, match=told):
        authorise(ANN, Permission.MANAGE_USERS)
