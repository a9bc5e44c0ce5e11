"""Appointments that are over, drafts, alerts at 24, 36 and 44 h, breaches, acknowledgements, the end of a control."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import ReportKind, Result
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import of_control
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, Forbidden, InvalidInput, WrongState
from telecontrol.outbox.contents import read_context
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.reports import sweeps
from telecontrol.reports.acknowledging import acknowledgements, finished_controls, gateway_faults
from telecontrol.reports.circumstances import Circumstances
from telecontrol.reports.conclusions import Concluded
from telecontrol.reports.drafting import qualify, sign_report
from telecontrol.reports.models import AbsenceQualification, Qualification, Report, ReportState
from telecontrol.reports.reports import send_again
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.tasks.models import Owner, Task, TaskKind
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.models import EventKind, Role
from tests.support.concluding import (
    MINUTE,
    OPERATOR,
    START,
    appoint,
    doctor_actor,
    doctor_waits,
    goes_wrong,
    insured_arrives,
    say,
)
from tests.support.world import HANDLER, World

HOUR = timedelta(hours=1)
EVENT = START + 15 * MINUTE
"""The fact of an absence."""
S, R, A = ControlState, Result, AppointmentState


async def sweep(database: Database, now: datetime) -> None:
    await sweeps.sweep(database, operator=OPERATOR, now=now)


async def report_of(database: Database) -> Report:
    async with database.reading() as session:
        return (await session.scalars(select(Report).order_by(Report.version.desc()).limit(1))).one()


async def state_of(database: Database, appointment: Appointment) -> tuple[ControlState, AppointmentState]:
    async with database.reading() as session:
        found = await session.get_one(Appointment, appointment.id)
        return (await session.get_one(Control, found.control_id)).state, found.state


async def open_tasks(database: Database) -> dict[TaskKind, tuple[Owner, int]]:
    async with database.reading() as session:
        tasks = await session.scalars(select(Task).where(Task.done_at.is_(None)))
        return {task.kind: (task.owner, task.level) for task in tasks}


async def mails(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """(kind, values) of every e-mail queued to doctors and desk about signatures and reports, oldest first."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(Intent)
            .where(Intent.kind.in_(("doctor_signature_due", "doctor_conclusion_due", "desk_alert")))
            .order_by(Intent.created_at, Intent.kind)
        )
        return [(row.kind, await read_context(session, row.id, sealer=OPERATOR.messages)) for row in rows]


