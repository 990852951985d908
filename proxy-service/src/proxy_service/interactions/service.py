"""The rules of interactions: who may talk to which cat, what the cat is told, and what comes back."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from cathouse.database import AnyRow, BatchLoader, Database
from cathouse.schema import CatStatus, InstallationStatus, InteractionKind
from cathouse.web import Limiter, Rates, Reading
from proxy_service.egress.breakers import Breakers
from proxy_service.egress.errors import EgressError
from proxy_service.egress.shares import Shares
from proxy_service.interactions import repository
from proxy_service.interactions.errors import (
    CatSuspendedError,
    CatWithoutReleaseError,
    InstallationNotFoundError,
    InstallationPausedError,
    InstallationSuspendedError,
    InstallationUninstalledError,
)
from proxy_service.interactions.replies import EVENT_STREAM, Held, Reply, ReplyStream, whole
from proxy_service.messages.messenger import Messenger
from proxy_service.reports import InteractionReporter, Record

MOST_FOR_INSTALLATION = 5
MOST_FOR_CAT = 50
MOST_IN_ALL = 500
"""At once. All numbers: design/security.md, "The door to the outside"."""


class InteractionService:
    """Lets players talk to cats.

    Nothing about authorisation is kept between two calls: each asks the database, and concurrent ones share a query.
    No database connection is held while a cat is waited for.
    """

    def __init__(
        self,
        database: Database,
        messenger: Messenger,
        reporter: InteractionReporter,
        *,
        breakers: Breakers,
        limiter: Limiter,
        rates: Rates,
    ) -> None:
        """``rates`` is what an installation is held to."""
        self._database = database
        self._messenger = messenger
        self._reporter = reporter
        self._breakers = breakers
        self._limiter = limiter
        self._rates = rates
        self._shares = Shares(installation=MOST_FOR_INSTALLATION, cat=MOST_FOR_CAT, total=MOST_IN_ALL)
        self._targets: BatchLoader[repository.Key, AnyRow] = BatchLoader(self._load)

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        text = "Interactions for which a cat is waited, streams among them."
        return (Reading("cathouse_interactions_under_way", text, lambda: self._shares.under_way),)

    async def interact(
        self,
        user_id: uuid.UUID,
        installation_id: uuid.UUID,
        said: Any,  # noqa: ANN401 - any JSON value
        *,
        accept: str,
    ) -> Reply | ReplyStream:
        """Hand what the player said to the cat, and its answer back.

        Raises:
            InstallationNotFoundError, InstallationUninstalledError, CatSuspendedError, InstallationSuspendedError,
            InstallationPausedError, CatWithoutReleaseError: the player may not ask the cat.
            RateLimitedError, RefusedCallError: not at this moment.
            SigningRootRetiredError: nobody may, until the cat's secret is rotated.
            EgressError: the cat was asked and gave no usable answer.
        """
        target = _reachable(await self._targets.get((installation_id, user_id)))
        await self._limiter.hit(str(installation_id), self._rates)
        message = self._messenger.about_installation(target, InteractionKind.INTERACTION, input=said)
        held = Held()
        try:
            held.add(self._shares.hold(target.cat_id, installation_id).release)
            passage = self._breakers.passage(target.cat_id)
            held.add(passage.end)
            with Record(
                self._reporter,
                installation_id=installation_id,
                cat_id=target.cat_id,
                kind=InteractionKind.INTERACTION,
                bytes_in=len(message.body),
            ) as record:
                try:
                    answer = await self._messenger.begin(message, accept=accept)
                    held.add(answer.close)
                    if answer.media_type == EVENT_STREAM and answer.status < 400:
                        passage.succeeded()
                        # The stream outlives this call: it takes over what has to be given back.
                        return ReplyStream(answer, record, passage, held.hand_over())
                    reply = await whole(answer)
                except EgressError as error:
                    passage.failed(error)
                    raise
            passage.succeeded()
            record.finish(status=reply.status, bytes_out=len(reply.body))
            return reply
        finally:
            held.release()

    async def _load(self, keys: Sequence[repository.Key]) -> Mapping[repository.Key, AnyRow]:
        return await self._database.read(lambda session: repository.find_targets(session, keys))


def _reachable(target: AnyRow | None) -> AnyRow:
    """``target``, when the player may talk to the cat at this moment."""
    if target is None:
        raise InstallationNotFoundError
    if target.status == InstallationStatus.UNINSTALLED:
        raise InstallationUninstalledError
    if target.cat_status == CatStatus.SUSPENDED:
        raise CatSuspendedError
    if target.developer_suspended_at is not None or target.operator_suspended_at is not None:
        raise InstallationSuspendedError
    if target.status == InstallationStatus.PAUSED:
        raise InstallationPausedError
    if target.release_id is None:
        raise CatWithoutReleaseError
    return target
