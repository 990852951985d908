"""What auth-service keeps, and for how long."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import ColumnElement, delete, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from auth_service.login_attempts.repository import FORGOTTEN_AFTER
from cathouse.database import change_portion
from cathouse.schema import AuditAddress, LoginAttempt, Mail, OneTimeToken, Session

ADDRESSES = dt.timedelta(days=90)
"""Beside audited events: long enough to look into an abuse."""

ENDED = dt.timedelta(days=30)
"""Sessions that ended: long enough to ask what happened."""

SPENT = dt.timedelta(days=1)
"""One-time tokens: longer than the hour within which they are counted. And mails that nobody sends any more."""


Passing = type[LoginAttempt] | type[OneTimeToken] | type[Mail] | type[AuditAddress] | type[Session]

PASSING: tuple[Passing, ...] = (LoginAttempt, OneTimeToken, Mail, AuditAddress, Session)
"""The tables whose rows do not stay."""


_AGE: Mapping[Passing, InstrumentedAttribute[dt.datetime]] = {
    LoginAttempt: LoginAttempt.updated_at,
    OneTimeToken: OneTimeToken.expires_at,
    AuditAddress: AuditAddress.created_at,
}
"""By which index the oldest are found. The others have few rows, or an end of several kinds."""


async def remove_portion(session: AsyncSession, model: Passing) -> int:
    """Remove some rows of a table that have had their time, and return how many; 0 when there are none."""
    where = (_has_had_its_time()[model],)
    return await change_portion(session, delete(model), key=(model.id,), where=where, oldest=_AGE.get(model))


def _has_had_its_time() -> dict[Passing, ColumnElement[bool]]:
    now = func.now()
    ended = (Session.expires_at, Session.idle_expires_at, Session.revoked_at)
    return {
        LoginAttempt: LoginAttempt.updated_at < now - FORGOTTEN_AFTER,
        OneTimeToken: OneTimeToken.expires_at < now - SPENT,
        Mail: Mail.expires_at < now - SPENT,
        AuditAddress: AuditAddress.created_at < now - ADDRESSES,
        Session: or_(*(moment < now - ENDED for moment in ended)),
    }
