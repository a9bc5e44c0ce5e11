"""Somebody who walks through the pages and takes pictures of them at the sizes of a phone and of a laptop."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from scripts.tour.pictures import Album
from telecontrol.web import paths

SIZES = {"phone": (390, 844, 520), "laptop": (1440, 900, 1280)}
"""Width and height of the window, and the width of the picture that is kept."""
# The bar that moves the demonstration's clock is no part of the service. Its rule is set as a script sets it: the pages'
# policy refuses style sheets of others.
HIDE = "document.querySelectorAll('.timebar').forEach((bar) => { bar.style.display = 'none'; })"
SETTLE = r"""() => {
  const same = [
    [/TC-[0-9A-Z]{4}-[0-9A-Z]{4}/g, "TC-7KQ2-M4XD"],
    [/LOCAL-[0-9A-F]{10}/g, "LOCAL-8F2C41D09A"],
    [/127\.0\.0\.1:\d+/g, "127.0.0.1:8000"],
    [/(\/i\/)[\w-]{22}/g, "$1Qm3vT8rXk2LwZp9sYd4HbA"],
    [/(depuis )\d+( s)/gi, "$15$2"],
  ];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const told = same.reduce((text, [found, instead]) => text.replace(found, instead), texts.currentNode.data);
    if (told !== texts.currentNode.data) texts.currentNode.data = told;
  }
}"""
"""Codes, addresses and seconds that differ at each run are written the same way, so that pictures differ only where pages do."""


@dataclass
class Tour:
    """Who walks, and where the pictures go."""

    browser: Browser
    album: Album
    base: str
    facts: dict[str, Any]

    def visitor(self) -> Page:
        """Somebody new, in a browser of their own."""
        return self.context().new_page()

    def context(self) -> BrowserContext:
        context = self.browser.new_context(
            base_url=self.base,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            permissions=["camera", "microphone"],
            device_scale_factor=2,
            reduced_motion="reduce",
            viewport={"width": 1440, "height": 900},
        )
        context.set_default_timeout(20_000)
        return context

    def staff(self, role: str) -> Page:
        account = self.facts["accounts"][role]
        page = self.visitor()
        page.goto(paths.SIGN_IN)
        page.fill("input[name=email]", account["email"])
        page.fill("input[name=password]", account["password"])
        page.get_by_role("button", name="Se connecter").click()
        page.wait_for_url(re.compile("^(?!.*/sign-in)"))
        return page

    def told(self, starts_at: str) -> dict[str, Any]:
        """What the demonstration tells of who has an appointment at that instant."""
        found: dict[str, Any] = next(each for each in self.facts["insured"] if each["starts_at"].startswith(starts_at))
        return found

    def take(self, page: Page, name: str, *, only: str = "", moves: bool = False) -> None:
        """Both sizes of the page as it stands. `moves`: with a moving camera in it, which differs each time."""
        for size, (width, height, kept) in SIZES.items():
            if only and size != only:
                continue
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(HIDE)
            page.evaluate("window.scrollTo(0, 0)")
            page.wait_for_timeout(250)
            page.evaluate(SETTLE)
            png = page.screenshot(animations="disabled")
            self.album.add(f"{name}-{size}", png, width=kept, tolerance=0.2 if moves else 0.004)


def open_link(page: Page, told: dict[str, Any]) -> None:
    """As far as the page of the appointment."""
    page.goto(told["link"])
    page.get_by_role("button", name="Continuer").click()
    tell_birth_date(page, told)


def tell_birth_date(page: Page, told: dict[str, Any]) -> None:
    birth = date.fromisoformat(told["birth_date"])
    for part, value in (("day", birth.day), ("month", birth.month), ("year", birth.year)):
        page.fill(f"#birth_{part}", str(value))
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_selector("#birth_day", state="detached")
