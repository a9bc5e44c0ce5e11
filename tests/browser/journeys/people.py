"""The people of a control, each in a browser of their own: what they press, what they read, what they see and hear."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Page, expect
from sqlalchemy import select

from telecontrol.controls.import_report import ImportMode
from telecontrol.controls.intake import import_controls
from telecontrol.controls.models import Control, Doctor
from telecontrol.db.journal import SERVICE
from telecontrol.tasks.models import TaskKind
from telecontrol.web import paths
from tests.support.insured import BIRTH
from tests.support.seeding import PASSWORD, Seeded, seed
from tests.support.service import Service

MakeContext = Callable[..., Awaitable[BrowserContext]]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
MAILBOX, MOBILE = "personne.a@courriel.example", "+33639980001"


def csv_line(starts: date, ends: date) -> bytes:
    """A file of one request, as a spreadsheet of the organisation writes it."""
    titles = "référence;procédure;matricule;nom;prénom;date de naissance;courriel;mobile;code postal;ville;début de l'arrêt;fin de l'arrêt"
    line = f"DOSSIER-1;A;AGENT-1;NOM-A;Prénom;{BIRTH:%d/%m/%Y};{MAILBOX};06 39 98 00 01;69003;Lyon;{starts};{ends}"
    return f"{titles}\r\n{line}\r\n".encode("cp1252")


async def one_doctor(service: Service) -> Seeded:
    """A seeded service where the doctor who has an account is the only one: who is booked is known beforehand."""
    seeded = await seed(service)
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Doctor, seeded.world.other_doctor.id)).is_active = False
    return seeded


async def imported(service: Service, seeded: Seeded) -> Control:
    """The control that came by the file."""
    now = service.clock.now()
    report = await import_controls(
        service.runtime.database,
        csv_line(now.date(), now.date() + timedelta(days=60)),
        organisation_id=seeded.world.organisation.id,
        mode=ImportMode.ALL_OR_NOTHING,
        actor=SERVICE,
        now=now,
    )
    assert report.is_good, report
    async with service.runtime.database.reading() as session:
        return (await session.scalars(select(Control).where(Control.external_reference == "DOSSIER-1"))).one()


class Person:
    """One page of one browser; no page may complain on its console, of the content policy least of all."""

    def __init__(self, service: Service, page: Page) -> None:
        self.service = service
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def _note(self, line: ConsoleMessage) -> None:
        # A page that is left while a part of it is being asked for: htmx calls what the browser gave up an error.
        if line.type == "error" and not line.text.startswith(("htmx:afterRequest", "htmx:sendAbort")):
            self.complaints.append(line.text)

    @classmethod
    async def come(cls, service: Service, make: MakeContext, **options: Any) -> Person:
        context = await make(base_url=service.url, **options)
        return cls(service, await context.new_page())

    async def sign_in(self, email: str) -> None:
        await self.page.goto(paths.SIGN_IN)
        await self.page.fill("input[name=email]", email)
        await self.page.fill("input[name=password]", PASSWORD)
        await self.page.get_by_role("button", name="Se connecter").click()
        await self.page.wait_for_url(re.compile("^(?!.*/sign-in)"))

    async def reaches(self, *states: str) -> None:
        """Wait until the call of this page stands in one of these states."""
        await self.page.wait_for_function(
            "states => states.includes(document.querySelector('.call')?.dataset.state)", arg=list(states), polling=50
        )

    async def sees_and_hears(self, *, within: float = 20) -> None:
        """Frames are decoded and sound has energy, both still rising; a picture is drawn."""
        first: dict[str, Any] | None = None
        deadline = time.monotonic() + within
        while True:
            now = await self.page.evaluate("document.querySelector('#call').mountedCall?.call.statistics()")
            if now and first and _moves(first, now):
                break
            if now and (first is None or first["audioEnergy"] == 0):
                first = now
            assert time.monotonic() < deadline, f"sees or hears nothing: {now}"
            await asyncio.sleep(0.2)
        drawn = await self.page.evaluate(
            "(v => [v.videoWidth, v.paused])(document.querySelector('.call__remote'))",
        )
        assert drawn[0] > 0, "nothing is drawn"
        assert drawn[1] is False, "the picture stands still"


def _moves(first: dict[str, Any], now: dict[str, Any]) -> bool:
    sees = now["framesDecoded"] > first["framesDecoded"] + 3
    return bool(sees and now["audioEnergy"] > first["audioEnergy"] > 0)


async def books_from_the_desk(handler: Person, control: Control, *, kind: TaskKind = TaskKind.CONTROL_TO_BOOK) -> int:
    """From the queue to the booked appointment; how many presses it took."""
    page = handler.page
    await page.goto(f"{paths.DESK}?queue={kind}")
    row = page.get_by_test_id("task-row").filter(has=page.locator(f'a[href="{paths.control(str(control.id))}"]'))
    await row.get_by_role("link", name="Planifier").click()
    await page.locator("label.slot").first.click()
    await page.get_by_role("button", name="Réserver ce créneau").click()
    await expect(page.get_by_text("Rendez-vous réservé", exact=False).first).to_be_visible()
    return 3


async def reads_mail_and_sms(reader: Person) -> str:
    """Both arrived and hold the same kind of link; the address of the one in the SMS."""
    page = reader.page
    addresses = []
    for box in (MAILBOX, MOBILE):
        await page.goto(paths.OUTBOX)
        await page.locator("a.mailbox__box", has_text=box).click()
        await page.locator("a.mailbox__message").last.click()
        link = page.locator(f'main a[href^="{reader.service.url}/i/"]').first
        addresses.append(str(await link.get_attribute("href")))
    assert addresses[0] != addresses[1], "each message has a link of its own"
    return addresses[1]


async def opens_the_link(insured: Person, address: str, *, birth: date = BIRTH) -> None:
    """The link, its button, the birth date."""
    page = insured.page
    await page.goto(address)
    await page.get_by_role("button", name="Continuer").click()
    await page.fill("#birth_day", str(birth.day))
    await page.fill("#birth_month", str(birth.month))
    await page.fill("#birth_year", str(birth.year))
    await page.get_by_role("button", name="Continuer").click()
    await page.wait_for_url(f"**{paths.HOME}")


async def joins(insured: Person) -> None:
    await insured.page.get_by_role("button", name="Rejoindre le rendez-vous").click()
    await insured.page.wait_for_url(f"**{paths.JOIN}")
    await insured.reaches("devices")
    await insured.page.locator(".call__act--go-in").click()
    await insured.reaches("connecting", "waiting", "admitted", "live")


async def opens_the_room(doctor: Person) -> None:
    await doctor.page.goto(paths.DOCTOR)
    await doctor.page.get_by_test_id("day-row").get_by_role("link", name="Entrer").first.click()
    await doctor.reaches("waiting")


async def concludes(doctor: Person, label: str, *, stated: str = "") -> None:
    """The result, the document, what leaves, the signature; `stated` is how the person was seen where no call was recorded."""
    page = doctor.page
    if stated:
        await page.get_by_text("Circonstances", exact=True).click()
        await page.get_by_label("J’ai vu la personne", exact=False).check()
        await page.get_by_label("Remarque administrative", exact=False).fill(stated)
    await page.get_by_text(label, exact=True).click()
    await page.locator(".documents label.slot").first.click()
    await page.get_by_role("button", name="Relire avant de signer").click()
    await page.fill("#signature", PASSWORD)
    await page.get_by_role("button", name="Signer").click()
    await expect(page.get_by_text("La conclusion est signée.")).to_be_visible()
