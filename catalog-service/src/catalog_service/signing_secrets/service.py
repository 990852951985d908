"""The rules of signing secrets."""

import datetime as dt
import uuid

from catalog_service.cats.errors import CatNotFoundError
from catalog_service.signing_secrets import repository
from catalog_service.signing_secrets.schemas import SigningSecretView
from cathouse.database import Database
from cathouse.identity import Keyring, cat_signing_secret

OVERLAP = dt.timedelta(hours=24)
"""How long the secret before the last rotation stays valid; design/api.md."""


class SigningSecretService:
    """Derives a cat's secret for its owner."""

    def __init__(self, database: Database, keys: Keyring) -> None:
        self._database = database
        self._keys = keys

    async def secret(self, cat_id: uuid.UUID, developer_id: uuid.UUID) -> SigningSecretView:
        """The secret that signs now.

        Raises:
            CatNotFoundError: also when it is somebody else's.
            SigningRootRetiredError: when the operator took its root away before the owner rotated.
        """
        state = await self._database.read(lambda session: repository.find_signing_state(session, cat_id, developer_id))
        if state is None:
            raise CatNotFoundError
        secret = cat_signing_secret(
            self._keys, root_id=state.signing_root, cat_id=state.id, version=state.signing_secret_version
        )
        rotated_at = state.signing_secret_rotated_at
        overlap_ends = rotated_at + OVERLAP if rotated_at is not None else None
        in_overlap = overlap_ends is not None and overlap_ends > dt.datetime.now(dt.UTC)
        return SigningSecretView(
            secret=secret,
            version=state.signing_secret_version,
            previous_valid_until=overlap_ends if in_overlap else None,
        )
