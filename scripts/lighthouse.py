"""Lighthouse, as a phone, on the insured's pages of the demonstration; and what they weigh. Nothing fails for being low.

    python -m scripts.lighthouse [NAMES …]        all pages when none is named

Starts the demonstration, walks through it as the insured do to get each page's address and cookies, then has Lighthouse (this
version, from npm, in Debian's Chromium) look at each. Printed, and kept in var/lighthouse.json. Pages come without
compression, as in production, and with the bar that moves the demonstration's clock. About five minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, sync_playwright
from rich.console import Console
from rich.table import Table

from scripts.tour.demonstration import demonstration
from scripts.tour.guide import open_link
from telecontrol.web import paths
from tests.support import chromium
from tests.support.needs import program
from tests.support.ports import free_port

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "var" / "lighthouse.json"
VERSION = "12.8.2"
"""The last that runs on Node 20."""
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
INDEXED = "is-crawlable"
"""The one audit that our pages must not pass: a link that leads to somebody's appointment is no search result."""
GOAL = 95
HEAVIEST = 150_000
"""Bytes of all pages before the call, one browser, empty cache."""
_LONGEST_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Stop:
    """A page, and the cookies of whoever sees it."""

    name: str
    path: str
    cookies: tuple[Any, ...] = ()
    """As the browser gave them, for it to take again."""


def stops_of(context: BrowserContext, facts: dict[str, Any], weight: list[int]) -> list[Stop]:
    """The pages of somebody whose appointment is in three days, and of somebody whose hour has come. What the second downloads
    until they are in the waiting room is added to `weight`, in bytes."""
    far, near = (
        next(each for each in facts["insured"] if each["starts_at"].startswith(hour))
        for hour in ("2026-11-27T08:00", "2026-11-24T09:00")
    )
    found = [
        Stop("welcome", paths.WELCOME),
        Stop("genuine", paths.GENUINE),
        Stop("lost link", paths.LOST_LINK),
        Stop("privacy", paths.PRIVACY),
        Stop("accessibility", paths.ACCESSIBILITY),
        Stop("device test, public", paths.DEVICE_TEST),
        Stop("gate", urlsplit(far["link"]).path),
    ]
    page = context.new_page()
    page.goto(far["link"])
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_selector("#birth_day")
    found.append(Stop("birth date", paths.HOME, _cookies(context)))
    context.clear_cookies()
    # A visit of its own: the other one stays without a birth date.
    open_link(page, far)
    known = _cookies(context)
    found += [
        Stop("appointment", paths.HOME, known),
        Stop("device test", paths.TEST, known),
        Stop("prepare", paths.PREPARE, known),
        Stop("decline", paths.DECLINE, known),
        Stop("cannot come", paths.CANNOT_COME, known),
        Stop("other hour", paths.OTHER_HOUR, known),
    ]
    context.clear_cookies()

    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Network.clearBrowserCache")
    protocol.on("Network.loadingFinished", lambda event: weight.append(int(event["encodedDataLength"])))
    open_link(page, near)
    page.goto(paths.TEST)
    page.get_by_role("button", name="Commencer le test").wait_for()
    page.goto(paths.HOME)
    page.get_by_role("button", name="Rejoindre le rendez-vous").click()
    page.get_by_role("button", name="Entrer dans la salle").wait_for()
    known = _cookies(context)
    page.goto(paths.PRIVACY)
    # First, while the place in the waiting room is kept.
    return [Stop("waiting room", paths.JOIN, known), Stop("appointment, near", paths.HOME, known), *found]


def look(base: str, stop: Stop, context: BrowserContext, port: int) -> dict[str, Any]:
    """Lighthouse's scores of one page, what it found wanting, and what the page weighs to somebody who has nothing of it."""
    context.clear_cookies()
    context.add_cookies([*stop.cookies])
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [str(program("npx")), "--yes", f"lighthouse@{VERSION}", base + stop.path, f"--port={port}", "--quiet"]
        command += ["--output=json", f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}"]
        command.append("--no-enable-error-reporting")
        # On a busy machine it sometimes misses the start of the page, and asks to be run again.
        for last in (False, False, True):
            if subprocess.run(command, check=last, cwd=folder, timeout=_LONGEST_SECONDS).returncode == 0:
                break
        told = json.loads(report.read_text(encoding="utf-8"))
    if urlsplit(told["finalDisplayedUrl"]).path != stop.path:
        raise RuntimeError(f"{stop.name}: led away to {urlsplit(told['finalDisplayedUrl']).path}")
    requests = told["audits"]["network-requests"]["details"]["items"]
    others = {urlsplit(each["url"]).netloc for each in requests} - {urlsplit(base).netloc, ""}
    return {
        "page": stop.name,
        "scores": {key: _percent(told["categories"][key]["score"]) for key in CATEGORIES},
        "seo_but_for_indexing": _seo_but_for_indexing(told),
        "machine": round(told["environment"]["benchmarkIndex"]),
        "bytes": sum(int(each.get("transferSize") or 0) for each in requests),
        "other_origins": sorted(others),
        "wanting": sorted(_wanting(told)),
    }


