"""What the insured said and tested beforehand, as the doctor and the desk see it: each what is theirs, with its date."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.links import wrong_dates_given
from telecontrol.accounts.models import InsuredLink
from telecontrol.config import Environment
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, CompanionRole
from telecontrol.scheduling.preparations import Companion, InterpreterLanguage, Need, Prepared, prepare
from telecontrol.video.device_tests import record_test
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, appoint
from tests.support.insured import Visitor, link_to
from tests.support.service import Service, serving
from tests.support.staffing import give_passwords, signed_in
from tests.support.world import INSURED, World, make_world

WELL = {"browser": "ok", "camera": "ok", "microphone": "ok", "speaker": "ok", "connection": "ok"}


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    given: dict[str, Any] = {
        "now": START - timedelta(days=2),
        "folder": tmp_path,
        "environment": Environment.DEVELOPMENT,
    }
    async with serving(database_url(), **given) as running:
        yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        made = await make_world(session)
    await give_passwords(service, made.doctor_user, made.handler)
    return made


@pytest_asyncio.fixture
async def appointment(service: Service, world: World) -> Appointment:
    """Of somebody who prepared it all, and whose test found no picture."""
    async with service.runtime.database.transaction() as session:
        made = await appoint(session, world)
    async with service.runtime.database.transaction() as session:
        said = Prepared(
            needs=(Need.SPEAK_SLOWLY,),
            language="fr",
            interpreter=InterpreterLanguage.FRENCH_SIGN,
            companion=Companion("Marie Payet", CompanionRole.RELATIVE),
        )
        dossier = await load_dossier(session, made.id, lock=True)
        now = service.clock.now()
        await prepare(session, dossier=dossier, prepared=said, places=4, actor=INSURED, now=now)
    return made


async def keep_test(service: Service, appointment: Appointment, *, route: str = "direct", **steps: str) -> None:
    async with service.runtime.database.transaction() as session:
        found = {**WELL, **steps}
        await record_test(session, subject_id=appointment.id, steps=found, route=route, now=service.clock.now())


async def test_the_doctor_knows_before_the_insured_is_there(
    service: Service, world: World, appointment: Appointment
) -> None:
    await keep_test(service, appointment, microphone="microphone_silent")
    service.clock.advance_to(START - 5 * MINUTE)
    async with signed_in(service, world.doctor_user) as doctor:
        today = await doctor.get(paths.DOCTOR)
        assert "Micro silencieux (test du 7 mars 2026)" in today.words
        page = await doctor.get(paths.room(str(appointment.id)))
        for told in (
            "Accompagné par Marie Payet (proche)",
            "Demande un interprète : Langue des signes française",
            "Parler lentement et distinctement",
            "Micro silencieux (test du 7 mars 2026)",
        ):
            assert told in page.words


async def test_the_desk_sees_the_test_and_the_language_and_neither_name_nor_need(
    service: Service, world: World, appointment: Appointment
) -> None:
    async def shown(desk: Visitor) -> str:
        return (await desk.get(paths.control(str(appointment.control_id)))).words

    async with signed_in(service, world.handler) as desk:
        assert "Matériel non testé" in await shown(desk)
        await keep_test(service, appointment, camera="no_camera")
        words = await shown(desk)
        assert "Son seul, sans image" in words
        assert "demandé : Langue des signes française" in words
        assert "quelqu'un est annoncé" in words
        assert "L'assuré a préparé son rendez-vous" in words, "in its story too"
        assert "Marie" not in words
        assert "lentement" not in words
        service.clock.advance(timedelta(minutes=5))
        await keep_test(service, appointment, route="relay")
        assert "Par le relais seulement" in await shown(desk)


async def test_the_desk_gives_the_tries_back(service: Service, world: World, appointment: Appointment) -> None:
    async def spent() -> int:
        async with service.runtime.database.reading() as session:
            return await wrong_dates_given(session, appointment_id=appointment.id)

    await link_to(service, appointment)
    async with service.runtime.database.transaction() as session:
        (await session.scalars(select(InsuredLink))).one().failed_count = 5
    assert await spent() == 5
    address = paths.control(str(appointment.control_id))
    async with signed_in(service, world.handler) as desk:
        page = await desk.press(await desk.get(address), f"{address}/tries")
        assert "Essais redonnés pour ouvrir la page" in page.words
        assert page.form(f"{address}/tries") is None
    assert await spent() == 0
