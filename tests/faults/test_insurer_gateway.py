"""Reports through the outbox to gateways that misbehave: one report version, one effect (PROMISES P7), nothing lost (P6)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.models import Insurer
from telecontrol.accounts.viewer import staff_viewer
from telecontrol.clock import VirtualClock
from telecontrol.controls.models import Control, Doctor
from telecontrol.controls.results import Result
from telecontrol.controls.states import ControlState
from telecontrol.db.session import Database
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.sweeps import send_due, settle_doubts
from telecontrol.reports import queries, sweeps
from telecontrol.reports.gateway import InsurerTarget
from telecontrol.reports.models import Report, ReportState
from telecontrol.reports.reports import send_again
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.tasks.models import Task, TaskKind
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, say
from tests.support.insurer import InsurerProcess, connect
from tests.support.world import HANDLER, World, make_control, make_world

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def process() -> Iterator[InsurerProcess]:
    running = InsurerProcess("--slow-seconds", "3")
    running.start()
    yield running
    running.stop()


@dataclass
class Service:
    """The parts of a process that matter to reports, on a clock that the test moves."""

    database: Database
    clock: VirtualClock
    target: InsurerTarget
    world: World

    async def tick(self, by: timedelta = timedelta(0)) -> None:
        """Let time pass, then decide, settle and send once, as the worker does."""
        self.clock.advance(by)
        await sweeps.sweep(self.database, operator=OPERATOR, now=self.clock.now())
        targets = {"insurer": self.target}
        await settle_doubts(self.database, targets=targets, sealer=OPERATOR.messages, clock=self.clock)
        await send_due(self.database, targets=targets, sealer=OPERATOR.messages, clock=self.clock)
        await sweeps.sweep(self.database, operator=OPERATOR, now=self.clock.now())

    async def report(self, number: int, *, insurer: Insurer | None = None) -> Report:
        """A new control of its own, concluded *not justified*: its report is signed and waits to be sent."""
        async with self.database.transaction() as session:
            self.world.control = await make_control(
                session,
                organisation=self.world.organisation,
                insurer=insurer or self.world.insurer,
                number=100 + number,
            )
            self.world.insured = self.world.control.insured
            starts_at = self.clock.now() - 10 * MINUTE - number * 40 * MINUTE
            appointment = await appoint(session, self.world, starts_at=starts_at)
        done = await say(self.database, self.world, appointment, Result.NOT_JUSTIFIED, at=starts_at, event_at=starts_at)
        assert done.report is not None
        return done.report

    async def reports(self) -> list[Report]:
        async with self.database.reading() as session:
            return list(await session.scalars(select(Report).order_by(Report.event_at)))

    async def tries(self, report: Report) -> list[tuple[str, str]]:
        """(state, what was said) of each try, as a handler's proof of sending shows them."""
        async with self.database.reading() as session:
            viewer = staff_viewer(self.world.handler)
            proof = await queries.proof_of_sending(session, viewer, report.id, now=self.clock.now())
        return [(one.state, one.code or one.phase) for one in proof.tries]

    async def open_tasks(self) -> set[TaskKind]:
        """The open tasks about reports and gateways; nothing sends e-mail here, so those about e-mail are left out."""
        async with self.database.reading() as session:
            tasks = await session.scalars(select(Task).where(Task.done_at.is_(None)))
            return {task.kind for task in tasks if task.detail.get("channel") != "mail"}


@pytest_asyncio.fixture
async def service(committed_database: Database, process: InsurerProcess) -> AsyncIterator[Service]:
    process.forget()
    target = InsurerTarget(committed_database, sealer=OPERATOR.messages, allow_loopback=True, seconds=1)
    async with committed_database.transaction() as session:
        world = await make_world(session)
        await connect(session, world.insurer, process.url)
    yield Service(committed_database, VirtualClock(frozen_at=START + 30 * MINUTE), target, world)
    await target.close()


async def test_a_lost_reply_then_500_then_409_is_one_effect(service: Service, process: InsurerProcess) -> None:
    process.plan("lose_reply", "error", "conflict")
    report = await service.report(0)
    for _ in range(3):
        await service.tick(5 * MINUTE)
    [sent] = await service.reports()
    ledger = process.ledger()
    assert ledger["effects"] == 1
    assert [request["status"] for request in ledger["requests"]] == [None, 500, 409]
    assert {request["key"] for request in ledger["requests"]} == {f"{report.id}.1"}
    assert (sent.state, sent.acknowledgement) == (
        ReportState.ACKNOWLEDGED,
        ledger["reports"][0]["acknowledgement_id"],
    )
    assert await service.tries(report) == [
        ("ambiguous", "reply_lost"),
        ("ambiguous", "http_500"),
        ("accepted", ""),
    ]
    assert ledger["reports"][0]["content_digest"] == digest(sent)


