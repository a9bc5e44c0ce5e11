"""The survey: who is asked, what is kept, what nobody can find in it."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from telecontrol.accounts.viewer import Viewer, staff_viewer
from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import FIRST_VERSIONS, Mode, add_version
from telecontrol.controls.results import Result
from telecontrol.db.journal import JournalEntry
from telecontrol.db.session import Database
from telecontrol.errors import Forbidden, InvalidInput, WrongState
from telecontrol.insights.models import Favourable, SurveyAnswer, SurveyMark
from telecontrol.insights.satisfaction import SMALLEST, Share, joined_months, periods, shares
from telecontrol.insights.survey import Answer, answer, has_answered, is_asked, mark_of, month_of, read_answer
from telecontrol.insights.sweeps import survey_invitations
from telecontrol.outbox.models import Intent
from telecontrol.reports import sweeps
from telecontrol.scheduling.answers import decline_video
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, doctor_waits, insured_arrives, say
from tests.support.world import INSURED, World, make_world

SECRET = "a-secret-of-the-service-that-is-long-enough"
SAID = Answer(Favourable.YES, 5, "Très simple, merci.")
NEXT_DAY = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
"""10:00 in Paris, the day after."""


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as session:
        return await make_world(session)


@pytest.fixture
async def seen(database: Database, world: World) -> Appointment:
    """An appointment to which the insured came, and that is concluded."""
    async with database.transaction() as session:
        appointment = await appoint(session, world)
    await insured_arrives(database, appointment, at=START)
    await say(database, world, appointment, Result.JUSTIFIED)
    return appointment


async def asked(database: Database, appointment_id: uuid.UUID) -> bool:
    async with database.reading() as session:
        return await is_asked(session, await session.get_one(Appointment, appointment_id))


async def give(database: Database, appointment: Appointment, said: Answer = SAID, *, now: datetime = NEXT_DAY) -> bool:
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id)
        return await answer(session, dossier, said, secret=SECRET, now=now)


async def invite(database: Database, now: datetime) -> int:
    return await survey_invitations(database, operator=OPERATOR, secret=SECRET, now=now)


async def invitations(database: Database) -> list[Intent]:
    async with database.reading() as session:
        return list(await session.scalars(select(Intent).where(Intent.kind == "survey_invitation")))


class TestWhoIsAsked:
    async def test_whoever_came(self, database: Database, seen: Appointment) -> None:
        assert await asked(database, seen.id)

    async def test_whoever_the_technique_failed_even_before_arriving(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        assert not await asked(database, appointment.id), "not before it is over"
        await say(database, world, appointment, Result.TECHNICAL_FAILURE)
        assert await asked(database, appointment.id)

    async def test_whoever_came_and_waits_for_a_conclusion(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        await insured_arrives(database, appointment, at=START)
        await sweeps.sweep(database, operator=OPERATOR, now=START + 30 * MINUTE)
        assert await asked(database, appointment.id)

    @pytest.mark.parametrize("result", [Result.UNEXCUSED_ABSENCE, Result.DOCTOR_UNAVAILABLE, Result.VIDEO_DECLINED])
    async def test_nobody_who_was_not_there(self, database: Database, world: World, result: Result) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
        await doctor_waits(database, appointment)
        await say(database, world, appointment, result, at=START + 16 * MINUTE)
        assert not await asked(database, appointment.id)

    async def test_nobody_in_person(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world, mode=Mode.SURGERY)
        await say(database, world, appointment, Result.JUSTIFIED)
        assert not await asked(database, appointment.id)

    async def test_nobody_who_declined(self, database: Database, world: World) -> None:
        async with database.transaction() as session:
            appointment = await appoint(session, world)
            dossier = await load_dossier(session, appointment.id, lock=True)
            await decline_video(session, operator=OPERATOR, dossier=dossier, actor=INSURED, now=START - 60 * MINUTE)
        assert not await asked(database, appointment.id)
        with pytest.raises(WrongState):
            await give(database, appointment)
        assert await invite(database, NEXT_DAY) == 0


class TestAnswering:
    async def test_once_and_apart_from_the_person(self, database: Database, seen: Appointment, world: World) -> None:
        async with database.reading() as session:
            lines = await session.scalar(select(func.count()).select_from(JournalEntry))
        assert await give(database, seen)
        assert not await give(database, seen, Answer(Favourable.NO, 1))
        async with database.reading() as session:
            [kept] = (await session.scalars(select(SurveyAnswer))).all()
            [mark] = (await session.scalars(select(SurveyMark))).all()
            assert await has_answered(session, seen.id, secret=SECRET)
            assert not await has_answered(session, seen.id, secret=SECRET + "!")
            assert await session.scalar(select(func.count()).select_from(JournalEntry)) == lines
        assert (kept.favourable, kept.satisfaction, kept.remark) == (Favourable.YES, 5, "Très simple, merci.")
        assert (kept.organisation_id, kept.procedure, kept.month_on) == (
            world.organisation.id,
            Procedure.A,
            date(2026, 3, 1),
        )
        # What is kept holds nothing of the person, and no instant.
        columns = {column.name for table in (SurveyAnswer, SurveyMark) for column in table.__table__.columns}
        assert columns == {
            "id", "organisation_id", "procedure", "month_on", "favourable", "satisfaction", "remark", "mark",
        }  # fmt: skip
        rows = repr((kept.id, mark.mark))
        for telling in (seen.id, seen.control_id, seen.insured_id):
            assert str(telling) not in rows
            assert telling.hex not in rows
        assert mark.mark == mark_of(SECRET, seen.id)

    @pytest.mark.parametrize("database", ["sqlite"], indirect=True)
    async def test_rows_lie_in_no_order_of_time_on_sqlite(self, database: Database) -> None:
        """On PostgreSQL the keyed mark alone hides whose an answer is."""
        async with database.reading() as session:
            made = await session.scalars(
                text("SELECT sql FROM sqlite_master WHERE name IN ('survey_answer', 'survey_mark')")
            )
            assert all("WITHOUT ROWID" in each for each in made.all())

    @pytest.mark.parametrize(
        ("given", "faults"),
        [
            (
                {"favourable": "", "satisfaction": ""},
                {("favourable", "answer_missing"), ("satisfaction", "answer_missing")},
            ),
            ({"favourable": "perhaps"}, {("favourable", "answer_missing")}),
            ({"satisfaction": "6"}, {("satisfaction", "answer_missing")}),
            ({"satisfaction": "12"}, {("satisfaction", "answer_missing")}),
            ({"remark": "x" * 501}, {("remark", "too_long")}),
            ({"remark": "J'avais une forte DOULEUR au dos"}, {("remark", "medical_word")}),
        ],
    )
    def test_what_is_refused(self, given: dict[str, str], faults: set[tuple[str, str]]) -> None:
        with pytest.raises(InvalidInput) as refused:
            read_answer(**{"favourable": "yes", "satisfaction": "4", "remark": "", **given})
        assert {(each["field"], each["code"]) for each in refused.value.details["problems"]} == faults
        assert "DOULEUR" not in repr(refused.value)

    def test_what_is_tidied(self) -> None:
        said = read_answer(favourable="no_opinion", satisfaction="3", remark=" Bien\r\n mais  long\x00 ")
        assert said == Answer(Favourable.NO_OPINION, 3, "Bien mais long")

    def test_the_month_ends_for_everybody_at_once(self) -> None:
        assert month_of(datetime(2026, 3, 31, 21, 59, tzinfo=UTC)) == date(2026, 3, 1)
        assert month_of(datetime(2026, 3, 31, 22, 0, tzinfo=UTC)) == date(2026, 4, 1)


class TestInvitation:
    async def test_the_day_after_once(self, database: Database, seen: Appointment) -> None:
        assert await invite(database, NEXT_DAY - timedelta(seconds=1)) == 0
        assert await invite(database, NEXT_DAY) == 1
        assert await invite(database, NEXT_DAY + timedelta(minutes=10)) == 0
        [sent] = await invitations(database)
        assert (sent.channel, sent.not_before) == ("mail", NEXT_DAY)

    async def test_after_downtime_in_the_open_window_or_not_at_all(self, database: Database, seen: Appointment) -> None:
        assert await invite(database, datetime(2026, 3, 10, 22, 0, tzinfo=UTC)) == 1
        [sent] = await invitations(database)
        assert sent.not_before == datetime(2026, 3, 11, 7, 0, tzinfo=UTC)

    async def test_too_late_is_let_be(self, database: Database, seen: Appointment) -> None:
        assert await invite(database, NEXT_DAY + timedelta(days=2)) == 0

    async def test_not_to_somebody_who_has_answered(self, database: Database, seen: Appointment) -> None:
        await give(database, seen, now=START + 60 * MINUTE)
        assert await invite(database, NEXT_DAY) == 0
        assert await invitations(database) == []

    async def test_answering_does_not_touch_the_invitation(self, database: Database, seen: Appointment) -> None:
        """A message taken back then would say when the answer was given."""
        await invite(database, NEXT_DAY)
        await give(database, seen)
        [sent] = await invitations(database)
        assert sent.voided_at is None

    async def test_not_where_the_procedure_does_not(self, database: Database, world: World) -> None:
        from dataclasses import replace

        async with database.transaction() as session:
            rules = replace(FIRST_VERSIONS[Procedure.A], survey_invited=False)
            policy = await add_version(session, Procedure.A, rules, valid_from_on=date(2026, 1, 2))
            (await session.merge(world.control)).policy_id = policy.id
            appointment = await appoint(session, world)
        await insured_arrives(database, appointment, at=START)
        await say(database, world, appointment, Result.JUSTIFIED)
        assert await asked(database, appointment.id), "the page still asks"
        assert await invite(database, NEXT_DAY) == 0

    async def test_not_for_a_cancelled_one(self, database: Database, seen: Appointment) -> None:
        async with database.transaction() as session:
            (await session.get_one(Appointment, seen.id)).state = AppointmentState.CANCELLED_BY_SERVICE
        assert await invite(database, NEXT_DAY) == 0


def said(month: int, favourable: Favourable, satisfaction: int = 5, **values: Any) -> SurveyAnswer:
    return SurveyAnswer(
        **{
            "id": uuid.uuid4(),
            "procedure": Procedure.A,
            "month_on": date(2026, month, 1),
            "favourable": favourable,
            "satisfaction": satisfaction,
            "remark": "",
            **values,
        }
    )


class TestHeadCounts:
    """Nothing under 11, and nothing to be found by subtraction."""

    @pytest.mark.parametrize(
        ("counts", "shown"),
        [
            ((30, 20, 11), (30, 20, 11)),
            ((30, 5, 8), (30, None, None)),
            ((30, 5, 12), (30, None, None)),  # the 5 would follow from the others
            ((12, 0, 0), (None, None, None)),  # everybody said the same: that is somebody's answer too
            ((40, 3, 3), (None, None, None)),  # 6 people in all would be found
            ((10, 10, 10), (None, None, None)),
            ((40, 6, 6), (40, None, None)),
        ],
    )
    def test_shares(self, counts: tuple[int, ...], shown: tuple[int | None, ...]) -> None:
        found = shares(dict(zip("abc", counts, strict=True)))
        assert tuple(share.count for share in found) == shown
        left = sum(counts) - sum(share.count or 0 for share in found)
        hidden = [share for share in found if share.count is None]
        assert not hidden or (left >= SMALLEST and len(hidden) > 1)
        assert shares({"a": 33, "b": 67})[0] == Share("a", 33, 33)

    def test_months_join_until_they_hold_enough_and_never_change(self) -> None:
        answers = [said(1, Favourable.YES) for _ in range(6)] + [said(2, Favourable.NO) for _ in range(5)]
        answers += [said(3, Favourable.YES) for _ in range(12)] + [said(4, Favourable.YES) for _ in range(10)]
        groups, has_more = joined_months(answers)
        assert [(len(group), {each.month_on.month for each in group}) for group in groups] == [(11, {1, 2}), (12, {3})]
        assert has_more
        later, _ = joined_months([*answers, *[said(5, Favourable.NO) for _ in range(20)]])
        assert [len(group) for group in later] == [11, 12, 30]

    async def fill(self, database: Database, world: World, count: int, *, month: int = 2, **values: Any) -> None:
        async with database.transaction() as session:
            organisation_id = values.pop("organisation_id", world.organisation.id)
            session.add_all(
                said(month, Favourable.YES, organisation_id=organisation_id, remark=f"mot {n}", **values)
                for n in range(count)
            )

    async def told(self, database: Database, viewer: Viewer) -> Any:
        async with database.reading() as session:
            return await periods(session, viewer, now=NEXT_DAY)

    async def test_ten_are_not_told_and_eleven_are(self, database: Database, world: World) -> None:
        handler = staff_viewer(world.handler)
        await self.fill(database, world, 10)
        first = await self.told(database, handler)
        assert (first.periods, first.waiting) == ([], [Procedure.A])
        await self.fill(database, world, 1)
        [period] = (await self.told(database, handler)).periods
        assert (period.answers, len(period.remarks)) == (11, 11)

    async def test_the_present_month_is_never_told(self, database: Database, world: World) -> None:
        """Whoever looks after each answer would see what it was."""
        await self.fill(database, world, 40, month=3)
        assert (await self.told(database, staff_viewer(world.handler))).periods == []

    async def test_an_organisation_reads_its_own_and_an_administrator_all_together(
        self, database: Database, world: World
    ) -> None:
        from telecontrol.accounts.models import Organisation

        async with database.transaction() as session:
            other = Organisation(code="other", name="Autre", created_at=START)
            session.add(other)
        await self.fill(database, world, 11)
        await self.fill(database, world, 12, organisation_id=other.id)
        desk = staff_viewer(world.handler)
        theirs = Viewer(desk.kind, desk.role, desk.user_id, organisation_id=other.id)
        assert [each.answers for each in (await self.told(database, theirs)).periods] == [12]
        assert [each.answers for each in (await self.told(database, desk)).periods] == [23]
        with pytest.raises(Forbidden):
            await self.told(database, staff_viewer(world.doctor_user))
