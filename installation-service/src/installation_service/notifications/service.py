"""The rules of notifications."""

import datetime as dt
import math
import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import CallbackToken
from cathouse.schema import PermissionType
from cathouse.web import Allowance, Keyset
from installation_service.notifications import repository
from installation_service.notifications.errors import NotificationNotFoundError, TooManyNotificationsError
from installation_service.notifications.mails import NotificationMails
from installation_service.notifications.schemas import NotificationCreation
from installation_service.notifications.streams import NotificationStreams
from installation_service.standing.service import authorise

MOST_PER_SECOND = 1
MOST_PER_DAY = 100
"""For one installation; design/api.md."""


class NotificationService:
    """Takes notifications from cats, and shows players their inbox."""

    def __init__(self, database: Database, streams: NotificationStreams, mails: NotificationMails) -> None:
        self._database = database
        self._streams = streams
        self._mails = mails

    async def notify(self, token: CallbackToken, creation: NotificationCreation) -> AnyRow:
        """Put a notification into the player's inbox, into the streams that are open and, once in a while, into a mail:
        as far as the player wants that.

        Raises:
            PermissionNotGrantedError, InstallationNotActiveError, TooManyNotificationsError: nothing was sent.
        """

        async def notify(session: AsyncSession) -> AnyRow:
            player = await authorise(session, token, PermissionType.NOTIFICATION, for_change=True)
            recent = await repository.recent_count(session, token.installation_id)
            if recent.second >= MOST_PER_SECOND:
                raise TooManyNotificationsError(Allowance(MOST_PER_SECOND, 0, 1), "second")
            if recent.day >= MOST_PER_DAY:
                wait = recent.first + dt.timedelta(days=1) - dt.datetime.now(dt.UTC)
                allowance = Allowance(MOST_PER_DAY, 0, max(1, math.ceil(wait.total_seconds())))
                raise TooManyNotificationsError(allowance, "day")
            return await repository.add_notification(
                session, installation_id=token.installation_id, user_id=player, **creation.model_dump()
            )

        row = await self._database.write(notify)
        if row.read_at is None:
            self._streams.publish(row)
        if row.is_mailed:
            self._mails.wake()
        return row

    async def inbox(
        self, user_id: uuid.UUID, *, unread: bool, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None, int]:
        """One page of the inbox, the cursor of the next, and how much of it all is unread."""

        async def read(session: AsyncSession) -> tuple[Sequence[AnyRow], int]:
            rows = await repository.list_notifications(
                session, user_id, unread=unread, after=keyset.after, limit=keyset.limit + 1
            )
            return rows, rows[0].unread_count if rows else await repository.count_unread(session, user_id)

        rows, unread_count = await self._database.read(read)
        page, next_cursor = keyset.page(rows, lambda row: (row.created_at, row.id))
        return page, next_cursor, unread_count

    async def mark_read(self, user_id: uuid.UUID, notification_id: uuid.UUID) -> AnyRow:
        """Mark one as read.

        Raises:
            NotificationNotFoundError: also when it is somebody else's.
        """
        found = await self._database.write(lambda session: repository.mark_read(session, notification_id, user_id))
        if found is None:
            raise NotificationNotFoundError
        return found

    async def mark_all_read(self, user_id: uuid.UUID) -> None:
        """Mark all as read."""
        await self._database.write(lambda session: repository.mark_all_read(session, user_id))
