"""Changing accounts, as requests."""

from cathouse.schema import Role
from cathouse.web import ChangeModel, Flag


class UserChange(ChangeModel):
    """What an admin may change of an account; what is left out stays."""

    role: Role = Role.PLAYER
    is_active: Flag = True
