"""auth-service as an application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI

from auth_service.accounts.passwords import Passwords
from auth_service.accounts.routes import router as accounts
from auth_service.accounts.service import AccountService
from auth_service.administration.routes import router as administration
from auth_service.administration.service import AdministrationService
from auth_service.api_keys.routes import router as api_keys
from auth_service.api_keys.service import ApiKeyService
from auth_service.audit.routes import router as audit
from auth_service.audit.service import AuditService
from auth_service.clerk.routes import router as clerk
from auth_service.clerk.service import ClerkService
from auth_service.clerk.tokens import ClerkTokens
from auth_service.credentials.routes import router as credentials
from auth_service.credentials.service import CredentialsService
from auth_service.erasures.routes import router as erasures
from auth_service.erasures.service import ErasureService
from auth_service.exports.routes import router as exports
from auth_service.exports.service import ExportService
from auth_service.jwt_secrets import JwtSecrets
from auth_service.mails.delivery import MailDelivery
from auth_service.mails.routes import router as mail_requests
from auth_service.mails.service import MailService
from auth_service.mails.transport import FolderTransport, SmtpTransport, Transport
from auth_service.preferences.routes import router as preferences
from auth_service.preferences.service import PreferenceService
from auth_service.recovery.routes import router as recovery
from auth_service.recovery.service import RecoveryService
from auth_service.registration.routes import router as registration
from auth_service.registration.service import RegistrationService
from auth_service.retention.service import make_retention
from auth_service.second_factor.routes import router as second_factor
from auth_service.second_factor.service import SecondFactorService
from auth_service.sessions.routes import router as sessions
from auth_service.sessions.service import SessionService
from auth_service.sessions.tokens import TokenIssuer
from auth_service.settings import AuthSettings
from auth_service.signing_keys.routes import router as signing_keys
from auth_service.signing_keys.service import SigningKeys
from cathouse.database import Database
from cathouse.identity import KeyUse, RemoteJwks, read_rsa_keys
from cathouse.web import ServiceClient, build_app, work_readings

ERASURE_TIMEOUT_S = 25.0
"""An owner works in small steps; what it did not finish is asked for again."""

_logger = structlog.get_logger(__name__)


def create_app(settings: AuthSettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """
    secrets = settings.jwt_secrets()

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            keys = SigningKeys(database, secrets)
            tokens = TokenIssuer(keys, secrets, issuer=settings.token_issuer)
            passwords = Passwords()
            stack.callback(passwords.close)
            delivery = _mail_delivery(settings, database, secrets)
            mails = MailService(database, secrets, delivery)
            second_factors = SecondFactorService(database, secrets, mails)
            sessions = SessionService(
                database,
                passwords,
                second_factors,
                tokens,
                mails,
                secrets,
                requires_verification=settings.requires_verification,
            )
            recovery = RecoveryService(database, passwords, mails)
            erasures = ErasureService(database, mails, _owners(settings, stack))
            retention = make_retention(database)
            for each in (delivery, erasures, retention):
                if each is not None:
                    each.start()
                    stack.push_async_callback(each.close)
            yield {
                "readings": (
                    *passwords.readings(),
                    *work_readings((erasures.worker, retention.worker), {"erasures": erasures.due}),
                    *(work_readings((delivery.worker,), {"mails": delivery.due}) if delivery is not None else ()),
                ),
                "public_keys": keys,
                "accounts": AccountService(database),
                "administration": AdministrationService(database),
                "api_keys": ApiKeyService(database, tokens),
                "audit": AuditService(database),
                "credentials": CredentialsService(database, passwords, mails),
                "registrations": RegistrationService(
                    database, passwords, mails, recovery, requires_verification=settings.requires_verification
                ),
                "clerk": ClerkService(database, _clerk(settings, stack), sessions, second_factors, tokens, mails),
                "erasures": erasures,
                "mails": mails,
                "exports": ExportService(database),
                "preferences": PreferenceService(database),
                "recovery": recovery,
                "second_factors": second_factors,
                "sessions": sessions,
            }

    return build_app(
        "auth",
        settings,
        title="Cat House: auth-service",
        description="Who you are: accounts, sessions, keys.",
        # `/users/me` before `/users/{user_id}`: the first that fits is taken.
        routers=(
            registration,
            accounts,
            credentials,
            erasures,
            exports,
            preferences,
            second_factor,
            sessions,
            clerk,
            recovery,
            api_keys,
            signing_keys,
            administration,
            audit,
            mail_requests,
        ),
        provide=provide,
        caller_keys={"installation": settings.keyring(KeyUse.INSTALLATION_TO_AUTH, "auth")},
    )


def _mail_delivery(settings: AuthSettings, database: Database, secrets: JwtSecrets) -> MailDelivery | None:
    transport = _transport(settings)
    if transport is None:
        return None
    public_url = str(settings.public_url).rstrip("/")
    return MailDelivery(database, secrets, transport, sender=settings.mail_from, public_url=public_url)


def _transport(settings: AuthSettings) -> Transport | None:
    server = settings.smtp_server()
    if server is not None:
        return SmtpTransport(server)
    if settings.is_production:
        _logger.warning(
            "mail.not_configured", advice="without MAIL_URL nobody can reset a password or verify an address"
        )
        return None
    return FolderTransport(settings.mail_folder)


def _owners(settings: AuthSettings, stack: AsyncExitStack) -> dict[str, ServiceClient]:
    """The other services that know something of people."""
    owners = {}
    for owner, url in (("catalog", settings.catalog_url), ("installation", settings.installation_url)):
        owners[owner] = ServiceClient.from_settings(
            settings, caller="auth", callee=owner, url=url, timeout_s=ERASURE_TIMEOUT_S
        )
        stack.push_async_callback(owners[owner].close)
    return owners


def _clerk(settings: AuthSettings, stack: AsyncExitStack) -> ClerkTokens | None:
    if settings.clerk_issuer is None:
        return None
    keys = RemoteJwks(settings.clerk_keys_url(), read=read_rsa_keys)
    stack.push_async_callback(keys.close)
    return ClerkTokens(keys, issuer=settings.clerk_issuer, parties=frozenset(settings.clerk_authorized_parties))
