"""Sealed notes: the doctor's own, never lost between two windows, never readable from a row, rotated even when killed halfway."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from telecontrol.accounts.models import StaffUser
from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput, NotFound, Unavailable
from telecontrol.reports.models import SealedNote
from telecontrol.reports.notes import LONGEST, Note, read_note, reseal_all, reseal_batch, save_note
from telecontrol.scheduling.models import Appointment
from tests.support.concluding import MINUTE, OPERATOR, START, appoint
from tests.support.world import World, make_world

OLD = {"old": bytes(range(32))}
NEW = {"new": bytes(range(32, 64)), **OLD}
WORDS = "Lombalgie aiguë — arrêt justifié 🙂\x00\n"


async def save(
    database: Database,
    appointment: Appointment,
    user: StaffUser,
    text: str,
    revision: int,
    *,
    sealer: Sealer = OPERATOR.notes,
) -> Note:
    async with database.transaction() as session:
        return await save_note(
            session, sealer=sealer, appointment_id=appointment.id, user=user, text=text, revision=revision, now=START
        )


async def read(
    database: Database, appointment: Appointment, user: StaffUser, *, sealer: Sealer = OPERATOR.notes
) -> Note:
    async with database.reading() as session:
        return await read_note(session, sealer=sealer, appointment_id=appointment.id, user=user)


async def test_saved_as_typed_and_read_back(database: Database, world: World, appointment: Appointment) -> None:
    assert await read(database, appointment, world.doctor_user) == Note("", 0, None)
    for revision, typed in enumerate(("L", "Lomb", WORDS)):
        saved = await save(database, appointment, world.doctor_user, typed, revision)
        assert saved.revision == revision + 1
    assert await read(database, appointment, world.doctor_user) == Note(WORDS, 3, START)


async def test_no_word_stands_in_the_row(database: Database, world: World, appointment: Appointment) -> None:
    await save(database, appointment, world.doctor_user, WORDS, 0)
    async with database.reading() as session:
        row = (await session.scalars(select(SealedNote))).one()
    assert b"Lombalgie" not in row.sealed
    assert row.key_id == OPERATOR.notes.sealing_key_id


async def test_a_sealed_value_put_on_another_row_does_not_open(
    database: Database, world: World, appointment: Appointment
) -> None:
    async with database.transaction() as session:
        other = await appoint(session, world, starts_at=START + 60 * MINUTE)
    await save(database, appointment, world.doctor_user, "one", 0)
    await save(database, other, world.doctor_user, "two", 0)
    async with database.transaction() as session:
        rows = {row.appointment_id: row for row in await session.scalars(select(SealedNote))}
        rows[other.id].sealed = rows[appointment.id].sealed
    with pytest.raises(Unavailable):
        await read(database, other, world.doctor_user)


async def test_nobody_else_meets_them(database: Database, world: World, appointment: Appointment) -> None:
    await save(database, appointment, world.doctor_user, WORDS, 0)
    async with database.transaction() as session:
        colleague = StaffUser(
            email="other@test.example", display_name="x", role="doctor", password_hash="!", created_at=START
        )
        session.add(colleague)
        await session.flush()
        world.other_doctor.user_id = colleague.id
        await session.merge(world.other_doctor)
    for user in (world.handler, colleague):
        with pytest.raises(NotFound):
            await read(database, appointment, user)
        with pytest.raises(NotFound):
            await save(database, appointment, user, "mine", 1)


async def test_a_doctor_who_left_reads_nothing(database: Database, world: World, appointment: Appointment) -> None:
    await save(database, appointment, world.doctor_user, WORDS, 0)
    world.doctor_user.is_active = False
    with pytest.raises(NotFound):
        await read(database, appointment, world.doctor_user)


async def test_a_stale_window_is_told_and_nothing_is_lost(
    database: Database, world: World, appointment: Appointment
) -> None:
    doctor = world.doctor_user
    await save(database, appointment, doctor, "first", 0)
    await save(database, appointment, doctor, "second", 1)
    for stale in (0, 1, 7):
        with pytest.raises(Conflict) as told:
            await save(database, appointment, doctor, "from the other window", stale)
        assert (told.value.code, told.value.details) == ("note_changed", {"revision": 2})
    assert (await read(database, appointment, doctor)).text == "second"
    # The same text again is no quarrel, whatever the window believed: a lost answer is simply asked for again.
    assert await save(database, appointment, doctor, "second", 1) == Note("second", 2, START)
    assert (await save(database, appointment, doctor, "both", 2)).revision == 3


async def test_two_windows_that_begin_at_once(committed_database: Database) -> None:
    database = committed_database
    async with database.transaction() as session:
        world = await make_world(session)
        appointment = await appoint(session, world)
    results = await asyncio.gather(
        *(save(database, appointment, world.doctor_user, f"window {n}", 0) for n in range(5)), return_exceptions=True
    )
    saved = [result for result in results if isinstance(result, Note)]
    assert len(saved) == 1
    assert all(isinstance(result, Note | Conflict) for result in results), results
    assert (await read(database, appointment, world.doctor_user)).text == saved[0].text


async def test_too_long_is_refused_with_its_field(database: Database, world: World, appointment: Appointment) -> None:
    with pytest.raises(InvalidInput) as refused:
        await save(database, appointment, world.doctor_user, "x" * (LONGEST + 1), 0)
    assert refused.value.field == "text"


class TestRotation:
    """The installation's first key seals again what the older ones sealed."""

    async def notes(self, database: Database, world: World, count: int) -> list[Appointment]:
        old = Sealer(OLD, purpose="notes")
        async with database.transaction() as session:
            made = [await appoint(session, world, starts_at=START + n * 60 * MINUTE) for n in range(count)]
        for n, one in enumerate(made):
            await save(database, one, world.doctor_user, f"note {n}", 0, sealer=old)
        return made

    async def test_killed_halfway_every_note_still_opens_and_the_next_run_ends_it(
        self, database: Database, world: World
    ) -> None:
        made = await self.notes(database, world, 7)
        both = Sealer(NEW, purpose="notes")
        async with database.transaction() as session:
            assert await reseal_batch(session, sealer=both, limit=3) == 3
        with pytest.raises(KeyboardInterrupt):
            async with database.transaction() as session:
                assert await reseal_batch(session, sealer=both, limit=3) == 3
                raise KeyboardInterrupt
        for n, one in enumerate(made):
            assert (await read(database, one, world.doctor_user, sealer=both)).text == f"note {n}"
        async with database.reading() as session:
            keys = list(await session.scalars(select(SealedNote.key_id)))
        assert sorted(keys) == ["new"] * 3 + ["old"] * 4
        assert await reseal_all(database, sealer=both, now=START, batch=2) == 4
        only_new = Sealer({"new": NEW["new"]}, purpose="notes")
        for n, one in enumerate(made):
            assert await read(database, one, world.doctor_user, sealer=only_new) == Note(f"note {n}", 1, START)

    async def test_nothing_to_do_changes_nothing(self, database: Database, world: World) -> None:
        await self.notes(database, world, 1)
        assert await reseal_all(database, sealer=Sealer(OLD, purpose="notes"), now=START) == 0