def digest(report: Report) -> str:
    """The Content-Digest that belongs to the hash on the report's row: what was recorded is what was taken (P3)."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(report.content_hash)).decode()}:"


@pytest.mark.parametrize(
    "faults", [["slow", "slow"], ["pending", "error_after", "drop"], ["throttle", "unavailable", "garbage", "redirect"]]
)
async def test_whatever_it_answers_the_report_is_taken_once(
    service: Service, process: InsurerProcess, faults: list[str]
) -> None:
    process.plan(*faults)
    await service.report(0)
    for _ in range(len(faults) + 1):
        await service.tick(16 * MINUTE)
    [report] = await service.reports()
    assert report.state is ReportState.ACKNOWLEDGED
    assert process.ledger()["effects"] == 1
    assert len(process.ledger()["requests"]) == len(faults) + 1


async def test_an_outage_of_72_hours_loses_nothing_and_sends_nothing_twice(
    service: Service, process: InsurerProcess
) -> None:
    """The insurer that is down is told of all along; the other one's reports never wait for it."""
    down = InsurerProcess()
    down.start()
    async with service.database.transaction() as session:
        other = Insurer(code="other", name="Assureur en panne", created_at=START)
        session.add(other)
        await session.flush()
        await connect(session, other, down.url)
    down.stop()
    waiting = [await service.report(number, insurer=other) for number in range(4)]
    gone = await service.report(5)
    await service.tick()
    assert process.ledger()["effects"] == 1
    began = service.clock.now()
    seen: list[set[TaskKind]] = []
    while service.clock.now() < began + 72 * HOUR:
        await service.tick(2 * HOUR)
        seen.append(await service.open_tasks())
    by_id = {report.id: report for report in await service.reports()}
    assert by_id[gone.id].state is ReportState.ACKNOWLEDGED
    assert {by_id[one.id].state for one in waiting} == {ReportState.SIGNED}
    assert {by_id[one.id].breached_at for one in waiting} == {by_id[one.id].due_at for one in waiting}
    assert TaskKind.REPORT_DUE in seen[13], "alerted from 24 h on"
    assert TaskKind.REPORT_OVERDUE in seen[-1], "the breach is shown"
    down.start()
    try:
        await service.tick(5 * MINUTE)
        ledger = down.ledger()
    finally:
        down.stop()
    assert (ledger["effects"], len(ledger["requests"])) == (4, 4)
    assert {report.state for report in await service.reports()} == {ReportState.ACKNOWLEDGED}
    assert {one["key"] for one in ledger["reports"]} == {f"{one.id}.1" for one in waiting}
    assert not await service.open_tasks() & {TaskKind.REPORT_DUE, TaskKind.REPORT_OVERDUE, TaskKind.MESSAGE_LATE}


async def test_a_wrong_key_is_an_administrators_task_for_that_insurer_alone(
    service: Service, process: InsurerProcess
) -> None:
    async with service.database.transaction() as session:
        other = Insurer(code="other", name="Clé périmée", created_at=START)
        session.add(other)
        await session.flush()
        await connect(session, other, process.url, key="a-key-that-has-expired")
    blocked = await service.report(0, insurer=other)
    passed = await service.report(1)
    await service.tick()
    by_id = {report.id: report.state for report in await service.reports()}
    assert by_id == {blocked.id: ReportState.SIGNED, passed.id: ReportState.ACKNOWLEDGED}
    assert TaskKind.TARGET_PAUSED in await service.open_tasks()
    async with service.database.transaction() as session:
        await connect(session, other, process.url)
        # `connect` is dated in the past; the administrator acts now.
        [intent] = await session.scalars(select(Intent).where(Intent.subject_id == blocked.id))
        assert intent.next_attempt_at < service.clock.now(), "what waits is tried at once"
    await service.tick()
    assert {report.state for report in await service.reports()} == {ReportState.ACKNOWLEDGED}
    assert TaskKind.TARGET_PAUSED not in await service.open_tasks()


async def test_a_refusal_for_good_has_one_task_of_its_own(service: Service, process: InsurerProcess) -> None:
    process.plan("refuse")
    report = await service.report(0)
    await service.tick()
    [refused] = await service.reports()
    assert refused.state is ReportState.REFUSED
    tasks = await service.open_tasks()
    assert TaskKind.REPORT_REFUSED in tasks
    assert TaskKind.MESSAGE_FAILED not in tasks
    assert await service.tries(report) == [("rejected_permanent", "refused_told_to_refuse")]
    async with service.database.reading() as session:
        intent = (await session.scalars(select(Intent).where(Intent.subject_id == report.id))).one()
        assert intent.state is IntentState.FAILED


async def sent_again(service: Service, report: Report) -> Report:
    async with service.database.transaction() as session:
        return await send_again(
            session,
            operator=OPERATOR,
            dossier=await load_dossier(session, report.appointment_id, lock=True),
            report=await session.get_one(Report, report.id),
            user=service.world.handler,
            actor=HANDLER,
            now=service.clock.now(),
        )


async def test_a_flaw_in_the_file_stops_the_sending_and_not_the_doctor(
    service: Service, process: InsurerProcess
) -> None:
    async with service.database.transaction() as session:
        (await session.get_one(Doctor, service.world.doctor.id)).rpps = "short"
    report = await service.report(0)
    await service.tick()
    assert await service.open_tasks() == {TaskKind.REPORT_REFUSED}
    assert process.ledger()["requests"] == []
    async with service.database.transaction() as session:
        (await session.get_one(Doctor, service.world.doctor.id)).rpps = "10000000001"
    again, twice = [await sent_again(service, report) for _ in range(2)]
    assert twice.id == again.id, "the button pressed twice is one act"
    await service.tick()
    assert (await sent_again(service, report)).id == again.id
    assert [one["key"] for one in process.ledger()["reports"]] == [f"{again.id}.2"]
    assert {one.state for one in await service.reports()} == {ReportState.WITHDRAWN, ReportState.ACKNOWLEDGED}


async def test_the_control_is_reported_once_its_report_is_acknowledged(
    service: Service, process: InsurerProcess
) -> None:
    await service.report(0)
    await service.tick()
    async with service.database.reading() as session:
        control = await session.get_one(Control, service.world.control.id)
    assert control.state is ControlState.REPORTED
