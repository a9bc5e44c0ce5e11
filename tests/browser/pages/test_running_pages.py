"""The demonstration as people meet it: every page within reach of each role, and of an insured person, in Chromium.

A page is right when it answers, when nothing of it is refused by the policy, when axe-core finds no violation, when it does not
scroll sideways and when each form carries its token. One page of each route is looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
NO_PAGE = re.compile(r"^/(static|i)/|\.(csv|ics|svg|css|json)(\?|$)")
# A browser driven by a test has pressed nothing yet: it says so when the call prepares its ring.
NO_GESTURE = "AudioContext was not allowed to start"
FORMS = """[...document.forms].filter((form) => form.method === 'post' && !form.elements.namedItem('csrf_token'))
    .map((form) => form.action)"""
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LINKS = "[...document.querySelectorAll('a[href^=\"/\"]')].map((each) => each.getAttribute('href'))"


@pytest_asyncio.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    """`telecontrol demo` in a process and a folder of its own; what its var/demo.json says."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "telecontrol", "demo", "--port", str(port)),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _answers(port)
        yield json.loads((folder / "var" / "demo.json").read_text("utf-8"))
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
            continue
        writer.close()
        return
    pytest.fail("the demonstration did not start within two minutes")


async def _opened(contexts: Callable[..., Awaitable[BrowserContext]], *, phone: bool, dark: bool, locale: str) -> Page:
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    theme = "dark" if dark else "light"
    context = await contexts(viewport=size, color_scheme=theme, locale=locale, reduced_motion="reduce")
    return await context.new_page()


async def _crawl(page: Page, base: str, start: str) -> dict[str, list[str]]:
    """Look at one page of each route within reach of `start`; what is wrong, by route."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    wrong: dict[str, list[str]] = {}
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop(0).partition("#")[0]
        route = re.sub(r"=[^&]*", "=…", UUID.sub("…", path))
        if route in seen or NO_PAGE.search(path):
            continue
        seen.add(route)
        said.clear()
        answer = await page.goto(base + path, wait_until="load")
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        faults = [] if answer.status == 200 else [f"answers {answer.status}"]
        faults += await _faults(page)
        faults += [each for each in said if NO_GESTURE not in each]
        if faults:
            wrong[route] = faults
        waiting += await page.evaluate(LINKS)
    assert len(seen) > 3, f"only {seen} was within reach"
    return wrong


async def _faults(page: Page) -> list[str]:
    found = await Axe().run(page, options=OPTIONS)
    faults = [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found.response["violations"]]
    faults += [f"no token in {action}" for action in await page.evaluate(FORMS)]
    beyond = await page.evaluate(BEYOND)
    return faults + ([f"scrolls sideways by {beyond} px"] if beyond > 0 else [])


@pytest.mark.parametrize(
    ("role", "phone", "dark", "locale"),
    [
        ("handler", False, False, "fr-FR"),
        ("handler", True, True, "en-GB"),
        ("doctor", False, True, "en-GB"),
        ("admin", True, False, "fr-FR"),
    ],
)
async def test_pages_of_staff(
    demo: dict[str, Any],
    context_factory: Callable[..., Awaitable[BrowserContext]],
    role: str,
    phone: bool,
    dark: bool,
    locale: str,
) -> None:
    page = await _opened(context_factory, phone=phone, dark=dark, locale=locale)
    account = demo["accounts"][role]
    await page.goto(demo["base_url"] + "/sign-in")
    await page.fill("#email", account["email"])
    await page.fill("#password", account["password"])
    await page.press("#password", "Enter")
    await page.wait_for_url(lambda url: "/sign-in" not in url)
    assert not await _crawl(page, demo["base_url"], page.url.removeprefix(demo["base_url"]))


async def test_pages_of_the_insured(
    demo: dict[str, Any], context_factory: Callable[..., Awaitable[BrowserContext]]
) -> None:
    page = await _opened(context_factory, phone=True, dark=False, locale="fr-FR")
    booked = next(each for each in demo["insured"] if each["state"] == "booked" and each["birth_date"])
    year, month, day = booked["birth_date"].split("-")
    await page.goto(booked["link"])
    assert not await _faults(page)
    await page.click("main form button")
    await page.fill("#birth_day", day)
    await page.fill("#birth_month", month)
    await page.fill("#birth_year", year)
    assert not await _faults(page)
    await page.click("main form button")
    await page.wait_for_url(demo["base_url"] + "/r")
    assert not await _crawl(page, demo["base_url"], "/r")


async def test_pages_of_development(
    demo: dict[str, Any], context_factory: Callable[..., Awaitable[BrowserContext]]
) -> None:
    page = await _opened(context_factory, phone=False, dark=True, locale="fr-FR")
    assert not await _crawl(page, demo["base_url"], "/outbox")
