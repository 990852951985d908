"""One trace from the player's call to the cat's callback, in a collector that the test runs."""

import re
import subprocess
import sys
from collections.abc import Sequence

from pydantic import HttpUrl, SecretStr
from structlog.testing import capture_logs

from cathouse.cat import Cat, InstallationMessage
from cathouse.cat import House as CatHouse
from cathouse.database import DatabaseUrl
from tests.cat.conftest import Neighbourhood
from tests.factories.accounts import PASSWORD
from tests.fixtures.collector import Recorded, collecting
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET, House, run_house
from tests.fixtures.serving import serve

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
SAID = "quillfeather, and nobody else may read it"


async def talk(house: House, **headers: str) -> None:
    """A player says something to a cat, which stores it."""
    neighbourhood = Neighbourhood(house, await house.register("developer"), await house.register())
    draft, secret = await neighbourhood.draft()
    cat = Cat(secret)

    @cat.interaction
    async def answer(message: InstallationMessage, home: CatHouse) -> str:
        await home.storage.put("said", message.input)
        return "Purr."

    async with serve(cat) as url:
        installed = await neighbourhood.settle(draft, f"{url}/")
        path = f"/api/v1/installations/{installed['id']}/interactions"
        said = {"input": SAID}
        await house.call("proxy", "POST", path, said, person=neighbourhood.player, headers=headers)
        await house.call("catalog", "GET", f"/api/v1/cats?search={draft['slug']}", headers=headers)


def chain(spans: Sequence[Recorded], last: Recorded) -> list[tuple[str, str]]:
    """The spans from the first of a trace down to ``last``."""
    by_id = {span.id: span for span in spans}
    found = [last]
    while found[-1].parent in by_id:
        found.append(by_id[found[-1].parent])
    return [(each.service, each.name) for each in reversed(found)]


async def test_one_trace_leads_from_the_players_call_to_the_cats_callback(clean_db: DatabaseUrl) -> None:
    async with collecting() as collector:
        async with run_house(clean_db, otel_exporter_otlp_endpoint=HttpUrl(collector.url)) as house:
            await talk(house, traceparent=TRACEPARENT)
        everything = list(collector.spans())
        spans = [span for span in everything if span.trace == TRACE]
        stored = next(
            span for span in spans if span.name == "database write" and span.service == "installation-service"
        )
        assert chain(spans, stored) == [
            ("proxy-service", "POST /api/v1/installations/{installation_id}/interactions"),
            ("proxy-service", "POST cat"),
            ("installation-service", "PUT /api/v1/cat/storage/{key:path}"),
            ("installation-service", "database write"),
        ]
        assert [span.parent for span in spans if span.name.startswith("GET ")] == [CALLER]
        asked = next(span for span in spans if span.service == "proxy-service" and span.name == "database read")
        assert asked.attributes["cathouse.database.round_trips"] == 1
        first = next(span for span in spans if span.name.endswith("/interactions"))
        assert first.attributes["http.response.status_code"] == 200
        assert re.fullmatch("[0-9a-f]{12}", first.attributes["user.hash"])
        # What other services are asked is part of it as well: publishing challenges the cat by way of proxy-service.
        challenge = next(span for span in everything if span.name == "POST /internal/v1/challenges")
        assert chain(everything, challenge)[0][0] == "catalog-service"
        assert {span.service for span in everything} == {
            f"{each}-service" for each in ("auth", "catalog", "installation", "proxy")
        }


async def test_no_span_holds_a_secret_or_what_was_said(clean_db: DatabaseUrl) -> None:
    token = "quillfeather-of-the-collector"
    async with collecting() as collector:
        endpoint, headers = HttpUrl(collector.url), SecretStr(f"Authorization=Bearer%20{token}")
        with capture_logs() as lines:
            async with run_house(
                clean_db, otel_exporter_otlp_endpoint=endpoint, otel_exporter_otlp_headers=headers
            ) as house:
                await talk(house)
                person = await house.register()
                credentials = {"email": person.email, "password": "quillfeather horse battery", "x": SAID}
                await house.call("auth", "POST", "/api/v1/auth/login", credentials, expect=422)
                await house.call("catalog", "GET", f"/api/v1/cats?search={SAID}&limit={SAID}", expect=422)
        assert {each["authorization"] for each in collector.headers} == {f"Bearer {token}"}
        recorded = b"".join(collector.bodies)
        secrets = (
            "quillfeather",
            person.email,
            str(person.id),
            person.tokens["access_token"],
            person.tokens["refresh_token"],
            PASSWORD,
            JWT_SECRET,
            PLATFORM_SECRET,
            "chi_",
            "whsec_",
        )
        assert [secret for secret in secrets if secret.encode() in recorded] == []
        assert token not in repr(lines)


async def test_a_collector_that_is_away_fails_nobodys_request(clean_db: DatabaseUrl) -> None:
    async with collecting() as collector:
        collector.status = 503
        async with run_house(clean_db, otel_exporter_otlp_endpoint=HttpUrl(collector.url)) as house:
            await house.register()


async def test_of_a_part_of_all_traces_each_service_records_the_same(clean_db: DatabaseUrl) -> None:
    none, all_of_it = f"00-{'f' * 32}-{CALLER}-01", f"00-{'0' * 31}1-{CALLER}-00"
    async with collecting() as collector:
        endpoint = HttpUrl(collector.url)
        async with run_house(clean_db, otel_exporter_otlp_endpoint=endpoint, otel_traces_sampler_arg=0.5) as house:
            for traceparent in (none, all_of_it):
                headers = {"traceparent": traceparent}
                await house.call("catalog", "GET", "/api/v1/cats", headers=headers)
                await house.call("auth", "GET", "/api/v1/users/me", headers=headers, expect=401)
        found = {(span.trace, span.service) for span in collector.spans() if span.parent == CALLER}
        assert found == {(f"{'0' * 31}1", f"{service}-service") for service in ("catalog", "auth")}


MISSING = """
import sys
sys.modules["opentelemetry.sdk"] = None
from cathouse.web.settings import ServiceSettings

settings = ServiceSettings(
    _env_file=None, database_url="postgresql://a@127.0.0.1/b", otel_exporter_otlp_endpoint="http://127.0.0.1:4318"
)
try:
    settings.tracing("auth")
except ValueError as error:
    print(error)
"""


def test_who_wants_traces_and_has_nothing_to_send_them_with_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().endswith("pip install 'cathouse-kit[tracing]'")
