"""Walk through the demonstration as each kind of user and take the pictures of docs/tour.md.

    python -m scripts.tour

Starts the demonstration on a free port, in a scratch folder, at a morning that is always the same; drives Chromium; writes
docs/pictures/*.webp (again only what really changed) and docs/tour.md. The words are below.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console

from scripts.pictures import Album
from scripts.tour_text import CHAPTERS, page_of
from telecontrol.cli.demo import run_demo
from telecontrol.web import paths
from tests.support import chromium
from tests.support.ports import free_port

ROOT = Path(__file__).parents[1]
PICTURES, PAGE = ROOT / "docs" / "pictures", ROOT / "docs" / "tour.md"
OPENING = datetime(2026, 11, 24, 8, 48, tzinfo=UTC)
"""A Tuesday, 09:48 in Paris: an appointment at ten can just be joined."""
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
CAMERA = ("insured-devices", "insured-waiting", "insured-call", "doctor-room-waiting", "doctor-room")
"""Pictures with a moving camera in them: they differ each time."""


@dataclass
class Tour:
    """Who walks, and where the pictures go."""

    browser: Browser
    album: Album
    base: str
    facts: dict[str, Any]

    def visitor(self) -> Page:
        """Somebody new, in a browser of their own."""
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
        return context.new_page()

    def staff(self, role: str) -> Page:
        account = self.facts["accounts"][role]
        page = self.visitor()
        page.goto(paths.SIGN_IN)
        page.fill("input[name=email]", account["email"])
        page.fill("input[name=password]", account["password"])
        page.get_by_role("button", name="Se connecter").click()
        page.wait_for_url(re.compile("^(?!.*/sign-in)"))
        return page

    def insured(self, starts_at: str) -> tuple[Page, dict[str, Any]]:
        """Who has an appointment at that instant, with the link not yet opened."""
        found = next(each for each in self.facts["insured"] if each["starts_at"].startswith(starts_at))
        return self.visitor(), found

    def take(self, page: Page, name: str, *, only: str = "") -> None:
        """Both sizes of the page as it stands."""
        for size, (width, height, kept) in SIZES.items():
            if only and size != only:
                continue
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(HIDE)
            page.evaluate("window.scrollTo(0, 0)")
            page.wait_for_timeout(250)
            page.evaluate(SETTLE)
            png = page.screenshot(animations="disabled")
            self.album.add(f"{name}-{size}", png, width=kept, tolerance=0.2 if name in CAMERA else 0.004)


def insured_before(tour: Tour) -> None:
    page, told = tour.insured("2026-11-27T08:00")
    page.goto(told["link"])
    tour.take(page, "insured-gate")
    page.get_by_role("button", name="Continuer").click()
    tour.take(page, "insured-birth-date")
    _tell_birth_date(page, told)
    tour.take(page, "insured-before")
    page.goto(paths.CANNOT_COME)
    tour.take(page, "insured-cannot-come")
    page.goto(paths.DECLINE)
    tour.take(page, "insured-decline")
    page.get_by_role("button", name="Oui, je préfère sur place").click()
    tour.take(page, "insured-declined")


def insured_in_person(tour: Tour) -> None:
    page, told = tour.insured("2026-11-26T13:00")
    page.goto(told["link"])
    page.get_by_role("button", name="Continuer").click()
    _tell_birth_date(page, told)
    tour.take(page, "insured-in-person")


def the_call(tour: Tour) -> None:
    """The insured at ten o'clock, and the doctor."""
    insured, told = tour.insured("2026-11-24T09:00")
    insured.goto(told["link"])
    insured.get_by_role("button", name="Continuer").click()
    _tell_birth_date(insured, told)
    tour.take(insured, "insured-near")
    insured.get_by_role("button", name="Rejoindre le rendez-vous").click()
    insured.wait_for_url(f"**{paths.JOIN}")
    _reaches(insured, "devices")
    insured.wait_for_function("() => document.querySelector('.call__own-picture')?.videoWidth > 0")
    tour.take(insured, "insured-devices")
    insured.get_by_role("button", name="Entrer dans la salle").click()
    _reaches(insured, "waiting")
    tour.take(insured, "insured-waiting")

    doctor = tour.staff("doctor")
    doctor.goto(paths.DOCTOR)
    tour.take(doctor, "doctor-today")
    doctor.goto(paths.room(told["appointment_id"]))
    _reaches(doctor, "waiting")
    tour.take(doctor, "doctor-room-waiting")
    doctor.locator("#admit").click()
    for page in (insured, doctor):
        _reaches(page, "live")
        page.wait_for_function("document.querySelector('.call__remote')?.videoWidth > 0")
    tour.take(insured, "insured-call")
    doctor.get_by_text("Arrêt justifié", exact=True).click()
    doctor.locator(".documents label.slot").first.click()
    tour.take(doctor, "doctor-room")
    insured.context.close()
    doctor.goto(paths.DOCTOR_AGENDA)
    tour.take(doctor, "doctor-agenda")
    doctor.goto(paths.DOCTOR_REPORTS)
    tour.take(doctor, "doctor-reports")


