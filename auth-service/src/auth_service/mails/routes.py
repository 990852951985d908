"""Mails over HTTP, for our own services."""

from typing import Annotated

from fastapi import APIRouter

from auth_service.mails.schemas import NotificationMail
from auth_service.mails.service import MailService
from cathouse.identity import called_by
from cathouse.web import provided

router = APIRouter(tags=["internal"])


@router.post("/internal/v1/mails", status_code=204, dependencies=[called_by("installation")])
async def mail_notification(mail: NotificationMail, mails: Annotated[MailService, provided("mails")]) -> None:
    """Let a player know by mail of a notification, if they want that; who does not, or is gone, is no error."""
    await mails.tell_of_notification(mail)
