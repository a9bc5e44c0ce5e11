"""A control is requested: what it leaves behind, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.controls.models import Control, Insured, Procedure
from telecontrol.controls.policies import current_policy, seed_policies
from telecontrol.controls.requests import NewControl, request_control
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor, ActorKind, JournalEntry, of_control
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.tasks.models import Task, TaskKind

NewRequest = Callable[..., NewControl]
ACTOR = Actor(ActorKind.STAFF, "someone", "handler")


async def requested(database: Database, office: Any, request: NewControl, now: datetime) -> Control:
    async with database.transaction() as session:
        return await request_control(
            session, organisation=office.organisation, insurer=office.insurer, request=request, actor=ACTOR, now=now
        )


async def test_a_request_becomes_a_control_to_book(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    control = await requested(database, office, new_control(prescriber_rpps="79927398713"), now)
    assert control.state is ControlState.TO_BOOK
    assert control.reference.startswith("TC-")
    assert control.prescriber_rpps == "79927398713"
    async with database.reading() as session:
        person = await session.get_one(Insured, control.insured_id)
        assert (person.phone, person.zone, person.language) == ("+33612345678", "Europe/Paris", "fr")
        assert person.search_name == "helene moreau"
        tasks = (await session.scalars(select(Task))).all()
        assert [(task.kind, task.subject_id, task.organisation_id) for task in tasks] == [
            (TaskKind.CONTROL_TO_BOOK, control.id, office.organisation.id)
        ]
        # Two days before the last day of the leave, at midnight in Paris.
        assert tasks[0].due_at == datetime(2026, 3, 19, 23, tzinfo=UTC)
        lines = await of_control(session, control.id)
        assert {line.action for line in lines} == {"control.requested", "control.opened_for_booking"}
        assert {line.actor_id for line in lines} == {"someone"}


async def test_the_journal_holds_no_personal_data(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    request = new_control()
    await requested(database, office, request, now)
    changed = new_control(external_reference="D-2", person={"email": "autre@courriel.example"},
                          leave_starts_on=date(2026, 4, 1), leave_ends_on=date(2026, 4, 9))  # fmt: skip
    await requested(database, office, changed, now)
    async with database.reading() as session:
        lines = (await session.execute(select(JournalEntry.__table__))).all()
        said = repr(lines)
        assert "insured.updated" in said
        personal = {str(value) for value in asdict(request.insured).values() if value} - {"fr"}
        assert not [value for value in personal | {"autre@courriel.example", "+33612345678"} if value in said]


@pytest.mark.parametrize(
    ("person", "missing"),
    [
        ({"phone": ""}, ["sms"]),
        ({"email": ""}, ["email"]),
        ({"email": "", "phone": ""}, ["email", "sms"]),
    ],
)
async def test_a_person_with_a_channel_missing_is_never_skipped_in_silence(
    database: Database, office: Any, new_control: NewRequest, now: datetime, person: dict[str, str], missing: list[str]
) -> None:
    await requested(database, office, new_control(person=person), now)
    async with database.reading() as session:
        tasks = {task.kind: task for task in await session.scalars(select(Task))}
        assert set(tasks) == {TaskKind.CONTROL_TO_BOOK, TaskKind.ONE_CHANNEL_ONLY}
        assert tasks[TaskKind.ONE_CHANNEL_ONLY].detail == {"missing": missing}


async def test_the_zone_is_that_of_the_place_of_rest(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    control = await requested(
        database, office, new_control(person={"postcode": "97400", "phone": "0692 12 34 56"}), now
    )
    async with database.reading() as session:
        person = await session.get_one(Insured, control.insured_id)
        assert (person.zone, person.phone) == ("Indian/Reunion", "+262692123456")
        task = (await session.scalars(select(Task))).one()
        assert task.due_at == datetime(2026, 3, 19, 20, tzinfo=UTC)


async def test_the_same_person_is_brought_up_to_date_by_what_is_given(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    person = {"postcode": "97400", "language": "en"}
    first = await requested(database, office, new_control(person=person), now)
    async with database.transaction() as session:
        row = await session.get_one(Insured, first.insured_id)
        row.email_refused_at = row.phone_refused_at = now
    later = new_control(
        external_reference="D-2",
        leave_starts_on=date(2026, 4, 1),
        leave_ends_on=date(2026, 4, 20),
        person={"email": "nouvelle@courriel.example", "postcode": "", "city": "", "family_name": "Moreau-Petit"},
    )
    second = await requested(database, office, later, now)
    assert second.insured_id == first.insured_id
    async with database.reading() as session:
        row = await session.get_one(Insured, first.insured_id)
        assert (row.email, row.email_refused_at, row.phone_refused_at) == ("nouvelle@courriel.example", None, now)
        assert (row.postcode, row.zone, row.city, row.language) == ("97400", "Indian/Reunion", "Bourg-en-Bresse", "en")
        assert row.search_name == "helene moreau petit"


async def test_every_fault_is_named_at_once(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    request = new_control(
        prescriber_rpps="123", leave_ends_on=date(2026, 1, 1), person={"email": "x", "phone": "01 42 34 56 78"}
    )
    with pytest.raises(InvalidInput) as refused:
        await requested(database, office, request, now)
    named = {(problem["field"], problem["code"]) for problem in refused.value.details["problems"]}
    assert named == {
        ("email", "email_malformed"),
        ("phone", "phone_fixed_line"),
        ("prescriber_rpps", "rpps_malformed"),
        ("leave_ends_on", "leave_out_of_order"),
    }
    async with database.reading() as session:
        assert await session.scalar(select(func.count(Insured.id))) == 0


async def test_the_same_number_twice_is_a_conflict_within_one_organisation_only(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    first = await requested(database, office, new_control(), now)
    with pytest.raises(Conflict) as refused:
        await requested(database, office, new_control(), now)
    assert (refused.value.code, refused.value.details["control_id"]) == ("control_exists", str(first.id))
    async with database.transaction() as session:
        other = Organisation(code="other", name="Other", created_at=now)
        session.add(other)
        await session.flush()
        again = await request_control(
            session, organisation=other, insurer=office.insurer, request=new_control(), actor=ACTOR, now=now
        )
    assert again.insured_id != first.insured_id


@pytest.mark.parametrize(
    ("starts", "ends", "is_open"),
    [
        (date(2026, 2, 23), date(2026, 3, 22), True),
        (date(2026, 3, 22), date(2026, 4, 10), True),
        (date(2026, 3, 23), date(2026, 4, 10), False),
    ],
)
async def test_one_leave_has_one_open_control(
    database: Database, office: Any, new_control: NewRequest, now: datetime, starts: date, ends: date, is_open: bool
) -> None:
    first = await requested(database, office, new_control(), now)
    again = new_control(external_reference="D-2", leave_starts_on=starts, leave_ends_on=ends)
    if not is_open:
        assert (await requested(database, office, again, now)).id != first.id
        return
    with pytest.raises(Conflict) as refused:
        await requested(database, office, again, now)
    assert (refused.value.code, refused.value.details["control_id"]) == ("control_open", str(first.id))
    async with database.transaction() as session:
        (await session.get_one(Control, first.id)).state = ControlState.CLOSED
    assert (await requested(database, office, again, now)).id != first.id


async def test_simultaneous_requests_for_one_person_make_one_person_and_one_control(
    committed_database: Database, new_control: NewRequest, now: datetime
) -> None:
    async with committed_database.transaction() as session:
        organisation = Organisation(code="o", name="o", created_at=now)
        insurer = Insurer(code="i", name="i", created_at=now)
        session.add_all([organisation, insurer])
        await seed_policies(session, valid_from_on=date(2026, 1, 1))

    async def request(number: int) -> str:
        try:
            async with committed_database.transaction() as session:
                await request_control(
                    session,
                    organisation=organisation,
                    insurer=insurer,
                    request=new_control(external_reference=f"D-{number}"),
                    actor=ACTOR,
                    now=now,
                )
        except Conflict as refused:
            return refused.code
        return "created"

    answers = await asyncio.gather(*(request(number) for number in range(8)))
    assert sorted(answers) == ["control_open"] * 7 + ["created"]


async def test_the_day_of_the_rules_is_the_one_in_paris(
    database: Database, office: Any, new_control: NewRequest
) -> None:
    # 23:30 UTC on 21 March is already the 22nd in Paris: a leave that ended on the 21st is over.
    late = datetime(2026, 3, 21, 23, 30, tzinfo=UTC)
    with pytest.raises(InvalidInput) as refused:
        await requested(database, office, new_control(leave_ends_on=date(2026, 3, 21)), late)
    assert refused.value.code == "leave_over"
    control = await requested(database, office, new_control(leave_ends_on=date(2026, 3, 22)), late)
    async with database.reading() as session:
        task = (await session.scalars(select(Task))).one()
        assert task.due_at == late  # too late already: due now, never in the past
    assert control.requested_at == late


async def test_the_policy_is_the_one_in_force(
    database: Database, office: Any, new_control: NewRequest, now: datetime
) -> None:
    control = await requested(database, office, new_control(procedure=Procedure.C), now)
    async with database.reading() as session:
        policy = await current_policy(session, Procedure.C, on=now.date())
        assert (control.policy_id, policy.procedure) == (policy.id, Procedure.C)
