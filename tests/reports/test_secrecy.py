"""Words planted in medical notes are found in nothing that leaves, nothing a handler reads, no log line (PROMISES P13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from telecontrol.accounts.viewer import Viewer, staff_viewer
from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.controls.medical_words import medical_words_in
from telecontrol.controls.results import Result
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.notify.targets import build_targets
from telecontrol.outbox.contents import read_content, read_context
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.sweeps import send_due
from telecontrol.outbox.targets import Target
from telecontrol.reports import queries, sweeps
from telecontrol.reports.circumstances import Circumstances
from telecontrol.reports.gateway import InsurerTarget
from telecontrol.reports.notes import save_note
from telecontrol.reports.reports import SUBJECT
from telecontrol.reports.wording import Audience, label, sentence, words_of
from tests.support.concluding import MINUTE, OPERATOR, SEEN, START, appoint, doctor_waits, insured_arrives, say
from tests.support.insurer import InsurerProcess, connect
from tests.support.world import World, make_world

PLANTED = ("ZOSTERIEN", "Zphaneurose", "quxalgie")
NOTES = f"Patient {PLANTED[0]}, {PLANTED[1]} sous traitement; {PLANTED[2]}."


async def test_planted_words_stay_in_the_notes(committed_database: Database, settings: Callable[..., Settings]) -> None:
    database, clock = committed_database, VirtualClock(frozen_at=START + 12 * MINUTE)
    process = InsurerProcess()
    process.start()
    insurer = InsurerTarget(database, sealer=OPERATOR.messages, allow_loopback=True)
    targets = {**build_targets(settings(), database, clock), "insurer": insurer}
    try:
        # What is logged, before anything is redacted.
        with capture_logs() as logged:
            await tell_everybody(database, clock, targets, process)
        sent = await everything_outgoing(database)
        taken = process.ledger()
    finally:
        process.stop()
        for target in targets.values():
            await target.close()
    assert {kind for kind, _ in sent} == {"report_48h", "conclusion_to_insured", "attendance_receipt"}
    assert taken["effects"] == 1
    places = {**dict(sent), "insurer": str(taken), "rows": await every_readable_row(database), "logs": str(logged)}
    for place, content in places.items():
        for word in PLANTED:
            assert word.lower() not in content.lower(), place


async def tell_everybody(
    database: Database, clock: VirtualClock, targets: dict[str, Target], process: InsurerProcess
) -> None:
    """From the arrival of the insured to the acknowledged report and the messages sent, with medical notes beside it."""
    async with database.transaction() as session:
        world = await make_world(session)
        await connect(session, world.insurer, process.url)
        appointment = await appoint(session, world)
    await insured_arrives(database, appointment, at=START)
    async with database.transaction() as session:
        await save_note(
            session,
            sealer=OPERATOR.notes,
            appointment_id=appointment.id,
            user=world.doctor_user,
            text=NOTES,
            revision=0,
            now=clock.now(),
        )
    for line in (f"voir {PLANTED[1]} et dépression", "douleur"):
        with pytest.raises(InvalidInput) as refused:
            await say(database, world, appointment, Result.NOT_JUSTIFIED, circumstances=Circumstances(remark=line))
        assert line not in repr(refused.value)
    await say(database, world, appointment, Result.NOT_JUSTIFIED, circumstances=SEEN, at=clock.now())
    for _ in range(2):
        await send_due(database, targets=targets, sealer=OPERATOR.messages, clock=clock)
        await sweeps.sweep(database, operator=OPERATOR, now=clock.now())


async def everything_outgoing(database: Database) -> list[tuple[str, str]]:
    """(kind, the values it was made of and the bytes as sent) of every message and report."""
    async with database.reading() as session:
        intents = (await session.scalars(select(Intent))).all()
        assert {intent.state for intent in intents} == {IntentState.ACCEPTED}
        found = []
        for intent in intents:
            context = await read_context(session, intent.id, sealer=OPERATOR.messages)
            content = await read_content(session, intent.id, sealer=OPERATOR.messages)
            found.append((intent.kind, f"{context} {decoded(content)}"))
        return found


def decoded(content: bytes) -> str:
    """The bytes, and every part of an e-mail without its transfer encoding."""
    parts = [part.get_payload(decode=True) for part in message_from_bytes(content).walk()]
    return " ".join(part.decode("utf-8", "replace") for part in (content, *parts) if isinstance(part, bytes))


async def every_readable_row(database: Database) -> str:
    """Every value of every table as a reader of the database sees it; sealed bytes are what they are."""
    async with database.reading() as session:
        names = [
            name
            for (name,) in await session.execute(
                text(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                    if database.is_sqlite
                    else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                )
            )
        ]
        rows = [(await session.execute(text(f'SELECT * FROM "{name}"'))).all() for name in names]
    assert "sealed_note" in names
    return str(rows)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("result", list(Result))
def test_the_words_of_each_result_are_administrative_and_different_for_nobody(result: Result, language: str) -> None:
    words = words_of(result, language=language)
    for line in (words.label, words.insured, words.requester, words.insurer):
        assert line
        assert len(line) <= 400
        # "sick leave" is what the person is told about; the requester and the insurer read "leave".
        assert [word for word in medical_words_in(line) if (word, line) != ("sick", words.insured)] == []
    assert label(result, language="de") == label(result, language="fr")
    assert sentence(result, Audience.INSURER, language=language) == words.insurer
    assert len(words.insurer) <= 300


def test_a_technical_failure_blames_nobody() -> None:
    for language, guilt in (("fr", "absen"), ("en", "absen")):
        words = words_of(Result.TECHNICAL_FAILURE, language=language)
        assert guilt not in f"{words.label} {words.insured} {words.requester} {words.insurer}".lower()


class TestWhoReads:
    """Handlers meet the proof, doctors their own cases, nobody else's rows are told apart from none."""

    async def signed(self, database: Database, world: World) -> Any:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        done = await say(database, world, appointment, Result.NOT_JUSTIFIED)
        assert done.report is not None
        return done.report

    def doctor(self, world: World) -> Viewer:
        return staff_viewer(world.doctor_user, doctor_id=world.doctor.id)

    async def test_the_doctor_reads_the_content_and_the_handler_the_proof(
        self, database: Database, world: World
    ) -> None:
        report = await self.signed(database, world)
        handler, now = staff_viewer(world.handler), START + timedelta(hours=1)
        given: dict[str, Any] = {"sealer": OPERATOR.messages, "now": now}
        async with database.reading() as session:
            document = await queries.document_sent(session, self.doctor(world), report.id, **given)
            with pytest.raises(NotFound):
                await queries.document_sent(session, handler, report.id, **given)
            proof = await queries.proof_of_sending(session, handler, report.id, now=now)
            due = await queries.due(session, handler, now=now)
        assert document["report_id"] == str(report.id)
        assert (proof.idempotency_key, proof.content_hash) == (f"{report.id}.1", report.content_hash)
        assert [(line.report.id, line.reference, line.is_overdue) for line in due] == [
            (report.id, world.control.reference, False)
        ]
        assert due[0].left == report.due_at - now

    async def test_somebody_elses_is_not_found(self, database: Database, world: World) -> None:
        report = await self.signed(database, world)
        stranger = staff_viewer(world.handler)
        elsewhere = Viewer(stranger.kind, stranger.role, stranger.user_id, organisation_id=world.insurer.id)
        colleague = staff_viewer(world.doctor_user, doctor_id=world.other_doctor.id)
        async with database.reading() as session:
            for viewer in (elsewhere, colleague):
                with pytest.raises(NotFound):
                    await queries.proof_of_sending(session, viewer, report.id, now=START)
                assert await queries.due(session, viewer, now=START) == []
                assert await queries.of_control(session, viewer, world.control.id, now=START) == []
                assert await queries.conclusions_of(session, viewer, world.control.id) == []

    async def test_what_waits_for_the_doctor(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            absent = await appoint(session, world)
        await doctor_waits(database, absent)
        await sweeps.sweep(database, operator=OPERATOR, now=absent.busy_until)
        async with database.reading() as session:
            [line] = await queries.to_sign(session, self.doctor(world), now=START)
            assert line.report.appointment_id == absent.id
            assert await queries.to_conclude(session, self.doctor(world)) == []
        async with database.transaction() as session:
            seen = await appoint(session, world, starts_at=START + 60 * MINUTE)
        await insured_arrives(database, seen, at=START + 60 * MINUTE)
        await sweeps.sweep(database, operator=OPERATOR, now=seen.busy_until)
        async with database.reading() as session:
            waiting = await queries.to_conclude(session, self.doctor(world))
            assert [(one.id, reference) for one, reference in waiting] == [(seen.id, world.control.reference)]
            assert await queries.to_conclude(session, staff_viewer(world.handler)) == []

    async def test_a_breach_is_listed_even_once_it_is_sent(self, database: Database, world: World) -> None:
        report = await self.signed(database, world)
        late = report.due_at + timedelta(hours=1)
        await sweeps.sweep(database, operator=OPERATOR, now=late)
        async with database.transaction() as session:
            intent = (await session.scalars(select(Intent).where(Intent.subject_kind == SUBJECT))).one()
            intent.state, intent.accepted_at, intent.provider_id = IntentState.ACCEPTED, late, "ACK"
        await sweeps.sweep(database, operator=OPERATOR, now=late + MINUTE)
        async with database.reading() as session:
            [line] = await queries.breached(session, staff_viewer(world.handler), since=START, now=late)
        assert (line.report.state, line.is_overdue) == ("acknowledged", False)

    async def test_the_next_instant_to_walk_to(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        await doctor_waits(database, appointment)
        seen = []
        now = START
        while (due := await self.next_due(database, now)) is not None:
            now = due
            seen.append(now - START)
            await sweeps.sweep(database, operator=OPERATOR, now=now)
        minutes = timedelta(minutes=15)
        hours = [timedelta(hours=hour) + minutes for hour in (24, 36, 44, 48)]
        assert seen == [appointment.ends_at - START, *hours]

    async def next_due(self, database: Database, now: Any) -> Any:
        async with database.reading() as session:
            return await queries.next_due_at(session, now=now)
