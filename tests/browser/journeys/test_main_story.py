"""The story of the product in real browsers: a line of a file, two messages, two people in a call, a report acknowledged.

And the same control declined: the desk, and an in-person convocation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from telecontrol.controls.models import Control
from telecontrol.reports.insurer_inbox import received
from telecontrol.scheduling.dossier import load_control
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.tasks.models import TaskKind
from telecontrol.web import paths
from tests.browser.journeys.people import (
    MAILBOX,
    MOBILE,
    PHONE,
    MakeContext,
    Person,
    books_from_the_desk,
    concludes,
    imported,
    joins,
    one_doctor,
    opens_the_link,
    opens_the_room,
    reads_mail_and_sms,
)
from tests.support.seeding import DOCTOR, HANDLER, Seeded
from tests.support.service import Service, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path) as running:
        yield running


async def told(service: Service, control: Control) -> Counter[tuple[str, str]]:
    """(kind, channel) of what the insured received."""
    found = [*await service.messages(recipient=MAILBOX), *await service.messages(recipient=MOBILE)]
    return Counter((message.kind, message.channel) for message in found)


async def present(service: Service, control: Control) -> tuple[Control, Appointment]:
    async with service.runtime.database.reading() as session:
        loaded = await load_control(session, control.id)
        dossier = await current_dossier(session, loaded)
        assert dossier is not None
        return loaded, dossier.appointment


async def convoked(service: Service, seeded: Seeded, make: MakeContext) -> tuple[Control, Appointment, Person, str]:
    """Imported, booked from the desk in a few presses, mail and SMS out; with the address in the SMS."""
    control = await imported(service, seeded)
    handler = await Person.come(service, make)
    await handler.sign_in(HANDLER)
    assert await books_from_the_desk(handler, control) <= 4
    await service.later(minutes=3)
    assert await told(service, control) == {("invitation", "mail"): 1, ("invitation", "sms"): 1}
    reader = await Person.come(service, make)
    address = await reads_mail_and_sms(reader)
    _, appointment = await present(service, control)
    assert appointment.doctor_id == seeded.world.doctor.id
    return control, appointment, handler, address


async def in_the_call(service: Service, make: MakeContext, address: str) -> tuple[Person, Person]:
    """The insured on a phone and the doctor on a laptop, who see and hear each other."""
    insured, doctor = await Person.come(service, make, **PHONE), await Person.come(service, make)
    await opens_the_link(insured, address)
    await doctor.sign_in(DOCTOR)
    await joins(insured)
    await insured.reaches("waiting")
    await opens_the_room(doctor)
    await expect(doctor.page.locator("#presence")).to_contain_text("attend")
    await doctor.page.locator("#admit").click()
    await asyncio.gather(insured.reaches("live"), doctor.reaches("live"))
    await asyncio.gather(insured.sees_and_hears(), doctor.sees_and_hears())
    return insured, doctor


async def test_from_a_line_of_a_file_to_the_acknowledged_report(service: Service, context_factory: MakeContext) -> None:
    seeded = await one_doctor(service)
    control, appointment, handler, address = await convoked(service, seeded, context_factory)
    await service.until(appointment.starts_at - timedelta(minutes=3))
    assert (await told(service, control))["reminder", "mail"] == 1
    assert (await told(service, control))["reminder", "sms"] == 1
    insured, doctor = await in_the_call(service, context_factory, address)
    await service.until(appointment.starts_at + timedelta(minutes=9))
    await concludes(doctor, "Arrêt non justifié")
    await insured.page.wait_for_url(f"**{paths.HOME}")
    await service.later(minutes=2)
    await service.work()

    async with service.runtime.database.reading() as session:
        (taken,) = await received(session)
    assert "not_justified" in str(taken.document)
    closed, attended = await present(service, control)
    assert (closed.state, attended.state) == ("closed", "attended")
    # Two days later: the sign-in of the day of booking is over.
    await handler.sign_in(HANDLER)
    await handler.page.goto(paths.control(str(control.id)))
    await expect(handler.page.locator("main")).to_contain_text(taken.acknowledgement_id)
    await insured.page.goto(paths.HOME)
    await expect(insured.page.get_by_role("main")).to_contain_text("attestation")
    for person in (insured, doctor, handler):
        assert person.complaints == []


async def test_the_same_control_declined_is_convoked_in_person(service: Service, context_factory: MakeContext) -> None:
    seeded = await one_doctor(service)
    control, _, handler, address = await convoked(service, seeded, context_factory)
    insured = await Person.come(service, context_factory, **PHONE)
    await opens_the_link(insured, address)
    await insured.page.get_by_role("link", name="Je préfère un rendez-vous sur place").click()
    await insured.page.get_by_role("button", name="Oui, je préfère sur place").click()
    await expect(insured.page.get_by_role("heading", level=1)).to_contain_text("ce sera sur place")
    await service.later(minutes=45)
    assert (await told(service, control))["refusal_freed", "mail"] == 1

    assert await books_from_the_desk(handler, control, kind=TaskKind.IN_PERSON_TO_BOOK) <= 4
    await service.later(minutes=5)
    messages = await told(service, control)
    assert (messages["in_person_convocation", "mail"], messages["in_person_convocation", "sms"]) == (1, 1)
    assert ("reminder", "mail") not in messages
    booked, in_person = await present(service, control)
    assert (booked.state, in_person.mode, in_person.site_id) == ("booked", "surgery", seeded.world.site.id)
    await insured.page.goto(paths.HOME)
    await expect(insured.page.get_by_role("main")).to_contain_text("Centre Part-Dieu")
    for person in (insured, handler):
        assert person.complaints == []


async def test_the_call_on_postgresql(
    postgres_url: Callable[..., str], tmp_path: Path, context_factory: MakeContext
) -> None:
    """The short way through on the other database: convoked, joined, seen and heard, concluded."""
    async with serving(postgres_url(), now=NOW, folder=tmp_path) as service:
        seeded = await one_doctor(service)
        control, appointment, _handler, address = await convoked(service, seeded, context_factory)
        await service.until(appointment.starts_at)
        _insured, doctor = await in_the_call(service, context_factory, address)
        await concludes(doctor, "Arrêt justifié")
        await service.work()
        closed, _ = await present(service, control)
        assert closed.state == "closed"
