"""The page of the interface's documentation in a real Chromium, under the policy with which it is served."""

from __future__ import annotations

import json

import pytest

from queue_server.protocol.methods import METHODS
from tests.clients.finch.screen import Screen, open_browser
from tests.processes.waiting import wait_until

# Down by less than what is in view, and from the end to the beginning again.
SCROLL = (
    "const end = document.documentElement.scrollHeight - innerHeight - 1;"
    "scrollY >= end ? scrollTo(0, 0) : scrollBy(0, innerHeight / 4)"
)


@pytest.fixture(scope="module")
def gateway(running_system):
    """A system with a gateway, whose documentation is open to all."""
    with running_system(http="127.0.0.1:0") as system:
        yield system.ready["http"]


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    """A browser that reaches this host and no other."""
    with open_browser(tmp_path_factory.mktemp("pictures")) as browser:
        yield Screen(browser)


@pytest.fixture(scope="module")
def page(gateway, screen):
    """The page, once it shows its operations; opened once, since it draws every method."""
    screen.browser.get(f"{gateway}/docs")
    screen.wait_for("//div[contains(@class, 'opblock')]")
    return screen


def operations(screen):
    """The verb and the path of each operation that is shown."""
    # One question for all rows: there are hundreds.
    rows = screen.browser.execute_script(
        "return [...document.querySelectorAll('.opblock-summary')].map("
        "row => [row.querySelector('.opblock-summary-method').innerText, row.textContent])"
    )
    return {(verb, text) for verb, text in rows}


def find_missing(declared, shown):
    """Those of the declared routes that are not shown."""
    listed = [(verb, text.replace("\u200b", "")) for verb, text in shown]
    return {
        (verb, path)
        for verb, path in declared
        if not any(verb == shown_verb and f"/v1{path}" in text for shown_verb, text in listed)
    }


def test_every_method_is_listed_and_the_browser_has_nothing_to_complain_about(page):
    declared = {method.route for method in METHODS.values() if not method.is_for_gateways}
    seen = set()

    def look_and_scroll():
        # Of so many only those in view are drawn, a moment after they have come into it.
        seen.update(operations(page))
        page.browser.execute_script(SCROLL)
        return not find_missing(declared, seen)

    wait_until(look_and_scroll, "all operations")
    assert page.complaints() == []


def test_an_operation_opens_and_is_tried_out_without_a_complaint(page):
    live = "//div[contains(@id, 'health_live')]"
    page.browser.execute_script("scrollTo(0, 0)")
    page.wait_for(live)
    page.click(f"{live}//button")
    page.click(f"{live}//button[normalize-space()='Try it out']")
    page.click(f"{live}//button[normalize-space()='Execute']")
    page.wait_for(f"{live}//table[contains(@class, 'live-responses-table')]//td[normalize-space()='200']")
    assert '"alive": true' in page.text()
    assert page.complaints() == []


@pytest.mark.night
def test_the_policy_holds_in_this_browser(page):
    complain = (
        "const s = document.createElement('script'); s.textContent = 'window.got_in = 1'; document.head.append(s)"
    )
    page.browser.execute_script(complain)
    assert page.browser.execute_script("return window.got_in") is None
    [complaint] = page.complaints()
    assert "Content Security Policy" in json.dumps(complaint)
