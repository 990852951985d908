"""The documentation pages in a real browser: Authorize logs in with the password form, and calls can be tried out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver.support.select import Select

from cathouse.database import DatabaseUrl
from cathouse.identity.access import TOKEN_PATH
from cathouse.web import SERVICES, ServiceName
from tests.factories.accounts import PASSWORD
from tests.fixtures.browser import Browser, Sent
from tests.fixtures.house import House, run_house

BUTTON = "//div[@class='auth-wrapper']/button[contains(@class, 'authorize')]"
DIALOG = "//div[@class='modal-ux']"
PERSON = f"{DIALOG}//div[@class='auth-container'][.//h4[contains(., 'Person')]]"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that needs a person, and what is filled in."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class DocsPage:
    """What a person does and sees on a page of Swagger UI."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        browser.open(f"{url}/docs")
        browser.find("//div[contains(@class, 'opblock-summary')]")

    def open_dialog(self) -> None:
        self._browser.find(BUTTON).click()

    def close_dialog(self) -> None:
        self._browser.find(f"{PERSON}//button[.='Close']").click()
        self._browser.until(lambda: not self._browser.has(DIALOG), "the dialog gone")

    def fill_in(self, name: str, value: str) -> None:
        box = self._browser.find(f"{PERSON}//input[@id='oauth_{name}']")
        box.clear()
        box.send_keys(value)

    def press(self, button: str) -> None:
        self._browser.find(f"{PERSON}//button[.='{button}']").click()

    def wait_for_title(self, title: str) -> None:
        """In the dialog: "Authorized" over what was logged in with."""
        self._browser.find(f"{PERSON}//h6[.='{title}']")

    def refusal(self) -> str:
        """What the dialog says of a log-in that failed."""
        return self._browser.find(f"{PERSON}//div[contains(@class, 'errors')]").text

    def is_locked(self) -> bool:
        """Whether the page's own button shows that somebody is logged in."""
        return "unlocked" not in (self._browser.find(BUTTON).get_attribute("class") or "")

    def try_out(self, call: Call) -> None:
        """Unfold a call and fill in its parameters; the example of a body stays."""
        block = self._block(call)
        self._browser.find(f"{block}//button[contains(@class, 'opblock-summary-control')]").click()
        self._browser.find(f"{block}//button[contains(@class, 'try-out__btn')]").click()
        for name, value in call.parameters.items():
            box = self._browser.find(f"{block}//tr[@data-param-name='{name}']//*[self::input or self::select]")
            if box.tag_name == "select":
                Select(box).select_by_value(value)
            else:
                box.send_keys(value)

    def execute(self, call: Call) -> tuple[int, Any]:
        """The status and the body that the page then shows."""
        block = self._block(call)
        clear = f"{block}//button[contains(@class, 'btn-clear')]"
        if self._browser.has(clear):
            self._browser.find(clear).click()
        self._browser.find(f"{block}//button[contains(@class, 'execute')]").click()
        shown = f"{block}//table[contains(@class, 'live-responses-table')]/tbody/tr"
        status = self._browser.find(f"{shown}/td[contains(@class, 'response-col_status')]").text
        body = self._browser.find(f"{shown}//code[contains(@class, 'language-json')]").text
        return int(status.split()[0]), json.loads(body)

    @staticmethod
    def _block(call: Call) -> str:
        return (
            f"//div[contains(@class, 'opblock-{call.method.lower()}')]"
            f"[.//span[contains(@class, 'opblock-summary-path')][@data-path='{call.path}']]"
        )


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def requests(browser: Browser, path: str) -> list[Sent]:
    """What a page asked of ``path``, without the questions that CORS asks before it."""
    return [sent for sent in browser.sent() if urlsplit(sent.url).path == path and sent.method != "OPTIONS"]


def assert_only_refused(browser: Browser, path: str) -> None:
    """The console tells of a 401 of ``path`` and of nothing else."""
    complaints = browser.complaints()
    assert [path in said and "401 (Unauthorized)" in said for said in complaints] == [True], complaints


def use(browser: Browser, house: House, url: str, call: Call, email: str) -> Any:
    """A wrong password, the right one, the call, and out again; the body that the call was answered with."""
    page = DocsPage(browser, url)
    path = call.path.format_map(call.parameters)
    assert browser.complaints() == []

    page.open_dialog()
    page.fill_in("username", email)
    page.fill_in("password", "not the password")
    page.press("Authorize")
    assert "Unauthorized" in page.refusal()
    assert not page.is_locked()
    assert_only_refused(browser, TOKEN_PATH)

    page.fill_in("password", PASSWORD)
    page.press("Authorize")
    page.wait_for_title("Authorized")
    page.close_dialog()
    assert page.is_locked()

    page.try_out(call)
    status, body = page.execute(call)
    assert status == 200, body
    assert browser.complaints() == []

    page.open_dialog()
    page.press("Logout")
    page.close_dialog()
    assert not page.is_locked()
    status, refused = page.execute(call)
    assert (status, refused["code"]) == (401, "authentication_required")
    assert_only_refused(browser, path)

    wrong, right = requests(browser, TOKEN_PATH)
    assert origin(wrong.url) == origin(right.url) == house.urls["auth"]
    with_token, without = requests(browser, path)
    assert with_token.header("authorization").startswith("Bearer ey")
    assert without.header("authorization") == ""
    assert {origin(sent.url) for sent in browser.sent() if not sent.url.startswith("data:")} == {
        origin(url),
        house.urls["auth"],
    }
    browser.forget()
    return body


async def test_authorize_logs_in_and_out_on_the_pages_of_all_four_services(
    clean_db: DatabaseUrl, browser: Browser
) -> None:
    async with run_house(clean_db) as house:
        person = await house.register("developer")
        cat = await house.publish(person)
        installed = await house.install(person, cat)
        interact = "/api/v1/installations/{installation_id}/interactions"
        calls: dict[ServiceName, Call] = {
            "auth": Call("GET", "/api/v1/users/me"),
            "catalog": Call("GET", "/api/v1/cats", {"mine": "true"}),
            "installation": Call("GET", "/api/v1/installations"),
            "proxy": Call("POST", interact, {"installation_id": installed["id"]}),
        }
        # Under this name auth-service's own page, too, is of another origin than the address that it logs in at.
        pages = {**house.urls, "auth": house.urls["auth"].replace("127.0.0.1", "localhost")}
        bodies = {
            service: await asyncio.to_thread(use, browser, house, pages[service], calls[service], person.email)
            for service in SERVICES
        }
    assert bodies["auth"]["email"] == person.email
    assert [each["id"] for each in bodies["catalog"]["items"]] == [cat["id"]]
    assert [each["id"] for each in bodies["installation"]["items"]] == [installed["id"]]
    assert "output" in bodies["proxy"]


def test_the_browser_ends_also_when_its_driver_was_killed(browser: Browser) -> None:
    driver, *others = browser.processes
    assert others
    driver.kill()
    browser.end_leftovers()
    assert not browser.left()
