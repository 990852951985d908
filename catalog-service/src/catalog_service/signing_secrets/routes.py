"""Signing secrets over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from catalog_service.signing_secrets.schemas import SigningSecretView
from catalog_service.signing_secrets.service import SigningSecretService
from cathouse.identity import CurrentDeveloper
from cathouse.web import provided

router = APIRouter(prefix="/api/v1/cats/{cat_id}/signing-secret", tags=["signing secrets"])

SigningSecrets = Annotated[SigningSecretService, provided("signing_secrets")]


@router.post("/rotate")
async def rotate_signing_secret(
    cat_id: uuid.UUID, developer: CurrentDeveloper, secrets: SigningSecrets
) -> SigningSecretView:
    """Replace the secret. For 24 hours every message is signed with both; then the old one is worth nothing."""
    return await secrets.rotate(developer.user_id, cat_id)


@router.get("")
async def read_signing_secret(
    cat_id: uuid.UUID, developer: CurrentDeveloper, secrets: SigningSecrets
) -> SigningSecretView:
    """The secret that the cat checks our signatures with; for its owner only."""
    return await secrets.find(developer.user_id, cat_id)
