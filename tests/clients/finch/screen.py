"""Finch on the screen of a browser without a window, and what a person does and sees there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE_S = 60
LOOK_AGAIN_S = 0.05
OPTIONS = (
    "--headless=new",
    "--window-size=1600,1100",
    # Containers have no room for its sandbox and its shared memory; it shows nothing but our own page.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # A page that needs anything from elsewhere does not get it.
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

Seen = TypeVar("Seen")


@contextmanager
def open_browser(pictures: Path) -> Iterator[Chrome]:
    """Run Chromium; what it shows at the end, and so after a failure, is in ``pictures``."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.skip(f"a browser is missing: {', '.join(missing)} (apt-get install chromium chromium-driver)")
    options = ChromeOptions()
    options.binary_location = programs["chromium"] or ""
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, Service(programs["chromedriver"]))
    try:
        yield browser
    finally:
        browser.save_screenshot(str(pictures / "finch.png"))
        browser.quit()


class Screen:
    """The page; items are told apart by the number of their readings."""

    def __init__(self, browser: Chrome) -> None:
        self.browser = browser

    # --- looking -------------------------------------------------------------------------------------------------

    def wait(self, look: Callable[[], Seen], what: str) -> Seen:
        """Return what ``look`` sees as soon as it is something; the page may change meanwhile."""
        waiting = WebDriverWait(self.browser, PATIENCE_S, LOOK_AGAIN_S, ignored_exceptions=[WebDriverException])
        try:
            return waiting.until(lambda _: look())
        except TimeoutException:
            raise AssertionError(f"never seen: {what}\non the screen:\n{self.text()}") from None

    def wait_for(self, path: str) -> WebElement:
        """Return the first element at an XPath that can be seen."""
        found = self.wait(lambda: self._find(path), path)
        assert found is not None
        return found

    def wait_equal(self, look: Callable[[], object], expected: object) -> None:
        """Wait until ``look`` sees what is expected."""
        seen: list[object] = []

        def equals() -> bool:
            seen[:] = [look()]
            return seen == [expected]

        try:
            self.wait(equals, repr(expected))
        except AssertionError as error:
            raise AssertionError(f"seen last: {seen}; {error}") from None

    def text(self) -> str:
        """Return all that can be read."""
        return self.browser.find_element(By.TAG_NAME, "body").text

    def console(self) -> str:
        """Return the console output that is shown."""
        return self.wait_for("//section[p[contains(., 'Queue Server console')]]").text

    def queue(self) -> list[int]:
        """Return the items of the queue, the next one first."""
        return self._items("Queue")

    def history(self) -> list[int]:
        """Return the items of the history, the oldest first."""
        return self._items("History")

    def running(self) -> list[int]:
        """Return the item that is shown as running, if any."""
        return self._items("Run Engine")

    def complaints(self) -> list[str]:
        """Return what the page has complained about since this was last asked."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]

    def _find(self, path: str) -> WebElement | None:
        return next((found for found in self.browser.find_elements(By.XPATH, path) if found.is_displayed()), None)

    def _items(self, title: str) -> list[int]:
        cards = self.browser.find_elements(By.XPATH, f"//aside/div[.//p[.='{title}']]//li")
        texts = [card.get_attribute("textContent") or "" for card in cards]
        return [int(found[1]) for found in (re.search(r"num :(\d+)", text) for text in texts) if found]

    # --- doing ---------------------------------------------------------------------------------------------------

    def open(self, address: str) -> None:
        """Open the page, and wait until it knows the plans."""
        self.browser.get(address)
        self.wait_for("//h1[.='PLAN']")

    def choose(self, plan: str) -> None:
        """Choose a plan from the list."""
        self.click(f"//form//li[p[.='{plan.replace('_', ' ')}']]")
        self.wait_for(f"//h3[starts-with(., '{plan}: ')]")

    def write(self, num: int, plan: str = "count", delay: str = "") -> None:
        """Fill the form of a plan that counts."""
        self.choose(plan)
        detectors = "//div[p[starts-with(., 'detectors ')]]"
        self.click(f"{detectors}//input")
        # A device that was chosen once is not offered again, also for the next plan.
        self.click(f"{detectors}//li[starts-with(., 'det')]")
        self.wait_for("//div[p[starts-with(., 'num ')]]//input").send_keys(str(num))
        if delay:
            self.wait_for("//div[p[starts-with(., 'delay ')]]//input").send_keys(delay)
        self.wait_for(f"//pre[contains(., '\"num\": {num}')]")

    def add(self, num: int, plan: str = "count", delay: str = "", position: str = "") -> None:
        """Add a plan from the form to the queue."""
        self.write(num, plan, delay)
        if position:
            line = self.wait_for("//label[@id='positionLabel']/input")
            line.clear()
            line.send_keys(position)
        self.press("Add To Queue")
        self.wait_for("//p[.='Success']")
        self.press("Continue")

    def press(self, text: str) -> None:
        """Press a button."""
        self.click(f"//button[.='{text}']")

    def switch(self) -> None:
        """Turn the switch of the run engine."""
        self.click("//button[preceding-sibling::p[.='ON']][following-sibling::p[.='OFF']]")

    def show(self, title: str, num: int) -> None:
        """Click on an item of the queue or the history."""
        numbered = f"div[translate(., ' ', '')='num:{num}']"
        self.click(f"//aside/div[.//p[.='{title}']]//li[.//{numbered}]")

    def click(self, path: str) -> None:
        """Click on something as soon as it can be clicked on."""

        def click() -> bool:
            found = self._find(path)
            if found is not None:
                found.click()
            return found is not None

        self.wait(click, f"{path} without anything in front of it")
