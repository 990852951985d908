"""The dashboard and the alerts, in a real Prometheus that watches the real services."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cathouse.database import DatabaseUrl
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import House, run_house
from tests.fixtures.prometheus import watching
from tests.fixtures.tools import tool

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
ALERTS = ROOT / "deploy" / "monitoring" / "alerts.yml"
ALERTS_FIRING = Path(__file__).with_name("alerts_firing.yml")
DOCUMENT = ROOT / "docs" / "observability.md"

SELECTOR = re.compile(r'\b((?:cathouse|process)_[a-z_]+|up)\b(\{(?:[^"}]|"[^"]*")*\})?')


def panels() -> Iterator[dict[str, str]]:
    """Each panel's title, what it answers, and its queries."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield {"title": panel["title"], "answers": panel["description"], **target}


def as_asked(expression: str) -> str:
    """A query as Grafana sends it, for all services."""
    return expression.replace("$__rate_interval", "5s").replace("$service", ".+")


def selectors(expression: str) -> Iterator[str]:
    """Each series that a query reads, whatever the status of the requests: not every one occurs in a test."""
    for name, matchers in SELECTOR.findall(expression):
        yield name + re.sub(r',?\s*status=~?"[^"]*"', "", matchers).replace("{,", "{")


async def a_little_of_everything(house: House) -> None:
    """Calls of all services, some of which are refused."""
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await house.interact(player, installed, "hello")
    await house.call("auth", "GET", "/api/v1/users/me", expect=401)
    await house.call("auth", "POST", "/api/v1/auth/login", {"email": player.email, "password": PASSWORD})


async def test_each_query_of_the_dashboard_and_the_alerts_finds_what_it_asks_for(clean_db: DatabaseUrl) -> None:
    queries = [(each["title"], each["legendFormat"], as_asked(each["expr"])) for each in panels()]
    assert len(queries) > 20
    async with run_house(clean_db) as house, watching(list(house.urls.values()), rules=ALERTS) as prometheus:
        await a_little_of_everything(house)
        for title, legend, query in queries:
            # Not every status occurs in a test.
            found = await (prometheus.query(query) if "status" in query else prometheus.find(query))
            labels = set(re.findall(r"{{(\w+)}}", legend))
            assert all(labels <= set(series["metric"]) for series in found), f"{title}: {legend} of {found}"
        rules = await prometheus.rules()
        assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
        for query in [query for _, _, query in queries] + [rule["query"] for rule in rules]:
            for selector in selectors(query):
                assert await prometheus.find(selector)


async def test_who_asks_sees_what_the_services_do(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db) as house, watching(list(house.urls.values()), rules=ALERTS) as prometheus:
        await a_little_of_everything(house)
        talks = (
            'cathouse_http_requests_total{route="/api/v1/installations/{installation_id}/interactions",status="200"}'
        )
        assert len(await prometheus.find(f"{talks} == 1")) == 1
        assert await prometheus.find("count(cathouse_database_connections_open) == 4")
        assert await prometheus.find("sum(cathouse_database_connections_open) >= 4")
        assert await prometheus.find("max(cathouse_database_connections_budget) == 9")
        assert await prometheus.find('cathouse_breakers{state="closed"} == 1')
        assert await prometheus.find('cathouse_database_wait_seconds_count{service="catalog"} > 0')


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    promtool = tool("promtool", package="prometheus")
    done = subprocess.run(
        (promtool, "test", "rules", str(ALERTS_FIRING)), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    assert len(alerts) > 10
    tried = ALERTS_FIRING.read_text()
    assert [alert for alert in alerts if f"alertname: {alert}\n" not in tried] == []


def test_the_document_says_what_each_panel_answers_and_what_to_do_about_each_alert() -> None:
    document = DOCUMENT.read_text()
    rows = {f"| {each['title']} | {each['answers']} |" for each in panels()}
    assert [row for row in rows if row not in document] == []
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    assert [alert for alert in alerts if f"| `{alert}` |" not in document] == []
