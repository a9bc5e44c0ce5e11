"""Looking at a conclusion before signing it says what would come of it, and leaves nothing behind."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from telecontrol.controls.results import ReportKind, Result
from telecontrol.controls.states import ControlState
from telecontrol.db.base import Base
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.reports.circumstances import Circumstances
from telecontrol.reports.preview import Preview, preview
from telecontrol.reports.wording import Audience
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from tests.support.concluding import MINUTE, OPERATOR, SEEN, START, doctor_actor, insured_arrives, say
from tests.support.world import World

AT = START + 10 * MINUTE


async def _look(
    database: Database, world: World, appointment: Appointment, result: Result, circumstances: Circumstances = SEEN
) -> Preview:
    async with database.transaction() as session:
        return await preview(
            session,
            operator=OPERATOR,
            dossier=await load_dossier(session, appointment.id, lock=True),
            user=world.doctor_user,
            result=result,
            circumstances=circumstances,
            actor=doctor_actor(world),
            now=AT,
        )


async def _rows(database: Database) -> dict[str, int]:
    async with database.reading() as session:
        return {
            table.name: await session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


async def test_a_preview_says_what_is_signed_and_leaves_no_trace(
    database: Database, world: World, appointment: Appointment
) -> None:
    await insured_arrives(database, appointment, at=START)
    before = await _rows(database)

    seen = await _look(database, world, appointment, Result.NOT_JUSTIFIED)

    assert seen.result is Result.NOT_JUSTIFIED
    assert seen.event_at == AT
    assert seen.examination_took_place
    assert seen.circumstances["arrived_at"] == "2026-03-09T08:00:00Z"
    assert seen.control_state is ControlState.CONCLUDED
    assert seen.report_kind is ReportKind.UNJUSTIFIED
    assert seen.report_due_at is not None
    assert seen.told == (Audience.INSURED, Audience.INSURER)
    assert await _rows(database) == before
    async with database.reading() as session:
        dossier = await load_dossier(session, appointment.id)
    assert (dossier.appointment.state, dossier.control.state) == (AppointmentState.BOOKED, ControlState.BOOKED)


async def test_what_the_preview_says_is_what_the_signature_does(
    database: Database, world: World, appointment: Appointment
) -> None:
    await _look(database, world, appointment, Result.JUSTIFIED)
    seen = await _look(database, world, appointment, Result.NOT_JUSTIFIED)

    signed = await say(database, world, appointment, Result.NOT_JUSTIFIED, at=AT)

    assert signed.report is not None
    assert (seen.event_at, seen.circumstances) == (signed.conclusion.event_at, signed.conclusion.circumstances)
    assert (seen.report_kind, seen.report_due_at) == (signed.report.kind, signed.report.due_at)


async def test_what_would_be_refused_is_refused_at_once(
    database: Database, world: World, appointment: Appointment
) -> None:
    before = await _rows(database)
    with pytest.raises(InvalidInput, match="nobody was let into the call"):
        await _look(database, world, appointment, Result.JUSTIFIED, Circumstances())
    with pytest.raises(Conflict, match="waiting time"):
        await _look(database, world, appointment, Result.UNEXCUSED_ABSENCE)
    assert await _rows(database) == before
