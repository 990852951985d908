"""The rules of second factors."""

import uuid

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import AccountGoneError
from auth_service.accounts.repository import is_protected
from auth_service.audit.repository import record_own
from auth_service.client import Client
from auth_service.jwt_secrets import JwtSecrets
from auth_service.mails.letters import MailKind
from auth_service.mails.service import MailService
from auth_service.second_factor import codes, repository
from auth_service.second_factor.errors import (
    CodeRefusedError,
    InvalidCodeError,
    LongPasswordRequiredError,
    SecretUnreadableError,
    TotpEnabledError,
    TotpNotEnabledError,
)
from auth_service.second_factor.schemas import RecoveryCodes, TotpSetup
from cathouse.database import AnyRow, Database
from cathouse.identity.sealing import UnsealingError
from cathouse.schema import LONG_PASSWORD

_logger = structlog.get_logger(__name__)


class SecondFactorService:
    """Sets second factors up, checks them at the log-in, and takes them off."""

    def __init__(self, database: Database, secrets: JwtSecrets, mails: MailService) -> None:
        self._database = database
        self._secrets = secrets
        self._mails = mails

    async def begin(self, user_id: uuid.UUID) -> TotpSetup:
        """Give out a new secret; it is in use once :meth:`confirm` has seen a code of it.

        Raises:
            TotpEnabledError: one is in use.
            AccountGoneError
        """
        secret = codes.make_secret()
        key = self._secrets.current
        wrapped = key.wrap(secret.encode(), bound_to=_bound_to(user_id))

        async def put(session: AsyncSession) -> str:
            person = await repository.lock_person(session, user_id)
            if person is None:
                raise AccountGoneError
            if not await repository.put_secret(session, user_id, wrapped=wrapped, key_id=key.key_id):
                raise TotpEnabledError
            return str(person.email)

        email = await self._database.write(put)
        return TotpSetup(secret=secret, otpauth_url=codes.otpauth_url(secret, email=email))

    async def confirm(self, user_id: uuid.UUID, code: str, client: Client) -> RecoveryCodes:
        """Put the secret that was given out to use, and return the recovery codes, which are kept as hashes only.

        Raises:
            TotpNotEnabledError, TotpEnabledError, CodeRefusedError: nothing was changed.
        """
        recovery_codes = codes.make_recovery_codes()

        async def confirm(session: AsyncSession) -> None:
            factor = await repository.lock_factor(session, user_id)
            if factor is None:
                raise TotpNotEnabledError
            if factor.confirmed_at is not None:
                raise TotpEnabledError
            step = codes.step_of(self._open(factor, user_id), code)
            if step is None:
                raise CodeRefusedError
            await repository.confirm(
                session, factor.id, step=step, code_hashes=[codes.recovery_hash(each) for each in recovery_codes]
            )
            await record_own(session, "user.second_factor_on", user_id, client)
            await self._mails.post(session, user_id, MailKind.SECOND_FACTOR_ON)

        await self._database.write(confirm)
        self._mails.wake()
        return RecoveryCodes(recovery_codes=recovery_codes)

    async def renew_recovery_codes(self, user_id: uuid.UUID, client: Client) -> RecoveryCodes:
        """Make new recovery codes; the old ones are void.

        Raises:
            TotpNotEnabledError
        """
        recovery_codes = codes.make_recovery_codes()

        async def renew(session: AsyncSession) -> None:
            factor = await repository.lock_factor(session, user_id)
            if factor is None or factor.confirmed_at is None:
                raise TotpNotEnabledError
            hashes = [codes.recovery_hash(each) for each in recovery_codes]
            await repository.set_recovery_codes(session, factor.id, hashes)
            await record_own(session, "user.recovery_codes_renewed", user_id, client)

        await self._database.write(renew)
        return RecoveryCodes(recovery_codes=recovery_codes)

    async def remove(self, user_id: uuid.UUID, client: Client) -> None:
        """Take the second factor off.

        Raises:
            TotpNotEnabledError, AccountGoneError
            LongPasswordRequiredError: a developer's password is too short to go without.
        """

        async def remove(session: AsyncSession) -> None:
            person = await repository.lock_person(session, user_id)
            if person is None:
                raise AccountGoneError
            if not await repository.remove(session, user_id):
                raise TotpNotEnabledError
            if not await is_protected(session, user_id):
                raise LongPasswordRequiredError(LONG_PASSWORD)
            await record_own(session, "user.second_factor_off", user_id, client)
            await self._mails.post(session, user_id, MailKind.SECOND_FACTOR_OFF)

        await self._database.write(remove)
        self._mails.wake()

    async def check(self, session: AsyncSession, user_id: uuid.UUID, code: str, client: Client) -> list[str]:
        """Use a code up as part of the unit that begins a session, and return the methods for ``amr`` (RFC 8176).

        A step of the clock counts once, also when two use it at once; so does a recovery code.

        Raises:
            InvalidCodeError
            SecretUnreadableError: a JWT_SECRET is missing; recovery codes work all the same.
        """
        factor = await repository.lock_factor(session, user_id)
        if factor is None or factor.confirmed_at is None:
            return []  # taken off in this moment
        if codes.is_totp(code):
            secret = self._open(factor, user_id)
            step = codes.step_of(secret, code)
            if step is None or (factor.last_step is not None and step <= factor.last_step):
                raise InvalidCodeError
            await repository.use_step(session, factor.id, step=step, rewrapped=self._rewrapped(factor, secret, user_id))
            return ["otp", "mfa"]
        used = codes.recovery_hash(code)
        left = [each for each in factor.recovery_code_hashes if each != used]
        if len(left) == len(factor.recovery_code_hashes):
            raise InvalidCodeError
        await repository.set_recovery_codes(session, factor.id, left)
        await record_own(session, "user.recovery_code_used", user_id, client)
        await self._mails.post(session, user_id, MailKind.RECOVERY_CODE_USED, left=str(len(left)))
        return ["mfa"]

    async def rewrap_all(self) -> int:
        """Put every secret under the newest JWT_SECRET, and return how many were under an older one.

        Raises:
            SecretUnreadableError: one is under a JWT_SECRET that is not configured.
        """
        key = self._secrets.current

        async def some(session: AsyncSession) -> int:
            found = await repository.list_wrapped(session, not_under=key.key_id, limit=100)
            for factor in found:
                wrapped = key.wrap(self._open(factor, factor.user_id).encode(), bound_to=_bound_to(factor.user_id))
                await repository.rewrap(session, factor.id, wrapped=wrapped, key_id=key.key_id)
            return len(found)

        total = 0
        while count := await self._database.write(some):
            total += count
        return total

    def _open(self, factor: AnyRow, user_id: uuid.UUID) -> str:
        secret = self._secrets.find(factor.wrapping_key_id)
        if secret is None:
            _logger.error(
                "second_factor.secret_unreadable",
                advice="it is under a JWT_SECRET that is not in the list any more: add it again, as JWT_SECRET=NEW,OLD",
            )
            raise SecretUnreadableError
        try:
            return secret.unwrap(factor.wrapped_secret, bound_to=_bound_to(user_id)).decode()
        except UnsealingError:
            raise SecretUnreadableError from None

    def _rewrapped(self, factor: AnyRow, secret: str, user_id: uuid.UUID) -> tuple[bytes, str] | None:
        key = self._secrets.current
        if factor.wrapping_key_id == key.key_id:
            return None
        return key.wrap(secret.encode(), bound_to=_bound_to(user_id)), key.key_id


def _bound_to(user_id: uuid.UUID) -> str:
    return f"totp:{user_id}"