def desk(tour: Tour) -> None:
    page = tour.staff("handler")
    page.goto(paths.DESK)
    tour.take(page, "desk-home")
    page.get_by_test_id("task-row").get_by_role("link", name="Planifier").first.click()
    tour.take(page, "desk-booking")
    # Yesterday's unjustified leave: the control that has the whole story.
    whole = next(each for each in tour.facts["insured"] if each["starts_at"].startswith("2026-11-23T09:00"))
    page.goto(paths.control(whole["control_id"]))
    tour.take(page, "desk-control")
    page.goto(paths.DESK_APPOINTMENTS)
    tour.take(page, "desk-appointments")
    page.goto(paths.DESK_IMPORT)
    tour.take(page, "desk-import")


def administration(tour: Tour) -> None:
    page = tour.staff("admin")
    page.goto(paths.ADMIN_ORGANISATIONS)
    tour.take(page, "admin-organisations")
    page.goto(paths.ADMIN_DOCTORS)
    tour.take(page, "admin-doctors")
    page.goto(paths.ADMIN_POLICIES)
    tour.take(page, "admin-policies")


def post(tour: Tour) -> None:
    """A mailbox, a phone, and the insurer who receives reports."""
    page = tour.visitor()
    for name, box in (("outbox-mail", "@"), ("outbox-sms", "+33")):
        page.goto(paths.OUTBOX)
        page.locator("a.mailbox__box", has_text=box).first.click()
        page.locator("a.mailbox__message").last.click()
        page.wait_for_load_state("networkidle")
        tour.take(page, name)
    page.goto(paths.LOCAL_INSURER)
    tour.take(page, "insurer")


def overview(tour: Tour) -> None:
    """A laptop and a phone side by side, for the first page of the repository."""
    page = tour.browser.new_page(viewport={"width": 1200, "height": 640}, device_scale_factor=1.5)
    laptop, phone = tour.album.address("doctor-room-laptop"), tour.album.address("insured-before-phone")
    page.set_content(
        f"""<style>
        body {{ margin: 0; width: 1200px; height: 640px; background: linear-gradient(160deg, #e9eff4, #cfdce6); position: relative }}
        img {{ position: absolute; display: block; background: #fff; box-shadow: 0 18px 50px rgb(20 40 60 / .28) }}
        .laptop {{ left: 44px; top: 58px; width: 836px; border-radius: 10px }}
        .phone {{ right: 40px; top: 48px; width: 236px; border-radius: 24px; border: 7px solid #17222b }}
        </style>
        <img class="laptop" src="{laptop}">
        <img class="phone" src="{phone}">"""
    )
    page.wait_for_timeout(200)
    tour.album.add("overview", page.screenshot(), width=1200, tolerance=0.2)


def _tell_birth_date(page: Page, told: dict[str, Any]) -> None:
    birth = date.fromisoformat(told["birth_date"])
    for part, value in (("day", birth.day), ("month", birth.month), ("year", birth.year)):
        page.fill(f"#birth_{part}", str(value))
    page.get_by_role("button", name="Continuer").click()
    page.wait_for_url(f"**{paths.HOME}")


def _reaches(page: Page, *states: str) -> None:
    page.wait_for_function(
        "states => states.includes(document.querySelector('.call')?.dataset.state)", arg=list(states), polling=50
    )


WALKS = (insured_before, insured_in_person, the_call, desk, administration, post, overview)


@contextmanager
def demonstration() -> Iterator[dict[str, Any]]:
    """The demonstration in a process of its own, ready; what its var/demo.json tells."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", f"import scripts.tour as tour; tour.perform({port})"],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        )
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/health/ready", process)
            facts: dict[str, Any] = json.loads((Path(folder) / "var" / "demo.json").read_text("utf-8"))
            yield facts
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def perform(port: int) -> None:
    """Serve the demonstration from `OPENING`: what the tour's other process does."""
    run_demo(port=port, keep=False, console=Console(quiet=True), begins_at=OPENING)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310  (our own server on loopback)
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the demonstration does not start")


def main() -> int:
    with demonstration() as facts, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.path()), args=[*chromium.ARGUMENTS, "--lang=fr-FR"]
        )
        tour = Tour(browser, Album(browser, PICTURES), facts["base_url"], facts)
        for walk in WALKS:
            walk(tour)
        gone = tour.album.sweep()
        browser.close()
    PAGE.write_text(page_of(CHAPTERS, PICTURES), encoding="utf-8")
    print(
        f"written: {', '.join(tour.album.written) or 'none'}; as they were: {len(tour.album.kept)}; removed: {len(gone)}"
    )
    print(f"{tour.album.size() / 1024:.0f} KiB in {PICTURES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
