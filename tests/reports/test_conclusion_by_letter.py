"""Whoever has no e-mail address hears their conclusion all the same: the desk is asked for a letter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from telecontrol.controls.models import Insured
from telecontrol.controls.results import Result
from telecontrol.db.session import Database
from telecontrol.outbox.models import Intent
from telecontrol.scheduling.models import Appointment
from telecontrol.tasks.models import Owner, Task, TaskKind
from tests.support.concluding import MINUTE, START, insured_arrives, say
from tests.support.world import World


@pytest.mark.parametrize("email", ["", "camille1@example.org"])
async def test_a_conclusion_without_an_address_becomes_a_letter(
    database: Database, world: World, appointment: Appointment, email: str
) -> None:
    async with database.transaction() as session:
        (await session.get_one(Insured, world.insured.id)).email = email
    await insured_arrives(database, appointment, at=START)
    at = START + 16 * MINUTE
    await say(database, world, appointment, Result.NOT_JUSTIFIED, at=at)
    async with database.reading() as session:
        tasks = list(await session.scalars(select(Task).where(Task.kind == TaskKind.CONCLUSION_BY_LETTER)))
        mails = list(await session.scalars(select(Intent).where(Intent.kind == "conclusion_to_insured")))
    assert len(mails) == (1 if email else 0)
    letters = [(task.control_id, task.owner, task.due_at) for task in tasks]
    assert letters == ([] if email else [(appointment.control_id, Owner.HANDLER, at + timedelta(days=2))])
