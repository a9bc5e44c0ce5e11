"""Somebody comes with the insured from elsewhere, on the real pages with LiveKit's real server: asked about, let in, out at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from telecontrol.config import Environment, VideoProvider
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.browser.journeys.people import PHONE, Person
from tests.support.concluding import MINUTE, START, appoint
from tests.support.doctoring import room
from tests.support.insured import BIRTH, link_to
from tests.support.livekit_process import livekit_process
from tests.support.ports import free_port
from tests.support.service import Service, serving
from tests.support.staffing import PASSWORD, give_passwords
from tests.support.world import World, make_world

Contexts = Callable[..., Awaitable[BrowserContext]]


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    port = free_port()
    with livekit_process(tmp_path, hooks=f"http://127.0.0.1:{port}/hooks/livekit") as livekit:
        given = {
            name.removeprefix("TELECONTROL_").lower(): value
            for name, value in livekit.environment.items()
            if name != "TELECONTROL_VIDEO_PROVIDER"
        }
        async with serving(
            sqlite_url(),
            now=START - timedelta(hours=3),
            folder=tmp_path,
            port=port,
            environment=Environment.DEVELOPMENT,
            video_provider=VideoProvider.LIVEKIT,
            **given,
        ) as running:
            yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        made = await make_world(session)
    await give_passwords(service, made.doctor_user)
    return made


@pytest_asyncio.fixture
async def appointment(service: Service, world: World) -> Appointment:
    async with service.runtime.database.transaction() as session:
        return await appoint(session, world)


async def test_a_companion_is_announced_asked_about_let_in_and_out_at_the_end(
    service: Service, world: World, appointment: Appointment, context_factory: Contexts
) -> None:
    insured = await Person.come(service, context_factory, **PHONE)
    await insured.page.goto(await link_to(service, appointment))
    await insured.page.locator("main form button").first.click()
    for name, value in (("birth_day", BIRTH.day), ("birth_month", BIRTH.month), ("birth_year", BIRTH.year)):
        await insured.page.fill(f"[name={name}]", str(value))
    await insured.page.locator("main form button").first.click()
    await insured.page.goto(paths.PREPARE)
    await insured.page.get_by_label("Son prénom et son nom").fill("Marie-Ange Payet")
    await insured.page.get_by_label("Qui est-ce ?").select_option("relative")
    await insured.page.get_by_role("button", name="Enregistrer").click()
    link = await insured.page.locator(".copy__value").inner_text()

    companion = await Person.come(service, context_factory)
    await companion.page.goto(link)
    await expect(companion.page.get_by_text("La salle n’est pas encore ouverte.")).to_be_visible()
    service.clock.advance_to(START - 5 * MINUTE)
    await companion.page.reload()
    await companion.page.get_by_label("Votre prénom et votre nom").fill("Marie-Ange Payet")
    await companion.page.get_by_role("button", name="Attendre devant la salle").click()
    await companion.page.get_by_role("button", name="Entrer").click()
    await companion.reaches("waiting")

    doctor = await Person.come(service, context_factory)
    await doctor.page.goto(paths.SIGN_IN)
    await doctor.page.fill("#email", world.doctor_user.email)
    await doctor.page.fill("#password", PASSWORD)
    await doctor.page.keyboard.press("Enter")
    await doctor.page.wait_for_url(f"**{paths.DOCTOR}")
    await doctor.page.goto(room(appointment))
    await doctor.page.get_by_text("Marie-Ange Payet accompagne l’assuré").wait_for()

    await insured.page.goto(paths.HOME)
    await insured.page.get_by_role("button", name="Rejoindre le rendez-vous").click()
    await insured.page.locator(".call__act--go-in").click()
    await doctor.page.locator("#admit").click()
    await asyncio.gather(insured.reaches("live"), doctor.reaches("live"))
    assert await companion.page.locator(".call").get_attribute("data-state") == "waiting"
    await doctor.page.get_by_role("button", name="Laisser entrer").click()
    await companion.reaches("live")
    await companion.sees_and_hears()
    for each in (doctor, insured):
        await each.page.wait_for_function("() => document.querySelector('.call__other-picture')?.videoWidth > 0")

    await doctor.page.get_by_role("button", name="Faire sortir").click()
    await companion.page.get_by_role("heading", name="Vous n’êtes plus dans l’appel").wait_for()
    await doctor.page.locator(".call__other").wait_for(state="detached")
    await asyncio.gather(doctor.sees_and_hears(), insured.sees_and_hears())
    assert [each.complaints for each in (insured, companion, doctor)] == [[], [], []]
