"""What each conclusion leads to, what stands against it, and what it freezes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select

from telecontrol.controls.models import Control, Procedure
from telecontrol.controls.policies import FIRST_VERSIONS, Mode, add_version
from telecontrol.controls.results import ReportKind, Result
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import of_control
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, Forbidden, InvalidInput, WrongState
from telecontrol.outbox.contents import read_context
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.reports import published
from telecontrol.reports.absences import decide_on_notice
from telecontrol.reports.circumstances import Circumstances, IdentityDocument, WaitedHow
from telecontrol.reports.conclusions import is_intact
from telecontrol.reports.models import Conclusion, Report, ReportState
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState, NoticeDecision
from telecontrol.video.models import PresenceSpan
from telecontrol.video.waiting import admit
from tests.support.concluding import (
    MINUTE,
    OPERATOR,
    SEEN,
    START,
    appoint,
    doctor_waits,
    goes_wrong,
    insured_arrives,
    say,
)
from tests.support.insurer import published_schema
from tests.support.world import HANDLER, World, make_world

OVER = START + 16 * MINUTE
"""A minute after the waiting time."""
S, R, A = ControlState, Result, AppointmentState

# result, the control's next state, the appointment's end when the insured never arrived by the service's own record, the
# report owed (procedure A)
LEADS_TO = [
    (R.JUSTIFIED, S.CONCLUDED, A.ATTENDED, None),
    (R.NOT_JUSTIFIED, S.CONCLUDED, A.ATTENDED, ReportKind.UNJUSTIFIED),
    (R.NEEDS_PHYSICAL_EXAMINATION, S.IN_PERSON_TO_BOOK, A.OVER, None),
    (R.VIDEO_DECLINED, S.IN_PERSON_TO_BOOK, A.OVER, None),
    (R.EXCUSED_ABSENCE, S.IN_PERSON_TO_BOOK, A.NOT_ATTENDED, None),
    (R.UNEXCUSED_ABSENCE, S.CONCLUDED, A.NOT_ATTENDED, ReportKind.EXAMINATION_IMPOSSIBLE),
    (R.CONTROL_REFUSED, S.CONCLUDED, A.NOT_ATTENDED, ReportKind.EXAMINATION_IMPOSSIBLE),
    (R.IDENTITY_NOT_ESTABLISHED, S.IN_PERSON_TO_BOOK, A.ATTENDED, None),
    (R.TECHNICAL_FAILURE, S.TO_BOOK, A.OVER, None),
    (R.DOCTOR_UNAVAILABLE, S.TO_BOOK, A.OVER, None),
    (R.IMPOSSIBLE_NOT_ATTRIBUTABLE, S.TO_BOOK, A.OVER, None),
]


async def read(database: Database, appointment: Appointment) -> tuple[Appointment, Control, list[Report]]:
    async with database.reading() as session:
        found = await session.get_one(Appointment, appointment.id)
        control = await session.get_one(Control, appointment.control_id)
        reports = await session.scalars(select(Report).order_by(Report.version))
        return found, control, list(reports)


async def intents(database: Database, kind: str) -> list[Intent]:
    async with database.reading() as session:
        return list(await session.scalars(select(Intent).where(Intent.kind == kind)))


def test_the_table_below_knows_every_result() -> None:
    assert [row[0] for row in LEADS_TO] == list(Result)


@pytest.mark.parametrize(("result", "state", "ended", "report"), LEADS_TO)
async def test_what_each_result_leads_to(
    database: Database,
    world: World,
    appointment: Appointment,
    result: Result,
    state: ControlState,
    ended: AppointmentState,
    report: ReportKind | None,
) -> None:
    done = await say(database, world, appointment, result, at=OVER)
    after, control, reports = await read(database, appointment)
    assert (control.state, after.state) == (state, ended)
    assert [one.kind for one in reports] == ([] if report is None else [report])
    assert done.conclusion.examination_took_place is (result in (R.JUSTIFIED, R.NOT_JUSTIFIED))
    sent = await intents(database, "report_48h")
    if report is None:
        assert sent == []
    else:
        assert [(one.target, one.recipient, one.deadline_at) for one in sent] == [
            ("insurer", str(world.insurer.id), reports[0].due_at)
        ]
        assert reports[0].state is ReportState.SIGNED
        assert sent[0].not_after >= reports[0].due_at + timedelta(days=29)
        async with database.reading() as session:
            context = await read_context(session, sent[0].id, sealer=OPERATOR.messages)
        published_schema("ReportDocument").validate(context["document"])


async def test_the_insured_hears_the_conclusion_by_mail_only_and_gets_proof_of_having_come(
    database: Database, world: World, appointment: Appointment
) -> None:
    await insured_arrives(database, appointment, at=START - 5 * MINUTE)
    await say(database, world, appointment, R.JUSTIFIED)
    told = [
        (one.kind, one.channel)
        for kind in ("conclusion_to_insured", "attendance_receipt")
        for one in await intents(database, kind)
    ]
    assert told == [("conclusion_to_insured", "mail"), ("attendance_receipt", "mail")]


async def test_who_never_came_gets_no_attendance_receipt(
    database: Database, world: World, appointment: Appointment
) -> None:
    await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=OVER)
    assert await intents(database, "attendance_receipt") == []


async def test_a_conclusion_at_night_waits_for_the_open_window(
    database: Database, world: World, appointment: Appointment
) -> None:
    await say(database, world, appointment, R.NOT_JUSTIFIED, at=datetime(2026, 3, 9, 22, 0, tzinfo=UTC))
    [told] = await intents(database, "conclusion_to_insured")
    assert told.not_before == datetime(2026, 3, 10, 7, 0, tzinfo=UTC)  # 08:00 in Paris
    [report] = await intents(database, "report_48h")
    assert report.not_before == datetime(2026, 3, 9, 22, 0, tzinfo=UTC)


class TestTheFact:
    """From when the 48 hours run."""

    async def test_a_conclusion_in_time_is_the_fact(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        done = await say(database, world, appointment, R.NOT_JUSTIFIED, at=START + 12 * MINUTE)
        assert done.report is not None
        assert done.report.event_at == START + 12 * MINUTE
        assert done.report.due_at == START + 12 * MINUTE + timedelta(hours=48)

    async def test_recording_a_day_late_gains_no_time(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        done = await say(database, world, appointment, R.NOT_JUSTIFIED, at=START + timedelta(days=1))
        assert done.report is not None
        assert done.report.event_at == appointment.ends_at
        assert done.report.signed_at == START + timedelta(days=1)

    async def test_an_absence_is_a_fact_at_the_end_of_the_waiting_time(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        done = await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + timedelta(hours=30))
        assert done.report is not None
        assert done.report.event_at == START + 15 * MINUTE
        assert done.conclusion.event_at == START + 15 * MINUTE

    async def test_nobody_can_give_an_absence_another_hour(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        at = START + timedelta(hours=5)
        with pytest.raises(InvalidInput) as refused:
            await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=at, event_at=at)
        assert refused.value.field == "event_at"

    @pytest.mark.parametrize("given", [START + 11 * MINUTE, START - 16 * MINUTE, datetime(2026, 3, 9, 9, 5)])  # noqa: DTZ001
    async def test_a_fact_lies_between_the_opening_and_now_and_has_a_zone(
        self, database: Database, world: World, appointment: Appointment, given: datetime
    ) -> None:
        with pytest.raises(InvalidInput):
            await say(database, world, appointment, R.NOT_JUSTIFIED, event_at=given)

    # DOMAIN §3: event Paris 28/03/2026 10:00 → due 30/03 10:00; event 24/10/2026 10:00 → due 26/10 09:00.
    @pytest.mark.parametrize(
        ("zone", "event", "due"),
        [
            ("Europe/Paris", "2026-03-28T10:00", "2026-03-30T10:00"),
            ("Europe/Paris", "2026-10-24T10:00", "2026-10-26T09:00"),
            ("Indian/Reunion", "2026-03-28T10:00", "2026-03-30T10:00"),
            ("America/Miquelon", "2026-03-07T10:00", "2026-03-09T10:00"),
            ("America/Miquelon", "2026-10-31T10:00", "2026-11-02T09:00"),
            ("America/Martinique", "2028-02-28T10:00", "2028-03-01T10:00"),
            ("Europe/Paris", "2026-12-30T10:00", "2027-01-01T10:00"),
        ],
    )
    async def test_the_report_is_due_in_the_zone_where_the_insured_is(
        self, database: Database, world: World, zone: str, event: str, due: str
    ) -> None:
        there = ZoneInfo(zone)
        event_at = datetime.fromisoformat(event).replace(tzinfo=there).astimezone(UTC)
        async with database.transaction() as session:
            appointment = await appoint(session, world, starts_at=event_at - 15 * MINUTE, zone=zone)
        await doctor_waits(database, appointment)
        done = await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=event_at + timedelta(hours=3))
        assert done.report is not None
        assert done.report.event_at == event_at
        assert done.report.due_at.astimezone(there).replace(tzinfo=None) == datetime.fromisoformat(due)


class TestWhatStandsAgainstAnAbsence:
    async def refused(self, database: Database, world: World, appointment: Appointment, **given: Any) -> str:
        with pytest.raises((Conflict, InvalidInput)) as refusal:
            await say(database, world, appointment, R.UNEXCUSED_ABSENCE, **{"at": OVER, **given})
        _, control, reports = await read(database, appointment)
        assert (control.state, reports) == (S.BOOKED, [])
        return refusal.value.code

    async def test_the_waiting_time(self, database: Database, world: World, appointment: Appointment) -> None:
        early = START + 15 * MINUTE - timedelta(seconds=1)
        assert await self.refused(database, world, appointment, at=early) == "waiting_not_over"
        await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 15 * MINUTE)

    async def test_a_doctor_who_left_before_its_end(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        left = Circumstances(waited_until=START + 14 * MINUTE, waited_how=WaitedHow.BY_PHONE)
        async with database.transaction() as session:
            await session.execute(delete(PresenceSpan))
        assert await self.refused(database, world, appointment, circumstances=left) == "too_short"

    async def test_an_arrival_seen_by_the_waiting_room(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await insured_arrives(database, appointment, at=START + 3 * MINUTE)
        assert await self.refused(database, world, appointment) == "insured_arrived"

    async def test_an_arrival_that_the_doctor_noted(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        came = Circumstances(arrived_at=START + 3 * MINUTE)
        assert await self.refused(database, world, appointment, circumstances=came) == "insured_arrived"

    async def test_a_technical_problem(self, database: Database, world: World, appointment: Appointment) -> None:
        await goes_wrong(database, appointment, at=START + 3 * MINUTE)
        assert await self.refused(database, world, appointment) == "technical_problem_recorded"

    async def test_a_notice_that_bounced_until_a_handler_decides(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        async with database.transaction() as session:
            for channel in ("mail", "sms"):
                session.add(accepted_notice(world, appointment, channel))
        async with database.transaction() as session:
            bounced = (await session.scalars(select(Intent).where(Intent.channel == "mail"))).one()
            bounced.delivery = DeliveryState.UNDELIVERED
        assert await self.refused(database, world, appointment) == "notice_doubtful"
        for counts in (False, True):
            async with database.transaction() as session:
                dossier = await load_dossier(session, appointment.id, lock=True)
                await decide_on_notice(
                    session,
                    dossier=dossier,
                    counts=counts,
                    reason="vue au téléphone",
                    user=world.handler,
                    actor=HANDLER,
                    now=OVER,
                )
            if not counts:
                assert await self.refused(database, world, appointment) == "notice_doubtful"
        await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=OVER)
        async with database.reading() as session:
            decision = (await session.scalars(select(NoticeDecision))).one()
        assert (decision.channel, decision.decided_by, decision.reason) == (
            "mail",
            world.handler.id,
            "vue au téléphone",
        )

    async def test_a_convocation_that_nobody_ever_took(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, notice_settled_at=None)
        assert await self.refused(database, world, appointment) == "notice_doubtful"

    async def test_a_doctor_does_not_decide_on_a_notice(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, notice_settled_at=None)
            dossier = await load_dossier(session, appointment.id, lock=True)
            given: dict[str, Any] = {"dossier": dossier, "counts": True, "actor": HANDLER, "now": OVER}
            with pytest.raises(Forbidden):
                await decide_on_notice(session, reason="si", user=world.doctor_user, **given)
            with pytest.raises(InvalidInput):
                await decide_on_notice(session, reason="  ", user=world.handler, **given)

    async def test_a_waived_notice_is_not_in_doubt(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(
                session, world, notice_settled_at=None, waiver_at=START - timedelta(days=1), waiver_by=world.handler.id
            )
        await doctor_waits(database, appointment)
        await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=OVER)


def accepted_notice(world: World, appointment: Appointment, channel: str) -> Intent:
    before = appointment.hard_limit_at - timedelta(days=1)
    return Intent(
        target=channel,
        subject_kind="appointment",
        subject_id=appointment.id,
        version=1,
        kind="invitation",
        channel=channel,
        recipient=f"{channel}@test.example",
        language="fr",
        organisation_id=world.organisation.id,
        control_id=world.control.id,
        created_at=before,
        not_before=before,
        not_after=appointment.hard_limit_at,
        deadline_at=appointment.hard_limit_at,
        state=IntentState.ACCEPTED,
        accepted_at=before,
        next_attempt_at=before,
        context_sealed=b"",
        delivery=DeliveryState.UNKNOWN,
    )


class TestWhoAndWhen:
    async def test_only_the_doctor_of_the_appointment(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        with pytest.raises(Forbidden):
            await say(database, world, appointment, R.JUSTIFIED, user=world.handler)

    async def test_not_before_it_opens(self, database: Database, world: World, appointment: Appointment) -> None:
        with pytest.raises(Conflict) as refused:
            await say(database, world, appointment, R.DOCTOR_UNAVAILABLE, at=START - timedelta(hours=1))
        assert refused.value.code == "too_early"

    @pytest.mark.parametrize("state", [A.RELEASED, A.CANCELLED_BY_SERVICE, A.DECLINED_BY_INSURED, A.HELD])
    async def test_not_what_was_given_back(self, database: Database, world: World, state: AppointmentState) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, state=state)
        with pytest.raises(WrongState):
            await say(database, world, appointment, R.JUSTIFIED)

    @pytest.mark.parametrize("result", [R.JUSTIFIED, R.NOT_JUSTIFIED])
    async def test_nobody_is_examined_without_an_identity_document(
        self, database: Database, world: World, appointment: Appointment, result: Result
    ) -> None:
        undocumented = replace(SEEN, identity_document=IdentityDocument.NOT_SHOWN)
        with pytest.raises(InvalidInput) as refused:
            await say(database, world, appointment, result, circumstances=undocumented)
        assert refused.value.field == "identity_document"

    @pytest.mark.parametrize("result", list(Result))
    async def test_by_phone_only_what_the_rules_name(
        self, database: Database, world: World, appointment: Appointment, result: Result
    ) -> None:
        allowed = result in (R.TECHNICAL_FAILURE, R.NEEDS_PHYSICAL_EXAMINATION)
        if allowed:
            await say(database, world, appointment, result, at=OVER, by_phone=True)
            return
        with pytest.raises(InvalidInput) as refused:
            await say(database, world, appointment, result, at=OVER, by_phone=True)
        assert refused.value.code == "not_by_phone"

    async def test_by_phone_where_the_policy_lists_it(self, database: Database, world: World) -> None:
        rules = replace(FIRST_VERSIONS[Procedure.A], modes=(Mode.VIDEO, Mode.SURGERY, Mode.PHONE))
        async with database.transaction() as session:
            policy = await add_version(session, Procedure.A, rules, valid_from_on=START.date())
            (await session.get_one(Control, world.control.id)).policy_id = policy.id
            appointment = await appoint(session, world)
        done = await say(database, world, appointment, R.JUSTIFIED, by_phone=True)
        assert done.conclusion.by_phone


NOBODY = Circumstances(identity_document=IdentityDocument.NATIONAL_CARD)
NEEDS_NOBODY = (R.TECHNICAL_FAILURE, R.DOCTOR_UNAVAILABLE, R.IMPOSSIBLE_NOT_ATTRIBUTABLE)
OF_A_PERSON = (R.JUSTIFIED, R.NOT_JUSTIFIED, R.IDENTITY_NOT_ESTABLISHED)


async def let_in(database: Database, world: World, appointment: Appointment, *, at: datetime) -> None:
    room = await insured_arrives(database, appointment, at=at)
    async with database.transaction() as session:
        await admit(session, room_id=room, by=str(world.doctor.id), now=at)


class TestWhoWasMet:
    """Nothing is signed about a person who was not there: not before the hour, and not without anybody in the call."""

    async def refused(
        self, database: Database, world: World, appointment: Appointment, result: Result, **given: Any
    ) -> str:
        with pytest.raises((Conflict, InvalidInput)) as refusal:
            await say(database, world, appointment, result, **{"circumstances": NOBODY, **given})
        _, control, reports = await read(database, appointment)
        assert (control.state, reports) == (S.BOOKED, [])
        return refusal.value.code

    @pytest.mark.parametrize("result", list(Result))
    async def test_before_the_hour_only_what_needs_nobody(
        self, database: Database, world: World, appointment: Appointment, result: Result
    ) -> None:
        early = START - timedelta(seconds=1)
        if result in NEEDS_NOBODY:
            await say(database, world, appointment, result, at=early, circumstances=Circumstances())
            assert (await read(database, appointment))[0].state is A.OVER
            return
        for stated in (NOBODY, SEEN):
            code = await self.refused(database, world, appointment, result, at=early, circumstances=stated)
            assert code == "not_started"

    @pytest.mark.parametrize("result", [R.NOT_JUSTIFIED, R.CONTROL_REFUSED])
    async def test_who_was_let_in_early_can_be_concluded_early(
        self, database: Database, world: World, appointment: Appointment, result: Result
    ) -> None:
        await let_in(database, world, appointment, at=START - 5 * MINUTE)
        await say(database, world, appointment, result, at=START - MINUTE, circumstances=NOBODY)
        assert (await read(database, appointment))[0].state is A.ATTENDED

    @pytest.mark.parametrize("result", OF_A_PERSON)
    async def test_nobody_in_the_call_was_not_examined(
        self, database: Database, world: World, appointment: Appointment, result: Result
    ) -> None:
        assert await self.refused(database, world, appointment, result) == "nobody_was_seen"
        await insured_arrives(database, appointment, at=START + MINUTE)
        code = await self.refused(database, world, appointment, result)
        assert code == "nobody_was_seen", "who waited and was never let in was not seen either"

    async def test_a_statement_says_how_and_the_report_tells_it(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        silent = replace(SEEN, remark="  ")
        assert (
            await self.refused(database, world, appointment, R.NOT_JUSTIFIED, circumstances=silent) == "remark_missing"
        )
        await say(database, world, appointment, R.NOT_JUSTIFIED)
        assert (await read(database, appointment))[0].state is A.ATTENDED
        told = (await sent_document(database))["circumstances"]
        assert (told["seen_without_record"], told["arrived_at"], told["admitted_at"]) == ("doctor", None, None)
        assert told["remark"] == SEEN.remark

    async def test_the_record_of_the_call_takes_the_place_of_a_statement(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        await let_in(database, world, appointment, at=START)
        await say(database, world, appointment, R.NOT_JUSTIFIED)
        told = (await sent_document(database))["circumstances"]
        assert told["admitted_at"] == "2026-03-09T08:00:00Z"
        assert set(told) == set(published.EXAMPLE["circumstances"]), "such a report is what it always was"

    async def test_in_person_from_the_hour_on(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, mode=Mode.SURGERY)
        early = START - MINUTE
        assert await self.refused(database, world, appointment, R.JUSTIFIED, at=early) == "not_started"
        await say(database, world, appointment, R.JUSTIFIED, at=START, circumstances=NOBODY)
        assert (await read(database, appointment))[0].state is A.ATTENDED

    async def test_in_person_earlier_for_who_was_received_earlier(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, mode=Mode.SURGERY)
        came = replace(NOBODY, arrived_at=START - 10 * MINUTE)
        await say(database, world, appointment, R.JUSTIFIED, at=START - MINUTE, circumstances=came)


class TestTheWait:
    """A report attests the wait that the service saw, or says that it is a statement."""

    @pytest.mark.parametrize(
        ("stays", "since", "until"),
        [
            ([(-1, 16)], None, "2026-03-09T08:16:00Z"),
            ([(9, 16)], "2026-03-09T08:09:00Z", "2026-03-09T08:16:00Z"),
            ([(-12, 3), (4, 16)], None, "2026-03-09T08:16:00Z"),
            ([(-12, 3), (10, 16)], "2026-03-09T08:10:00Z", "2026-03-09T08:16:00Z"),
            ([(0, 60)], None, "2026-03-09T08:20:00Z"),
            ([(0, 15), (18, 19)], None, "2026-03-09T08:15:00Z"),
        ],
    )
    async def test_it_is_the_doctors_own_time_in_the_room(
        self, database: Database, world: World, stays: list[tuple[int, int]], since: str | None, until: str
    ) -> None:
        appointment = await self.waited(database, world, stays)
        await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 20 * MINUTE)
        told = (await sent_document(database))["circumstances"]
        assert (told.get("waited_from"), told["waited_until"]) == (since, until)
        assert "waited_how" not in told

    @pytest.mark.parametrize("stays", [[], [(-12, -11)], [(-1, 14)], [(16, 30)]])
    async def test_without_it_nobody_is_absent_unless_the_doctor_states_how_they_waited(
        self, database: Database, world: World, stays: list[tuple[int, int]]
    ) -> None:
        appointment = await self.waited(database, world, stays)
        bare = Circumstances(waited_until=START + 15 * MINUTE)
        with pytest.raises(Conflict) as refused:
            await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 31 * MINUTE, circumstances=bare)
        assert refused.value.code == "wait_not_seen"
        stated = replace(bare, waited_how=WaitedHow.BY_PHONE)
        await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=START + 31 * MINUTE, circumstances=stated)
        document = await sent_document(database)
        published_schema("ReportDocument").validate(document)
        told = document["circumstances"]
        assert (told["waited_how"], told["waited_until"]) == ("by_phone", "2026-03-09T08:15:00Z")

    async def test_in_person_the_service_sees_nobody_wait(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, mode=Mode.SURGERY)
        await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=OVER)

    async def waited(self, database: Database, world: World, stays: list[tuple[int, int]]) -> Appointment:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        for since, until in stays:
            await doctor_waits(database, appointment, since=START + since * MINUTE, until=START + until * MINUTE)
        return appointment


async def test_an_announced_absence_is_a_circumstance(database: Database, world: World) -> None:
    async with database.transaction() as session:
        said_at = START - timedelta(days=1)
        appointment = await appoint(session, world, announced_at=said_at, announced_reason="travel")
    await doctor_waits(database, appointment)
    await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=OVER)
    document = await sent_document(database)
    published_schema("ReportDocument").validate(document)
    assert document["circumstances"]["announced_absent_at"] == "2026-03-08T08:00:00Z"
    assert "travel" not in str(document), "why is the insured's own affair"


async def sent_document(database: Database) -> dict[str, Any]:
    [intent] = await intents(database, "report_48h")
    async with database.reading() as session:
        values = await read_context(session, intent.id, sealer=OPERATOR.messages)
    document: dict[str, Any] = values["document"]
    return document


async def test_what_was_qualified_is_not_concluded_after_the_control_was_booked_again(
    database: Database, world: World
) -> None:
    async with database.transaction() as session:
        before = await appoint(session, world, starts_at=START - timedelta(days=5), state=A.OVER)
        await appoint(session, world)
    with pytest.raises(WrongState):
        await say(database, world, before, R.TECHNICAL_FAILURE, at=START)


class TestReportsThatDepend:
    async def test_identity_not_established_owes_a_report_from_the_second_time(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        first = await say(database, world, appointment, R.IDENTITY_NOT_ESTABLISHED)
        assert first.report is None
        async with database.transaction() as session:
            again = await appoint(session, world, starts_at=START + timedelta(days=7))
        second = await say(database, world, again, R.IDENTITY_NOT_ESTABLISHED, at=START + timedelta(days=7, minutes=10))
        assert second.report is not None
        assert second.report.kind is ReportKind.EXAMINATION_IMPOSSIBLE
        _, control, _ = await read(database, again)
        assert control.state is S.IN_PERSON_TO_BOOK

    @pytest.mark.parametrize(("procedure", "owes"), [(Procedure.A, False), (Procedure.B, True), (Procedure.C, True)])
    @pytest.mark.parametrize("closing", [False, True])
    async def test_not_attributable_owes_one_only_on_closing_by_policy(
        self, database: Database, world: World, procedure: Procedure, owes: bool, closing: bool
    ) -> None:
        rules = replace(FIRST_VERSIONS[procedure], modes=(Mode.VIDEO,), default_mode=Mode.VIDEO)
        async with database.transaction() as session:
            policy = await add_version(session, procedure, rules, valid_from_on=START.date())
            control = await session.get_one(Control, world.control.id)
            control.policy_id, control.procedure = policy.id, procedure
            appointment = await appoint(session, world)
        done = await say(database, world, appointment, R.IMPOSSIBLE_NOT_ATTRIBUTABLE, close_control=closing)
        _, after, _ = await read(database, appointment)
        assert after.state is (S.CONCLUDED if closing else S.TO_BOOK)
        assert (done.report is not None) is (owes and closing)

    async def test_only_what_could_not_be_carried_out_closes_a_control(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        with pytest.raises(InvalidInput):
            await say(database, world, appointment, R.TECHNICAL_FAILURE, close_control=True)

    async def test_a_policy_may_switch_the_report_off(self, database: Database, world: World) -> None:
        rules = replace(FIRST_VERSIONS[Procedure.A], report_48h=False)
        async with database.transaction() as session:
            policy = await add_version(session, Procedure.A, rules, valid_from_on=START.date())
            (await session.get_one(Control, world.control.id)).policy_id = policy.id
            appointment = await appoint(session, world)
        done = await say(database, world, appointment, R.NOT_JUSTIFIED)
        assert done.report is None


class TestTwice:
    async def test_the_same_submission_gets_the_same_answer(
        self, database: Database, world: World, appointment: Appointment
    ) -> None:
        first = await say(database, world, appointment, R.NOT_JUSTIFIED)
        again = await say(database, world, appointment, R.NOT_JUSTIFIED, at=START + 11 * MINUTE)
        assert again.again
        assert first.report is not None
        assert again.report is not None
        assert (again.conclusion.id, again.report.id) == (first.conclusion.id, first.report.id)
        assert again.conclusion.signed_at == first.conclusion.signed_at
        assert len(await intents(database, "report_48h")) == 1

    @pytest.mark.parametrize(
        ("result", "circumstances"),
        [(R.JUSTIFIED, SEEN), (R.NOT_JUSTIFIED, replace(SEEN, identity_document=IdentityDocument.PASSPORT))],
    )
    async def test_another_conclusion_is_refused(
        self, database: Database, world: World, appointment: Appointment, result: Result, circumstances: Circumstances
    ) -> None:
        await say(database, world, appointment, R.NOT_JUSTIFIED)
        with pytest.raises(Conflict) as refused:
            await say(database, world, appointment, result, circumstances=circumstances)
        assert refused.value.code == "already_concluded"


async def test_two_windows_at_once_make_one_conclusion(committed_database: Database) -> None:
    database = committed_database
    async with database.transaction() as session:
        world = await make_world(session)
        appointment = await appoint(session, world)
    answers = await asyncio.gather(
        *(say(database, world, appointment, R.NOT_JUSTIFIED, at=START + n * timedelta(seconds=1)) for n in range(6))
    )
    assert len({answer.conclusion.id for answer in answers}) == 1
    assert [answer.again for answer in answers].count(False) == 1
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Conclusion)) == 1
        assert await session.scalar(select(func.count()).select_from(Report)) == 1


async def test_what_was_signed_is_hashed_and_a_change_shows(
    database: Database, world: World, appointment: Appointment
) -> None:
    circumstances = replace(SEEN, calls_made_at=(START + 4 * MINUTE,), remark="  Un appel,   sans réponse. ")
    await say(database, world, appointment, R.NOT_JUSTIFIED, circumstances=circumstances)
    async with database.reading() as session:
        conclusion = (await session.scalars(select(Conclusion))).one()
        assert conclusion.circumstances["remark"] == "Un appel, sans réponse."
        assert is_intact(conclusion, rpps=world.doctor.rpps)
        conclusion.circumstances = {**conclusion.circumstances, "identity_document": "passport"}
        assert not is_intact(conclusion, rpps=world.doctor.rpps)


async def test_the_journal_tells_the_story_without_a_name(
    database: Database, world: World, appointment: Appointment
) -> None:
    await say(database, world, appointment, R.UNEXCUSED_ABSENCE, at=OVER)
    async with database.reading() as session:
        lines = await of_control(session, world.control.id)
    actions = {line.action for line in lines}
    assert {
        "control.conclude",
        "appointment.not_attended",
        "report.drafted",
        "report.signed",
        "conclusion.signed",
    } <= actions
    text = str([line.detail for line in lines])
    assert not any(name in text for name in (world.insured.family_name, world.doctor.family_name, world.insured.email))
