"""What the asking organisation hears: three stages, administrative words, to the address that it gave and to no other."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import select, update

from telecontrol.accounts.models import Organisation
from telecontrol.controls.medical_words import medical_words_in
from telecontrol.controls.models import Control, Procedure
from telecontrol.controls.policies import Mode, current_policy
from telecontrol.controls.results import Result
from telecontrol.db.session import Database
from telecontrol.notify.messages import prepare_mail
from telecontrol.outbox.contents import read_context
from telecontrol.outbox.models import Intent
from telecontrol.outbox.targets import Outgoing
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel
from telecontrol.scheduling.models import Appointment
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, insured_arrives, say
from tests.support.world import HANDLER, NOW, World, make_world

ADDRESS = "suivi@employeur.example"


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as session:
        return await make_world(session)


async def with_address(database: Database, world: World, *, procedure: Procedure = Procedure.B) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(Organisation).where(Organisation.id == world.organisation.id).values(email=ADDRESS)
        )
        rules = await current_policy(session, procedure, on=NOW.date())
        control = await session.get_one(Control, world.control.id)
        control.procedure, control.policy_id = procedure, rules.id


async def told(database: Database) -> list[dict[str, Any]]:
    async with database.reading() as session:
        rows = await session.scalars(
            select(Intent).where(Intent.kind == "requester_status").order_by(Intent.created_at)
        )
        return [
            {
                **await read_context(session, row.id, sealer=OPERATOR.messages),
                "to": row.recipient,
                "leaves": row.not_before,
            }
            for row in rows
        ]


async def book_in_person(database: Database, world: World, *, days: int = 0) -> Appointment:
    async with database.transaction() as session:
        return await book(
            session,
            operator=OPERATOR,
            control_id=world.control.id,
            doctor_id=world.doctor.id,
            starts_at=START + timedelta(days=days),
            mode=Mode.SURGERY,
            site_id=world.site.id,
            actor=HANDLER,
            now=NOW + timedelta(minutes=days),
        )


async def test_taken_in_charge_once_then_the_opinion(database: Database, world: World) -> None:
    await with_address(database, world)
    first = await book_in_person(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, first.id, lock=True)
        await cancel(session, operator=OPERATOR, dossier=dossier, actor=HANDLER, now=NOW + MINUTE)
    second = await book_in_person(database, world, days=1)
    [taken] = await told(database)
    assert (taken["stage"], taken["to"], taken["leaves"]) == ("taken_in_charge", ADDRESS, NOW)
    await say(database, world, second, Result.JUSTIFIED, at=START + timedelta(days=1, minutes=10))
    [_, opinion] = await told(database)
    assert (opinion["stage"], opinion["result"]) == ("opinion_available", "justified")
    assert opinion["external_reference"] == "DEM-1"


async def test_first_results_when_the_control_goes_on(database: Database, world: World) -> None:
    await with_address(database, world)
    async with database.transaction() as session:
        appointment = await appoint(session, world)
    await insured_arrives(database, appointment, at=START)
    await say(database, world, appointment, Result.NEEDS_PHYSICAL_EXAMINATION)
    assert [each["stage"] for each in await told(database)] == ["first_results"]


async def test_a_procedure_that_does_not_tell_the_result_tells_the_stage_alone(
    database: Database, world: World
) -> None:
    await with_address(database, world, procedure=Procedure.A)
    async with database.transaction() as session:
        appointment = await appoint(session, world)
    await say(database, world, appointment, Result.NOT_JUSTIFIED)
    assert [(each["stage"], each["result"]) for each in await told(database)] == [("opinion_available", "")]


async def test_without_an_address_nothing_is_queued(database: Database, world: World) -> None:
    async with database.transaction() as session:
        appointment = await appoint(session, world)
    await say(database, world, appointment, Result.JUSTIFIED)
    assert await told(database) == []


async def test_no_medical_word_no_link_and_nobodys_name_in_any_of_them(database: Database, world: World) -> None:
    """Every result, as it is sent."""
    await with_address(database, world)
    async with database.transaction() as session:
        appointment = await appoint(session, world)
    await say(database, world, appointment, Result.NOT_JUSTIFIED)
    [context] = await told(database)
    for result in ("", *Result):
        for stage in ("taken_in_charge", "first_results", "opinion_available"):
            values = {**context, "result": str(result), "stage": stage}
            values = {name: value for name, value in values.items() if name not in ("to", "leaves")}
            outgoing = Outgoing(
                intent_id=appointment.id,
                kind="requester_status",
                channel="mail",
                recipient=ADDRESS,
                language="fr",
                context=values,
                not_after=START,
            )
            mail = message_from_bytes(prepare_mail(outgoing, now=START), policy=policy.default)
            bodies = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
            text = " ".join((mail["subject"], mail["from"], *bodies))
            assert len(bodies) == 2
            assert medical_words_in(text) == []
            for private in ("/i/", "http://127.0.0.1", "Durand", "Camille", world.insured.email, world.insured.phone):
                assert private not in text
