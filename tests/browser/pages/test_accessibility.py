"""Every sample page in Chromium: nothing refused by the policy, nothing that scrolls sideways; and each template read by axe-core.

Pages alternate between the languages, themes and sizes, so that each combination meets each kind of page; the gallery of
components meets them all, and the main pages of the insured the narrowest telephone and text at 200 %.
"""

from __future__ import annotations

import functools
import http.server
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page

from scripts.preview import SIZES, Handler, write_pages
from tests.web.samples import PAGES

Contexts = Callable[..., Awaitable[BrowserContext]]
COMBINATIONS = list(itertools.product(["fr", "en"], ["phone", "laptop"], ["light", "dark"]))
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The sample pages on a free port of loopback, under the service's own policy; the names of the pages."""
    folder = tmp_path_factory.mktemp("pages")
    names = sorted({name for name, _ in write_pages(folder, [], [])})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", names
    server.shutdown()
    server.server_close()


async def look(page: Page, url: str, *, in_depth: bool = True) -> list[str]:
    """Open a page; what is wrong with it. axe-core takes a second: `in_depth` says whether it is asked."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(url, wait_until="load")
    found = (await Axe().run(page, options=OPTIONS)).response["violations"] if in_depth else []
    for violation in found:
        said += [f"{violation['id']}: {node['html'][:160]} {node['failureSummary']}" for node in violation["nodes"]]
    beyond = await page.evaluate(BEYOND)
    return said + ([f"scrolls sideways by {beyond} px"] if beyond > 0 else [])


async def opened(contexts: Contexts, size: str, theme: str) -> BrowserContext:
    width, height = SIZES[size]
    return await contexts(viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce")


async def test_every_page(site: tuple[str, list[str]], context_factory: Contexts) -> None:
    address, names = site
    contexts = {(size, theme): await opened(context_factory, size, theme) for _, size, theme in COMBINATIONS}
    wrong: dict[str, list[str]] = {}
    read: set[str] = set()
    for name, (language, size, theme) in zip(names, itertools.cycle(COMBINATIONS), strict=False):
        page = await contexts[size, theme].new_page()
        template, _ = PAGES[name]
        if found := await look(page, f"{address}/{language}/{name}.html", in_depth=template not in read):
            wrong[f"{name} {language} {size} {theme}"] = found
        read.add(template)
        await page.close()
    assert not wrong


@pytest.mark.parametrize(("language", "size", "theme"), COMBINATIONS)
async def test_every_component(
    site: tuple[str, list[str]], context_factory: Contexts, language: str, size: str, theme: str
) -> None:
    page = await (await opened(context_factory, size, theme)).new_page()
    assert not await look(page, f"{site[0]}/{language}/gallery.html")


SMALL_TARGETS = """[...document.querySelectorAll('main button, main a.btn, main a.way, main .choice, main .slot, main .form-control')]
    .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 44)
    .map((each) => each.outerHTML.slice(0, 120))"""
ENLARGE = "document.documentElement.style.fontSize = '200%'"
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def test_narrowest_telephone_with_large_text(site: tuple[str, list[str]], context_factory: Contexts) -> None:
    address, names = site
    context = await opened(context_factory, "narrow", "light")
    wrong: dict[str, list[str]] = {}
    for name in names:
        if not name.startswith(("insured/", "public/")):
            continue
        page = await context.new_page()
        found = await look(page, f"{address}/fr/{name}.html", in_depth=False)
        found += [f"too small for a finger: {each}" for each in await page.evaluate(SMALL_TARGETS)]
        await page.evaluate(ENLARGE)
        beyond = await page.evaluate(BEYOND)
        if beyond > 0:
            found.append(f"with text at 200 %, scrolls sideways by {beyond} px")
        if found:
            wrong[name] = found
        await page.close()
    assert not wrong
