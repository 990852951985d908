"""The rules of preferences."""

import uuid

from auth_service.accounts.errors import AccountGoneError
from auth_service.preferences import repository
from auth_service.preferences.schemas import PreferencesChange
from cathouse.database import AnyRow, Database


class PreferenceService:
    """Keeps how each person wants to be treated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user_id: uuid.UUID) -> AnyRow:
        """The person's preferences.

        Raises:
            AccountGoneError: when the account is not there any more.
        """
        return _there(await self._database.read(lambda session: repository.find_preferences(session, user_id)))

    async def change(self, user_id: uuid.UUID, change: PreferencesChange) -> AnyRow:
        """Change what was sent, and return the whole.

        Raises:
            AccountGoneError: when the account is not there any more.
        """
        sent = change.model_dump(mode="json", exclude_unset=True)
        communication = sent.pop("communication_preferences", {})
        return _there(
            await self._database.write(
                lambda session: repository.change_preferences(session, user_id, sent, communication=communication)
            )
        )


def _there(found: AnyRow | None) -> AnyRow:
    if found is None:
        raise AccountGoneError
    return found