class TestOver:
    async def test_never_arrived(self, database: Database, world: World, appointment: Appointment) -> None:
        await sweep(database, appointment.ends_at - timedelta(seconds=1))
        assert await state_of(database, appointment) == (S.BOOKED, A.BOOKED)
        await sweep(database, appointment.ends_at)
        assert await state_of(database, appointment) == (S.TO_QUALIFY, A.OVER)
        report = await report_of(database)
        assert (report.kind, report.state) == (ReportKind.EXAMINATION_IMPOSSIBLE, ReportState.DRAFTED)
        assert (report.event_at, report.due_at) == (EVENT, EVENT + 48 * HOUR)
        assert await open_tasks(database) == {
            TaskKind.SIGNATURE_DUE: (Owner.DOCTOR, 0),
            TaskKind.CONTROL_TO_QUALIFY: (Owner.HANDLER, 0),
        }
        told = [(kind, values.get("task")) for kind, values in await mails(database)]
        assert told == [("desk_alert", "control_to_qualify"), ("doctor_signature_due", None)]
        async with database.reading() as session:
            limits = {task.due_at for task in await session.scalars(select(Task))}
        assert limits == {report.due_at}, "the desk's row says how long its answer is worth something"

    @pytest.mark.parametrize("stay", [None, (-12, -11), (-1, 9), (20, 21)])
    async def test_a_doctor_who_was_not_seen_waiting_makes_nobody_absent(
        self, database: Database, world: World, stay: tuple[int, int] | None
    ) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        if stay is not None:
            since, until = (START + minutes * MINUTE for minutes in stay)
            await doctor_waits(database, appointment, since=since, until=until)
        await sweep(database, appointment.busy_until)
        assert await state_of(database, appointment) == (S.TO_QUALIFY, A.OVER)
        report = await report_of(database)
        assert (report.state, report.due_at) == (ReportState.DRAFTED, EVENT + 48 * HOUR), "nobody gains time"
        async with database.reading() as session:
            tasks = list(await session.scalars(select(Task).where(Task.done_at.is_(None)).order_by(Task.owner)))
            lines = [line.action for line in await of_control(session, world.control.id)]
        assert [(task.kind, task.owner) for task in tasks] == [
            (TaskKind.SIGNATURE_DUE, Owner.DOCTOR),
            (TaskKind.CONTROL_TO_QUALIFY, Owner.HANDLER),
        ]
        with pytest.raises(Conflict, match="no doctor was seen"):
            await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 2 * HOUR)
        assert tasks[1].detail["proposed"] == "doctor_unavailable"
        assert "appointment.doctor_not_seen" in lines
        told = [(kind, values.get("task")) for kind, values in await mails(database)]
        assert told == [("desk_alert", "control_to_qualify"), ("doctor_signature_due", None)]

    async def test_in_person_nobody_is_seen_waiting_and_the_draft_is_made(
        self, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, mode=Mode.SURGERY)
        await sweep(database, appointment.ends_at)
        assert (await report_of(database)).state is ReportState.DRAFTED

    async def test_the_sweep_that_comes_a_day_late_drafts_from_the_same_fact(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, START + 20 * HOUR)
        report = await report_of(database)
        assert (report.event_at, report.drafted_at) == (EVENT, START + 20 * HOUR)

    async def test_twice_is_once(self, database: Database, world: World, appointment: Appointment) -> None:
        for minutes in (20, 21, 40):
            await sweep(database, START + minutes * MINUTE)
        async with database.reading() as session:
            assert len((await session.scalars(select(Report))).all()) == 1
        assert len(await mails(database)) == 2

    async def test_arrived_without_a_conclusion_is_never_an_absence(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await insured_arrives(database, appointment, at=START + MINUTE)
        await sweep(database, appointment.busy_until - timedelta(seconds=1))
        assert await state_of(database, appointment) == (S.BOOKED, A.BOOKED)
        await sweep(database, appointment.busy_until)
        assert await state_of(database, appointment) == (S.TO_QUALIFY, A.OVER)
        async with database.reading() as session:
            assert (await session.scalars(select(Report))).all() == []
            tasks = (await session.scalars(select(Task).order_by(Task.owner))).all()
        assert [(task.kind, task.owner, task.doctor_id) for task in tasks] == [
            (TaskKind.CONTROL_TO_QUALIFY, Owner.DOCTOR, world.doctor.id),
            (TaskKind.CONTROL_TO_QUALIFY, Owner.HANDLER, None),
        ]
        with pytest.raises(Conflict):
            await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 2 * HOUR)
        await say(database, world, appointment, R.JUSTIFIED, at=START + 2 * HOUR)
        assert await state_of(database, appointment) == (S.CONCLUDED, A.ATTENDED)
        assert await open_tasks(database) == {}

    async def test_a_technical_problem_drafts_nothing(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await goes_wrong(database, appointment, at=START + MINUTE)
        await sweep(database, appointment.ends_at)
        assert await state_of(database, appointment) == (S.TO_QUALIFY, A.OVER)
        async with database.reading() as session:
            assert (await session.scalars(select(Report))).all() == []

    async def test_admitted_in_person_and_forgotten_is_never_an_absence(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, mode=Mode.SURGERY, state=A.IN_PROGRESS)
        await sweep(database, appointment.busy_until)
        async with database.reading() as session:
            assert (await session.scalars(select(Report))).all() == []

    async def test_a_call_that_goes_on_is_not_cut(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        room = await insured_arrives(database, appointment, at=START)
        late = appointment.busy_until + 20 * MINUTE

        async def signs_of_life(at: datetime, event: EventKind | None, *roles: Role) -> None:
            async with database.transaction() as session:
                await record_facts(session, [Fact(room, role, event, at) for role in roles])

        await signs_of_life(START, EventKind.JOINED, Role.DOCTOR, Role.INSURED)
        await signs_of_life(late, None, Role.DOCTOR, Role.INSURED)
        await sweep(database, late + MINUTE)
        assert await state_of(database, appointment) == (S.BOOKED, A.BOOKED)
        await signs_of_life(late + 4 * MINUTE, None, Role.INSURED)
        await sweep(database, late + 5 * MINUTE)  # the doctor's tab died
        assert await state_of(database, appointment) == (S.TO_QUALIFY, A.OVER)

    async def test_one_bad_row_stops_nobody_else(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        async with database.transaction() as session:
            # A state that the table does not allow to end so: the row is skipped, and met again next time.
            bad = await appoint(session, world, starts_at=START - 3 * HOUR)
            control = await session.get_one(Control, world.control.id)
            session.expunge(control)
            other = Control(
                **{
                    column.key: getattr(control, column.key)
                    for column in Control.__mapper__.columns
                    if column.key not in ("id", "reference", "external_reference", "state")
                },
                reference="TC-BAD",
                external_reference="BAD",
                state=S.CLOSED,
            )
            session.add(other)
            await session.flush()
            bad.control_id = other.id
        await sweep(database, appointment.ends_at)
        assert await state_of(database, appointment) == (S.TO_QUALIFY, A.OVER)
        assert await state_of(database, bad) == (S.CLOSED, A.BOOKED)


class TestQualifying:
    async def qualified(self, database: Database, appointment: Appointment, **given: Any) -> None:
        async with database.transaction() as session:
            await qualify(
                session,
                **{
                    "dossier": await load_dossier(session, appointment.id, lock=True),
                    "qualification": Qualification.EXCUSED_ABSENCE,
                    "reason": "justificatif reçu par courrier",
                    "actor": HANDLER,
                    "now": START + 2 * HOUR,
                    **given,
                },
            )

    @pytest.mark.parametrize(
        ("qualification", "state"),
        [(Qualification.EXCUSED_ABSENCE, S.IN_PERSON_TO_BOOK), (Qualification.TECHNICAL_FAILURE, S.TO_BOOK)],
    )
    async def test_a_named_person_with_a_reason_withdraws_the_draft(
        self,
        database: Database,
        world: World,
        appointment: Appointment,
        qualification: Qualification,
        state: ControlState,
    ) -> None:
        await sweep(database, appointment.ends_at)
        for _ in range(2):
            await self.qualified(database, appointment, user=world.handler, qualification=qualification)
        report = await report_of(database)
        assert (report.state, report.withdrawn_by) == (ReportState.WITHDRAWN, world.handler.id)
        assert report.withdrawn_reason == "justificatif reçu par courrier"
        assert await state_of(database, appointment) == (state, A.OVER)
        async with database.reading() as session:
            kept = (await session.scalars(select(AbsenceQualification))).one()
        assert (kept.kind, kept.qualified_by, kept.reason) == (
            qualification,
            world.handler.id,
            "justificatif reçu par courrier",
        )
        before = await mails(database)
        await sweep(database, EVENT + 60 * HOUR)
        assert await mails(database) == before, "a withdrawn report is chased no more"
        assert (await report_of(database)).breached_at is None
        with pytest.raises(WrongState):
            await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 3 * HOUR)

    async def test_it_was_the_doctor_who_was_not_there(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        await sweep(database, appointment.ends_at)
        absent = Qualification.DOCTOR_UNAVAILABLE
        await self.qualified(database, appointment, user=world.handler, qualification=absent)
        assert await state_of(database, appointment) == (S.TO_BOOK, A.OVER)
        assert await open_tasks(database) == {TaskKind.CONTROL_TO_BOOK: (Owner.HANDLER, 0)}

    async def test_without_a_draft_too(self, database: Database, world: World, appointment: Appointment) -> None:
        await insured_arrives(database, appointment, at=START)
        await sweep(database, appointment.busy_until)
        technical = Qualification.TECHNICAL_FAILURE
        await self.qualified(database, appointment, user=world.doctor_user, qualification=technical)
        assert await state_of(database, appointment) == (S.TO_BOOK, A.OVER)
        assert await open_tasks(database) == {TaskKind.CONTROL_TO_BOOK: (Owner.HANDLER, 0)}

    async def test_who_may_not_and_when_not(self, database: Database, world: World, appointment: Appointment) -> None:
        with pytest.raises(WrongState):
            await self.qualified(database, appointment, user=world.handler)
        await sweep(database, appointment.ends_at)
        with pytest.raises(InvalidInput):
            await self.qualified(database, appointment, user=world.handler, reason=" ")
        stranger = StaffUser(id=uuid.uuid4(), role="doctor", is_active=True)
        with pytest.raises(Forbidden):
            await self.qualified(database, appointment, user=stranger)


async def signed(database: Database, world: World, appointment: Appointment, *, at: datetime) -> Concluded:
    async with database.transaction() as session:
        return await sign_report(
            session,
            operator=OPERATOR,
            dossier=await load_dossier(session, appointment.id, lock=True),
            user=world.doctor_user,
            circumstances=Circumstances(waited_until=START + 16 * MINUTE),
            actor=doctor_actor(world),
            now=at,
        )


class TestSigning:
    async def test_the_draft_becomes_the_report_that_is_sent(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, appointment.ends_at)
        draft = await report_of(database)
        done = await signed(database, world, appointment, at=START + 3 * HOUR)
        report = await report_of(database)
        assert done.report is not None
        assert (report.id, done.report.id) == (draft.id, draft.id)
        assert (report.state, report.due_at, report.conclusion_id) == (
            ReportState.SIGNED,
            draft.due_at,
            done.conclusion.id,
        )
        assert await state_of(database, appointment) == (S.CONCLUDED, A.NOT_ATTENDED)
        assert await open_tasks(database) == {}
        async with database.reading() as session:
            [intent] = await session.scalars(select(Intent).where(Intent.kind == "report_48h"))
            values = await read_context(session, intent.id, sealer=OPERATOR.messages)
        document = values["document"]
        assert document["conclusion"]["event_at"] == "2026-03-09T09:15:00+01:00"
        assert document["conclusion"]["insured_is_the_cause"] is True
        assert document["conclusion"]["examination_took_place"] is False
        assert document["circumstances"]["waited_until"] == "2026-03-09T08:16:00Z"

    async def test_refused_while_the_notice_is_in_doubt(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, notice_settled_at=None)
        await doctor_waits(database, appointment)
        await sweep(database, appointment.ends_at)
        with pytest.raises(Conflict) as refused:
            await signed(database, world, appointment, at=START + 3 * HOUR)
        assert refused.value.code == "notice_doubtful"
        assert (await report_of(database)).state is ReportState.DRAFTED

    async def test_another_conclusion_withdraws_the_draft(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, appointment.ends_at)
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START + 3 * HOUR)
        async with database.reading() as session:
            reports = (await session.scalars(select(Report).order_by(Report.version))).all()
        assert [(one.version, one.kind, one.state) for one in reports] == [
            (1, ReportKind.EXAMINATION_IMPOSSIBLE, ReportState.WITHDRAWN),
            (2, ReportKind.UNJUSTIFIED, ReportState.SIGNED),
        ]

    async def test_a_draft_keeps_its_due_time_whatever_is_recorded_later(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, appointment.ends_at)
        late = START + 30 * HOUR
        done = await say(database, world, appointment, R.CONTROL_REFUSED, at=late, event_at=late)
        assert done.report is not None
        assert (done.report.event_at, done.report.due_at) == (EVENT, EVENT + 48 * HOUR)


class TestAlerts:
    async def hours_told(self, database: Database) -> list[int]:
        return [values["hours"] for kind, values in await mails(database) if kind.startswith("doctor_")]

    async def levels_told(self, database: Database) -> list[tuple[str, int]]:
        return [
            (values["task"], values["level"])
            for kind, values in await mails(database)
            if kind == "desk_alert" and values["task"].startswith("report")
        ]

    async def test_at_24_36_and_44_hours_to_the_second_and_once(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, appointment.ends_at)
        for hours in (24, 36, 44):
            await sweep(database, EVENT + hours * HOUR - timedelta(seconds=1))
            assert hours not in await self.hours_told(database)
            for later in (0, 1, 60):
                await sweep(database, EVENT + hours * HOUR + later * timedelta(seconds=1))
        assert await self.hours_told(database) == [0, 24, 36, 44]
        assert await self.levels_told(database) == [("report_due", 1), ("report_due", 2), ("report_due", 3)]
        tasks = await open_tasks(database)
        assert (tasks[TaskKind.SIGNATURE_DUE], tasks[TaskKind.REPORT_DUE]) == ((Owner.DOCTOR, 3), (Owner.HANDLER, 3))

    async def test_after_downtime_only_the_highest_missed_level_is_told(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, EVENT + 37 * HOUR)  # the first sweep of all
        assert await self.hours_told(database) == [37]
        await sweep(database, EVENT + 37 * HOUR + MINUTE)
        assert await self.levels_told(database) == [("report_due", 2)]

    async def test_the_last_alert_comes_before_the_due_time_across_a_clock_change(
        self, database: Database, world: World
    ) -> None:
        event = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)  # 10:00 in Paris; due on 30/03 at 10:00, 47 real hours later
        async with database.transaction() as session:
            appointment = await appoint(session, world, starts_at=event - 15 * MINUTE)
        await doctor_waits(database, appointment)
        await sweep(database, event + HOUR)
        await sweep(database, event + 44 * HOUR)
        await sweep(database, event + 47 * HOUR - timedelta(seconds=1))
        report = await report_of(database)
        assert (report.alert_level, report.breached_at) == (3, None)
        await sweep(database, event + 47 * HOUR)
        assert (await report_of(database)).breached_at == event + 47 * HOUR

    async def test_a_signed_report_on_its_way_alerts_the_desk_alone(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START)
        await sweep(database, START + 24 * HOUR)
        assert await self.hours_told(database) == []
        assert await self.levels_told(database) == [("report_due", 1)]

    async def test_a_doctor_who_saw_somebody_and_concluded_nothing_is_chased_at_the_same_hours(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await insured_arrives(database, appointment, at=START)
        await sweep(database, appointment.busy_until)
        for hours in (24, 36, 44, 72):
            for _ in range(2):
                await sweep(database, appointment.ends_at + hours * HOUR)
        assert await self.hours_told(database) == [0, 24, 36, 44]
        kinds = {kind for kind, _ in await mails(database) if kind.startswith("doctor_")}
        assert kinds == {"doctor_conclusion_due"}, "no report waits for a signature"


class TestBreach:
    async def test_recorded_once_shown_and_told(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, appointment.ends_at)
        await sweep(database, EVENT + 44 * HOUR)
        due_at = EVENT + 48 * HOUR
        await sweep(database, due_at - timedelta(seconds=1))
        assert (await report_of(database)).breached_at is None
        for later in (timedelta(0), HOUR, 24 * HOUR):
            await sweep(database, due_at + later)
        report = await report_of(database)
        assert (report.breached_at, report.state) == (due_at, ReportState.DRAFTED)
        tasks = await open_tasks(database)
        assert TaskKind.REPORT_DUE not in tasks
        assert tasks[TaskKind.REPORT_OVERDUE][0] is Owner.HANDLER
        overdue = [v for kind, v in await mails(database) if kind == "desk_alert" and v["task"] == "report_overdue"]
        assert len(overdue) == 1
        await signed(database, world, appointment, at=due_at + 25 * HOUR)
        report = await report_of(database)
        assert (report.state, report.breached_at) == (ReportState.SIGNED, due_at), "late is still sent, and still late"

    async def test_the_worker_was_down_for_three_days(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await sweep(database, START + 72 * HOUR)
        report = await report_of(database)
        assert (report.breached_at, report.alert_level) == (EVENT + 48 * HOUR, 3)
        assert [v["hours"] for kind, v in await mails(database) if kind == "doctor_signature_due"] == [71]


async def provider_says(database: Database, **values: Any) -> None:
    """What the outbox recorded of the report's sending."""
    async with database.transaction() as session:
        await session.execute(update(Intent).where(Intent.kind == "report_48h").values(**values))


async def everything_told(database: Database, *, at: datetime) -> None:
    async with database.transaction() as session:
        waiting = update(Intent).where(Intent.target == "mail", Intent.state == IntentState.PENDING)
        await session.execute(waiting.values(state=IntentState.ACCEPTED, accepted_at=at))


class TestAcknowledgement:
    async def test_acknowledged_reported_closed(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START)
        await sweep(database, START + 25 * HOUR)
        at = START + 26 * HOUR
        await provider_says(database, state=IntentState.ACCEPTED, accepted_at=at, provider_id="ACK-7")
        await sweep(database, at + MINUTE)
        report = await report_of(database)
        assert (report.state, report.acknowledged_at, report.acknowledgement) == (ReportState.ACKNOWLEDGED, at, "ACK-7")
        assert (await state_of(database, appointment))[0] is S.REPORTED, "its e-mail is still to be sent"
        assert await open_tasks(database) == {}
        await everything_told(database, at=at)
        await sweep(database, at + 2 * MINUTE)
        assert (await state_of(database, appointment))[0] is S.CLOSED

    async def test_acknowledged_in_time_but_read_late_is_no_breach(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START)
        at = START + 40 * HOUR
        await provider_says(database, state=IntentState.ACCEPTED, accepted_at=at, provider_id="ACK-7")
        await sweep(database, START + 90 * HOUR)
        assert (await report_of(database)).breached_at is None

    async def test_acknowledged_late_is_a_breach_even_when_nobody_looked_in_between(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START)
        late = START + 49 * HOUR
        await provider_says(database, state=IntentState.ACCEPTED, accepted_at=late, provider_id="ACK-7")
        await sweep(database, START + 90 * HOUR)
        report = await report_of(database)
        assert (report.state, report.breached_at) == (ReportState.ACKNOWLEDGED, START + 48 * HOUR)

    async def test_a_justified_leave_owes_nothing_and_closes(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.JUSTIFIED, at=START)
        await finished_controls(database, now=START)
        assert (await state_of(database, appointment))[0] is S.CONCLUDED
        await everything_told(database, at=START)
        await finished_controls(database, now=START + MINUTE)
        assert (await state_of(database, appointment))[0] is S.CLOSED

    async def test_a_refusal_has_one_task_and_is_sent_again_in_a_new_version(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        first = await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 16 * MINUTE)
        assert first.report is not None
        await provider_says(database, state=IntentState.FAILED, failure_code="refused_invalid_report")
        await sweep(database, START + HOUR)
        assert (await report_of(database)).state is ReportState.REFUSED
        assert await open_tasks(database) == {TaskKind.REPORT_REFUSED: (Owner.HANDLER, 1)}
        async with database.transaction() as session:
            again = await send_again(
                session,
                operator=OPERATOR,
                dossier=await load_dossier(session, appointment.id, lock=True),
                report=await session.get_one(Report, first.report.id),
                user=world.handler,
                actor=HANDLER,
                now=START + 2 * HOUR,
            )
        assert (again.version, again.state, again.due_at) == (2, ReportState.SIGNED, first.report.due_at)
        assert again.signed_at == first.report.signed_at, "it is the doctor's signature, and stays so"
        async with database.reading() as session:
            lines = [line for line in await of_control(session, world.control.id) if line.action.startswith("report.")]
        # Lines of one transaction share their instant, in no order.
        assert {(line.action, line.actor_id) for line in lines if line.actor_kind == "staff"} == {
            ("report.drafted", str(world.doctor_user.id)),
            ("report.signed", str(world.doctor_user.id)),
            ("report.replaced", HANDLER.id),
            ("report.sent_again", HANDLER.id),
        }
        [again_line] = [line for line in lines if line.action == "report.sent_again"]
        assert again_line.detail["version"] == 2
        assert await open_tasks(database) == {}
        async with database.reading() as session:
            old = await session.get_one(Report, first.report.id)
            sent = (await session.scalars(select(Intent).where(Intent.kind == "report_48h"))).all()
            documents = [(await read_context(session, one.id, sealer=OPERATOR.messages))["document"] for one in sent]
        assert (old.state, old.withdrawn_reason) == (ReportState.WITHDRAWN, "replaced by version 2")
        assert sorted((one["report_id"], one["version"]) for one in documents) == sorted(
            [(str(first.report.id), 1), (str(again.id), 2)]
        )
        assert {one["conclusion"]["insured_is_the_cause"] for one in documents} == {True}

    async def test_a_refused_report_that_is_tried_again_is_on_its_way(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START)
        await provider_says(database, state=IntentState.FAILED, failure_code="refused_other")
        await acknowledgements(database, operator=OPERATOR, now=START + HOUR)
        await provider_says(database, state=IntentState.PENDING)
        await acknowledgements(database, operator=OPERATOR, now=START + 2 * HOUR)
        assert (await report_of(database)).state is ReportState.SIGNED
        assert await open_tasks(database) == {}

    async def test_a_gateway_that_only_an_administrator_can_mend(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED, at=START)
        await provider_says(database, failure_code="gateway_401")
        for _ in range(2):
            assert await gateway_faults(database, now=START + HOUR) == 1
        assert await open_tasks(database) == {TaskKind.TARGET_PAUSED: (Owner.ADMINISTRATOR, 0)}
        await provider_says(database, failure_code="http_503")
        assert await gateway_faults(database, now=START + 2 * HOUR) == 0
        assert await open_tasks(database) == {}
