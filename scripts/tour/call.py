"""The appointment of ten o'clock: each state that the insured's page of the call can be in, and the doctor's beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page

from scripts.tour.guide import Tour, open_link
from telecontrol.web import paths
from tests.browser.call.pages import KEEP_HANDLES
from tests.browser.call.troubles import LOSSY, NO_WAY_FROM_NOW, REFUSES, WITHOUT_INTERFACE

REFUSALS = {
    "insured-refused-by-browser": REFUSES.format(name="NotAllowedError", message="Permission denied"),
    "insured-refused-by-system": REFUSES.format(name="NotAllowedError", message="Permission denied by system"),
    "insured-device-busy": REFUSES.format(name="NotReadableError", message="Could not start video source"),
    "insured-no-device": REFUSES.format(name="NotFoundError", message="Requested device not found"),
    "insured-in-app": WITHOUT_INTERFACE,
}


def the_call(tour: Tour) -> None:
    told = tour.told("2026-11-24T09:00")
    context = tour.context()
    insured = context.new_page()
    open_link(insured, told)
    tour.take(insured, "insured-near")
    _refusals(tour, context)
    for script in (KEEP_HANDLES, LOSSY, NO_WAY_FROM_NOW):
        insured.add_init_script(script)
    insured.goto(paths.HOME)
    insured.get_by_role("button", name="Rejoindre le rendez-vous").click()
    insured.wait_for_url(f"**{paths.JOIN}")
    _reaches(insured, "devices")
    insured.wait_for_function("() => document.querySelector('.call__own-picture')?.videoWidth > 0")
    tour.take(insured, "insured-devices", moves=True)
    insured.get_by_role("button", name="Entrer dans la salle").click()
    _reaches(insured, "waiting")
    tour.take(insured, "insured-waiting", moves=True)

    doctor = tour.staff("doctor")
    for script in (KEEP_HANDLES, NO_WAY_FROM_NOW):
        doctor.add_init_script(script)
    doctor.goto(paths.DOCTOR)
    tour.take(doctor, "doctor-today")
    doctor.goto(paths.room(told["appointment_id"]))
    _reaches(doctor, "waiting")
    tour.take(doctor, "doctor-room-waiting", moves=True)
    doctor.get_by_role("button", name=re.compile(r"^Dans \d+ min$")).first.click()
    insured.get_by_text("Le médecin a un peu de retard").wait_for()
    tour.take(insured, "insured-delayed", moves=True)
    doctor.locator("#admit").click()
    _both_see(insured, doctor)
    tour.take(insured, "insured-call", moves=True)
    doctor.get_by_text("Arrêt justifié", exact=True).click()
    doctor.locator(".documents label.slot").first.click()
    tour.take(doctor, "doctor-room", moves=True)
    _troubles(tour, insured, doctor)
    context.close()
    doctor.goto(paths.DOCTOR_AGENDA)
    tour.take(doctor, "doctor-agenda")
    doctor.goto(paths.DOCTOR_REPORTS)
    tour.take(doctor, "doctor-reports")


def _refusals(tour: Tour, context: BrowserContext) -> None:
    """What the page says of each thing that keeps a camera away."""
    for name, script in REFUSALS.items():
        with _another_page(context) as page:
            page.add_init_script(script)
            page.goto(paths.HOME)
            page.get_by_role("button", name="Rejoindre le rendez-vous").click()
            _reaches(page, "devices")
            page.locator(".call [role=alert], .call h2").first.wait_for()
            tour.take(page, name)


def _troubles(tour: Tour, insured: Page, doctor: Page) -> None:
    """A poor network, a way that dies, and the end."""
    insured.evaluate("window.isLossy = true")
    insured.get_by_text("Image arrêtée pour garder le son").wait_for(timeout=40_000)
    tour.take(insured, "insured-poor", moves=True)
    insured.evaluate("window.isLossy = false")
    insured.get_by_role("button", name="Remettre l’image").click()
    for page in (insured, doctor):
        page.evaluate("window.isCut = true, kept.connections.forEach((each) => each.close())")
    _reaches(insured, "reconnecting", "connecting", "admitted", "connected")
    tour.take(insured, "insured-reconnecting", moves=True)
    _reaches(insured, "failed")
    tour.take(insured, "insured-failed", moves=True)
    for page in (insured, doctor):
        page.reload()
    _both_see(insured, doctor)
    doctor.get_by_role("button", name="Terminer").first.click()
    _reaches(insured, "ended")
    tour.take(insured, "insured-finished")


def _both_see(*pages: Page) -> None:
    for page in pages:
        _reaches(page, "live")
        page.wait_for_function("document.querySelector('.call__remote')?.videoWidth > 0")


def _reaches(page: Page, *states: str) -> None:
    page.wait_for_function(
        "states => states.includes(document.querySelector('.call')?.dataset.state)",
        arg=list(states),
        polling=50,
        timeout=45_000,
    )


@contextmanager
def _another_page(context: BrowserContext) -> Iterator[Page]:
    page: Any = context.new_page()
    yield page
    page.close()
