"""The receipt of having come: queued once with the end of the appointment, whoever ends it, whatever became of the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from telecontrol.config import VideoProvider
from telecontrol.controls.medical_words import medical_words_in
from telecontrol.controls.models import Insured
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.db.session import Database
from telecontrol.notify.messages import mail_of, read
from telecontrol.notify.mime import Envelope
from telecontrol.outbox.contents import read_context
from telecontrol.outbox.models import Intent
from telecontrol.reports import sweeps
from telecontrol.reports.circumstances import Circumstances, IdentityDocument
from telecontrol.scheduling.attendance import note_technical_problem, receive
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel
from telecontrol.scheduling.models import Appointment
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.models import Role
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, doctor_actor, insured_arrives, say
from tests.support.world import World, make_world

NINE_AT_NIGHT = datetime(2026, 3, 9, 20, 30, tzinfo=UTC)
"""21:30 in Paris."""


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as session:
        return await make_world(session)


async def receipts(database: Database) -> list[tuple[Intent, dict[str, Any]]]:
    async with database.reading() as session:
        rows = await session.scalars(select(Intent).where(Intent.kind == "attendance_receipt"))
        return [(row, await read_context(session, row.id, sealer=OPERATOR.messages)) for row in rows]


async def only_receipt(database: Database) -> tuple[Intent, dict[str, Any]]:
    [found] = await receipts(database)
    return found


async def make(database: Database, world: World, **values: Any) -> Appointment:
    async with database.transaction() as session:
        return await appoint(session, world, **values)


async def sweep(database: Database, *, minutes: int) -> None:
    await sweeps.sweep(database, operator=OPERATOR, now=START + minutes * MINUTE)


async def test_concluded_with_its_hours(database: Database, world: World) -> None:
    appointment = await make(database, world)
    room_id = await insured_arrives(database, appointment, at=START - 4 * MINUTE)
    async with database.transaction() as session:
        await record_facts(session, [Fact(room_id, Role.INSURED, None, START + 9 * MINUTE)])
    await say(database, world, appointment, Result.NOT_JUSTIFIED, at=START + 10 * MINUTE)
    intent, told = await only_receipt(database)
    assert (intent.channel, intent.recipient) == ("mail", world.insured.email)
    assert told["arrived_at"] == "2026-03-09T07:56:00+00:00"
    assert told["left_at"] == "2026-03-09T08:10:00+00:00", "the examination ended there"
    assert (told["failed_technically"], told["has_survey"]) == (False, True)


async def test_a_call_that_failed_says_that_they_were_there(database: Database, world: World) -> None:
    appointment = await make(database, world)
    await insured_arrives(database, appointment, at=START - MINUTE)
    await say(database, world, appointment, Result.TECHNICAL_FAILURE)
    intent, told = await only_receipt(database)
    assert told["failed_technically"] is True
    envelope = Envelope(
        intent_id=intent.id,
        sender_name="x",
        sender="a@telecontrol.example",
        reply_to="a@telecontrol.example",
        recipient=intent.recipient,
        language="fr",
        at=START,
    )
    from email import message_from_bytes, policy

    mail = message_from_bytes(mail_of(read(intent.kind, told), envelope), policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Vous étiez là" in text
    assert "ne compte pas comme une absence" in text
    assert medical_words_in(text.split("Ce message est-il authentique")[0]) == []
    assert "annul" not in text
    assert mail["subject"].startswith("Attestation")


async def test_the_sweep_that_finds_it_over_gives_it_and_a_later_conclusion_no_second_one(
    database: Database, world: World
) -> None:
    appointment = await make(database, world)
    await insured_arrives(database, appointment, at=START + MINUTE)
    await sweep(database, minutes=30)
    intent, told = await only_receipt(database)
    assert intent.not_before == START + 30 * MINUTE
    await sweep(database, minutes=31)
    await say(database, world, appointment, Result.JUSTIFIED, at=START + 40 * MINUTE)
    again, _ = await only_receipt(database)
    assert again.id == intent.id
    assert again.voided_at is None, "the end of the appointment voids what is about its hour, not the proof"
    assert told["failed_technically"] is False


async def test_over_after_a_problem_that_the_doctor_noted(database: Database, world: World) -> None:
    appointment = await make(database, world)
    await insured_arrives(database, appointment, at=START)
    async with database.transaction() as session:
        await note_technical_problem(
            session,
            await load_dossier(session, appointment.id, lock=True),
            provider=VideoProvider.BUILTIN,
            actor=doctor_actor(world),
            now=START + 3 * MINUTE,
        )
    await sweep(database, minutes=30)
    _, told = await only_receipt(database)
    assert told["failed_technically"] is True


async def test_nobody_came_nobody_is_certified(database: Database, world: World) -> None:
    await make(database, world)
    await sweep(database, minutes=30)
    assert await receipts(database) == []


@pytest.mark.parametrize("noted_by_hand", [True, False])
async def test_in_person_as_the_doctor_noted_it_or_as_the_conclusion_says(
    database: Database, world: World, noted_by_hand: bool
) -> None:
    appointment = await make(database, world, mode=Mode.SURGERY)
    seen = Circumstances(identity_document=IdentityDocument.PASSPORT)
    if noted_by_hand:
        async with database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            await receive(session, dossier, actor=doctor_actor(world), now=START - 2 * MINUTE)
    else:
        seen = Circumstances(identity_document=IdentityDocument.PASSPORT, arrived_at=START - 2 * MINUTE)
    await say(database, world, appointment, Result.JUSTIFIED, at=START + 12 * MINUTE, circumstances=seen)
    _, told = await only_receipt(database)
    assert told["arrived_at"] == "2026-03-09T07:58:00+00:00"
    assert told["left_at"] == "2026-03-09T08:12:00+00:00"
    assert (told["mode"], told["has_survey"]) == ("surgery", False)


async def test_the_doctor_gives_up_while_somebody_waits(database: Database, world: World) -> None:
    appointment = await make(database, world)
    await insured_arrives(database, appointment, at=START - 5 * MINUTE)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await cancel(
            session,
            operator=OPERATOR,
            dossier=dossier,
            actor=doctor_actor(world),
            now=START - MINUTE,
            reason="doctor_unavailable",
        )
    intent, _ = await only_receipt(database)
    assert intent.voided_at is None


async def test_without_an_e_mail_it_goes_by_sms_and_at_night_it_waits(database: Database, world: World) -> None:
    appointment = await make(database, world, starts_at=NINE_AT_NIGHT - 20 * MINUTE)
    async with database.transaction() as session:
        await session.execute(update(Insured).where(Insured.id == world.insured.id).values(email=""))
    await insured_arrives(database, appointment, at=NINE_AT_NIGHT - 20 * MINUTE)
    await say(database, world, appointment, Result.JUSTIFIED, at=NINE_AT_NIGHT)
    intent, _ = await only_receipt(database)
    assert intent.channel == "sms"
    assert intent.not_before == datetime(2026, 3, 10, 7, 0, tzinfo=UTC)
    assert intent.not_after - intent.not_before >= timedelta(days=1)