def look_well(base: str, stop: Stop, context: BrowserContext, port: int) -> dict[str, Any]:
    """A page that seems slow is looked at twice more, and its median counts: one look tells as much of a busy machine."""
    rows = [look(base, stop, context, port)]
    if rows[0]["scores"]["performance"] < GOAL:
        rows += [look(base, stop, context, port) for _ in range(2)]
    return sorted(rows, key=lambda row: int(row["scores"]["performance"]))[len(rows) // 2]


def _seo_but_for_indexing(told: dict[str, Any]) -> int:
    parts = [
        (each["weight"], told["audits"][each["id"]]["score"])
        for each in told["categories"]["seo"]["auditRefs"]
        if each["id"] != INDEXED and told["audits"][each["id"]]["score"] is not None
    ]
    return _percent(sum(weight * score for weight, score in parts) / sum(weight for weight, _ in parts))


def _wanting(told: dict[str, Any]) -> set[str]:
    """Audits that count in a score and are not passed."""
    counted = {each["id"] for key in CATEGORIES for each in told["categories"][key]["auditRefs"] if each["weight"] > 0}
    return {name for name in counted if (told["audits"][name]["score"] or 0) < 0.9 and _applies(told["audits"][name])}


def _applies(audit: dict[str, Any]) -> bool:
    return audit["scoreDisplayMode"] not in {"notApplicable", "informative", "manual"}


def _percent(score: float | None) -> int:
    return round(100 * (score or 0))


def _cookies(context: BrowserContext) -> tuple[Any, ...]:
    return tuple(context.cookies())


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Lighthouse {VERSION}, phone profile (goal: {GOAL})", title_justify="left")
    table.add_column("page", no_wrap=True)
    for name in ("speed", "access", "practice", "SEO", "SEO *", "kB"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        scores = (*row["scores"].values(), row["seo_but_for_indexing"])
        table.add_row(row["page"], *map(str, scores), f"{row['bytes'] / 1000:.0f}")
    return table


def _tell_wanting(console: Console, rows: list[dict[str, Any]]) -> None:
    """What is not passed, and where."""
    found = sorted({name for row in rows for name in row["wanting"] if name != INDEXED})
    for name in found:
        console.print(f"{name}: {', '.join(row['page'] for row in rows if name in row['wanting'])}")


def main(names: list[str]) -> int:
    console = Console()
    weight: list[int] = []
    rows: list[dict[str, Any]] = []
    with demonstration() as facts, tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        base, port = facts["base_url"], free_port()
        # One browser for both: Lighthouse comes to it by the port, and finds the cookies of whoever walked.
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=str(chromium.path()),
            args=[*chromium.ARGUMENTS, "--lang=fr-FR", f"--remote-debugging-port={port}"],
            base_url=base,
            no_viewport=True,
            permissions=["camera", "microphone"],
        )
        stops = stops_of(context, facts, weight)
        unknown = set(names) - {stop.name for stop in stops}
        if unknown:
            print(f"no such page: {', '.join(unknown)}; there are {', '.join(s.name for s in stops)}", file=sys.stderr)
            return 2
        rows += [look_well(base, stop, context, port) for stop in stops if not names or stop.name in names]
        context.close()
    KEPT.parent.mkdir(exist_ok=True)
    kept = {"version": VERSION, "load": os.getloadavg()[0], "pages": rows, "bytes_before_the_call": sum(weight)}
    KEPT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    console.print(_table(rows))
    console.print(f"* without {INDEXED}: no page of ours may be found by a search engine")
    _tell_wanting(console, rows)
    console.print(
        f"From the link to the waiting room, by the test: {sum(weight) / 1000:.0f} kB (goal: under {HEAVIEST / 1000:.0f}). "
        f"Other origins: {', '.join(sorted({each for row in rows for each in row['other_origins']})) or 'none'}.",
        soft_wrap=True,
    )
    machine = sorted(row["machine"] for row in rows)[len(rows) // 2]
    console.print(
        f"Load {kept['load']:.1f}; this machine's own mark with Lighthouse {machine}. Kept in {KEPT}", soft_wrap=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
