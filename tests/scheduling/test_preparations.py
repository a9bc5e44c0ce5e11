"""What the insured prepares: kept, changed and taken back until the hour; read by each as the table of access says."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from telecontrol.accounts.access import Who
from telecontrol.accounts.viewer import Viewer, ViewerKind
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import of_control
from telecontrol.db.session import Database
from telecontrol.errors import Forbidden, InvalidInput, WrongState
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, CompanionRole
from telecontrol.scheduling.preparations import (
    BY_VIDEO,
    Companion,
    InterpreterLanguage,
    Need,
    Prepared,
    is_companion_announced,
    needs_offered,
    prepare,
    prepared_for,
    read_companion,
    read_prepared,
)
from tests.support.concluding import START, appoint
from tests.support.world import INSURED, World, make_world

BEFORE = START - timedelta(hours=1)
ALL = Prepared(
    has_documents=True,
    has_quiet_place=True,
    needs=(Need.SPEAK_SLOWLY, Need.BREAKS),
    language="en",
    interpreter=InterpreterLanguage.FRENCH_SIGN,
    companion=Companion("Marie-Ange d'Arc", CompanionRole.INTERPRETER),
)


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


async def booked(database: Database, world: World, **given: Any) -> Appointment:
    async with database.transaction() as session:
        return await appoint(session, world, **given)


async def say(database: Database, appointment: Appointment, prepared: Prepared, **given: Any) -> None:
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        wanted = {"places": 4, "actor": INSURED, "now": BEFORE, **given}
        await prepare(session, dossier=dossier, prepared=prepared, **wanted)


def viewer(role: Who) -> Viewer:
    kind = ViewerKind.INSURED if role is Who.INSURED else ViewerKind.STAFF
    return Viewer(kind, role, uuid.uuid4())


async def read(database: Database, appointment: Appointment, role: Who) -> Prepared:
    async with database.reading() as session:
        return await prepared_for(session, viewer(role), await load_dossier(session, appointment.id))


async def story(database: Database, appointment: Appointment) -> list[dict[str, Any]]:
    async with database.reading() as session:
        entries = await of_control(session, appointment.control_id)
    return [entry.detail for entry in entries if entry.action == "preparation.saved"]


async def test_it_is_kept_changed_and_taken_back_until_the_hour(database: Database, world: World) -> None:
    appointment = await booked(database, world)
    await say(database, appointment, ALL)
    assert await read(database, appointment, Who.INSURED) == ALL
    await say(database, appointment, ALL)
    assert len(await story(database, appointment)) == 1, "the same again is nothing new"
    less = replace(ALL, companion=None, needs=())
    await say(database, appointment, less, now=START - timedelta(seconds=1))
    assert await read(database, appointment, Who.INSURED) == less
    await say(database, appointment, Prepared())
    assert (await read(database, appointment, Who.INSURED)).is_empty
    with pytest.raises(WrongState) as refused:
        await say(database, appointment, ALL, now=START)
    assert refused.value.code == "too_late_to_prepare"


async def test_saying_nothing_leaves_no_trace(database: Database, world: World) -> None:
    appointment = await booked(database, world)
    await say(database, appointment, Prepared())
    assert await story(database, appointment) == []


async def test_the_doctor_reads_all_the_desk_the_language_and_that_somebody_comes(
    database: Database, world: World
) -> None:
    appointment = await booked(database, world)
    await say(database, appointment, ALL)
    assert await read(database, appointment, Who.DOCTOR) == ALL
    assert await read(database, appointment, Who.HANDLER) == Prepared(
        language="en", interpreter=InterpreterLanguage.FRENCH_SIGN
    )
    for role in (Who.EMPLOYER, Who.ADMINISTRATOR, Who.MEDICAL_SERVICE, Who.API):
        assert (await read(database, appointment, role)).is_empty
    async with database.reading() as session:
        dossier = await load_dossier(session, appointment.id)
        assert await is_companion_announced(session, viewer(Who.HANDLER), dossier)
        with pytest.raises(Forbidden):
            await is_companion_announced(session, viewer(Who.EMPLOYER), dossier)


async def test_the_journal_tells_neither_a_name_nor_what_helps(database: Database, world: World) -> None:
    appointment = await booked(database, world)
    await say(database, appointment, ALL)
    [told] = await story(database, appointment)
    assert {"language", "interpreter", "has_companion"} <= set(told)
    assert not any(word in repr(told) for word in ("Marie", "Arc", "speak_slowly", "breaks"))


async def test_two_seats_take_nobody_else(database: Database, world: World) -> None:
    appointment = await booked(database, world)
    with pytest.raises(InvalidInput) as refused:
        await say(database, appointment, ALL, places=2)
    assert refused.value.code == "no_place"
    await say(database, appointment, replace(ALL, companion=None), places=2)
    in_person = await booked(
        database, world, mode=Mode.SURGERY, site_id=world.site.id, starts_at=START + timedelta(hours=2)
    )
    await say(database, in_person, ALL, places=2)
    assert await read(database, in_person, Who.DOCTOR) == ALL


async def test_it_goes_on_with_another_appointment_of_the_same_control(database: Database, world: World) -> None:
    appointment = await booked(database, world)
    await say(database, appointment, ALL)
    async with database.reading() as session:
        dossier = await load_dossier(session, appointment.id)
        assert dossier.control.id == appointment.control_id
    assert await read(database, appointment, Who.DOCTOR) == ALL


@pytest.mark.parametrize(
    ("name", "role", "code"),
    [
        ("", "relative", "name_missing"),
        ("Marie", "", "role_missing"),
        ("Marie", "nurse", "role_missing"),
        ("06 12 34 56 78", "relative", "name_unreadable"),
        ("marie@exemple.fr", "relative", "name_unreadable"),
        ("M" * 81, "relative", "name_unreadable"),
        ("Marie\x00", "relative", "name_unreadable"),
        ("-", "relative", "name_unreadable"),
    ],
)
def test_a_companion_is_a_name_and_who_they_are(name: str, role: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_companion(name=name, role=role)
    assert refused.value.code == code


def test_names_as_people_have_them() -> None:
    for name in ("Zoë", "  Marie-Ange   d'Arc ", "Nguyễn Thị Lan", "J. Müller", "李小龙"):
        assert read_companion(name=name, role="relative") == Companion(" ".join(name.split()), CompanionRole.RELATIVE)
    assert read_companion(name="", role="") is None


def test_only_what_is_in_the_lists() -> None:
    given: dict[str, Any] = {"has_documents": False, "has_quiet_place": False, "companion": None}
    for wrong in ({"needs": ["my back hurts"]}, {"language": "de"}, {"interpreter": "klingon"}):
        with pytest.raises(InvalidInput):
            read_prepared(**{**given, "needs": [], "language": "", "interpreter": "", **wrong})
    assert needs_offered(Mode.VIDEO) == BY_VIDEO
    assert Need.STEP_FREE in needs_offered(Mode.SURGERY)
