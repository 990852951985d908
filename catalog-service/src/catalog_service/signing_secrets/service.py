"""The rules of signing secrets."""

import datetime as dt
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.errors import CatNotFoundError
from catalog_service.signing_secrets import repository
from catalog_service.signing_secrets.errors import RotationTooSoonError
from catalog_service.signing_secrets.schemas import SigningSecretView
from cathouse.database import AnyRow, Database, record_event
from cathouse.identity import CAT_SECRET_OVERLAP, Keyring, cat_signing_secret


class SigningSecretService:
    """Derives a cat's secret for its owner."""

    def __init__(self, database: Database, keys: Keyring) -> None:
        self._database = database
        self._keys = keys

    async def find(self, developer_id: uuid.UUID, cat_id: uuid.UUID) -> SigningSecretView:
        """The secret that signs now.

        Raises:
            CatNotFoundError: also when it is somebody else's.
            SigningRootRetiredError: when the operator took its root away before the owner rotated.
        """
        state = await self._database.read(lambda session: repository.find_signing_state(session, cat_id, developer_id))
        return self._view(_there(state))

    async def rotate(self, developer_id: uuid.UUID, cat_id: uuid.UUID) -> SigningSecretView:
        """Make a new secret. For 24 hours every message is signed with both, so that the cat can change over.

        Raises:
            CatNotFoundError: also when it is somebody else's.
            RotationTooSoonError: the last rotation is not over; a second one would end the secret that cats still use.
        """
        root_id, _ = self._keys.current

        async def rotate(session: AsyncSession) -> AnyRow:
            state = _there(await repository.lock_signing_state(session, cat_id, developer_id))
            overlap_ends = _overlap_ends(state)
            if overlap_ends is not None:
                raise RotationTooSoonError(overlap_ends)
            await repository.rotate(session, cat_id, root_id=root_id)
            await record_event(session, "cat.signing_secret_rotated", actor_id=developer_id, subject={"cat_id": cat_id})
            return _there(await repository.find_signing_state(session, cat_id, developer_id))

        return self._view(await self._database.write(rotate))

    def _view(self, state: AnyRow) -> SigningSecretView:
        secret = cat_signing_secret(
            self._keys, root_id=state.signing_root, cat_id=state.id, version=state.signing_secret_version
        )
        return SigningSecretView(
            secret=secret, version=state.signing_secret_version, previous_valid_until=_overlap_ends(state)
        )


def _there(state: AnyRow | None) -> AnyRow:
    if state is None:
        raise CatNotFoundError
    return state


def _overlap_ends(state: AnyRow) -> dt.datetime | None:
    """Until when the secret before the last rotation is valid; None when it is not any more."""
    if state.signing_secret_rotated_at is None:
        return None
    ends: dt.datetime = state.signing_secret_rotated_at + CAT_SECRET_OVERLAP
    return ends if ends > dt.datetime.now(dt.UTC) else None
