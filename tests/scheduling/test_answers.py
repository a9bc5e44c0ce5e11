"""What the answers of the insured say, to whom, and at what hour it leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from telecontrol.controls.models import Control, Insured
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.db.session import Database
from telecontrol.errors import WrongState
from telecontrol.notify.messages import message_of, read
from telecontrol.notify.rendering import render_letter, render_sms
from telecontrol.outbox.contents import open_context
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.scheduling.answers import (
    CannotCome,
    Decision,
    announce_absence,
    answer_absence,
    ask_another_hour,
    choose_in_person,
    decline_video,
    undo_decline,
)
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.insured_choices import in_person_choices
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.sweeps import expired_holds, notices, reminders
from telecontrol.tasks.models import TaskKind
from tests.support.mailing import open_tasks
from tests.support.world import HANDLER, INSURED, NOW, World, make_world, operator

MONDAY_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 3, 21, 30, tzinfo=UTC)
"""22:30 in Paris: no unsolicited message leaves."""
EVE = datetime(2026, 3, 8, 15, 0, tzinfo=UTC)
OPERATOR = operator()


@dataclass(slots=True)
class Told:
    """A message as it is queued."""

    intent: Intent
    values: dict[str, Any]

    @property
    def text(self) -> str:
        context = read(self.intent.kind, self.values)
        if self.intent.channel == "sms":
            return render_sms(context, language=self.intent.language, max_segments=2)
        audience = message_of(self.intent.kind).audience
        letter = render_letter(context, audience=audience, language=self.intent.language)
        return " ".join(f"{letter.subject} {letter.text}".replace("’", "'").split())


@dataclass(slots=True)
class Case:
    database: Database
    world: World
    appointment: Appointment

    async def act(self, do: Any, *, at: datetime, actor: Any = INSURED, **given: Any) -> Any:
        async with self.database.transaction() as session:
            dossier = await load_dossier(session, self.appointment.id, lock=True)
            return await do(session, operator=OPERATOR, dossier=dossier, actor=actor, now=at, **given)

    async def dossier(self) -> Dossier:
        async with self.database.reading() as session:
            return await load_dossier(session, self.appointment.id)

    async def told(self, kind: str, *, version: int | None = None, control: bool = False) -> dict[str, Told]:
        """By channel."""
        about = Intent.control_id == self.world.control.id if control else Intent.subject_id == self.appointment.id
        async with self.database.reading() as session:
            found = await session.scalars(select(Intent).where(about, Intent.kind == kind).order_by(Intent.created_at))
            return {
                each.channel: Told(each, open_context(each.id, each.context_sealed, OPERATOR.messages))
                for each in found
                if version in (None, each.version)
            }

    async def accept(self, *kinds: str, at: datetime) -> None:
        """The provider took them."""
        async with self.database.transaction() as session:
            await session.execute(
                update(Intent)
                .where(Intent.subject_id == self.appointment.id, Intent.kind.in_(kinds), Intent.voided_at.is_(None))
                .values(state=IntentState.ACCEPTED, accepted_at=at)
            )

    async def contact(self, **values: str) -> None:
        async with self.database.transaction() as session:
            await session.execute(update(Insured).where(Insured.id == self.world.insured.id).values(**values))

    async def far_from_every_site(self) -> None:
        await self.contact(postcode="97400", city="Saint-Denis")

    async def choose(self, *, at: datetime) -> Appointment:
        async with self.database.transaction() as session:
            dossier = await load_dossier(session, self.appointment.id, lock=True)
            offer = (await in_person_choices(session, dossier, now=at))[0].offer
            assert offer.site_id is not None
            return await choose_in_person(
                session,
                operator=OPERATOR,
                dossier=dossier,
                doctor_id=offer.doctor_id,
                site_id=offer.site_id,
                starts_at=offer.starts_at,
                actor=INSURED,
                now=at,
            )


@pytest_asyncio.fixture
async def case(database: Database) -> AsyncIterator[Case]:
    async with database.transaction() as session:
        world = await make_world(session)
        appointment = await book(
            session,
            operator=OPERATOR,
            control_id=world.control.id,
            doctor_id=world.doctor.id,
            starts_at=MONDAY_NINE,
            actor=HANDLER,
            now=NOW,
        )
    made = Case(database, world, appointment)
    await made.accept("invitation", "doctor_booked", at=NOW + timedelta(minutes=2))
    yield made


async def test_another_hour_asked_at_night_is_answered_at_once_as_ones_own_choice(case: Case) -> None:
    new = MONDAY_NINE + timedelta(days=1)
    await case.act(ask_another_hour, at=NIGHT, starts_at=new, doctor_id=case.world.doctor.id)
    told = await case.told("change")
    assert {each.intent.not_before for each in told.values()} == {NIGHT}
    assert "Vous avez demandé ce changement." in told["mail"].text


async def test_a_place_chosen_at_night_is_convoked_at_once_and_the_calendar_freed(case: Case) -> None:
    await case.act(decline_video, at=NIGHT)
    chosen = await case.choose(at=NIGHT + timedelta(minutes=5))
    convoked = await case.told("in_person_convocation", control=True)
    freed = await case.told("refusal_freed")
    leaves = {each.intent.not_before for each in (*convoked.values(), *freed.values())}
    assert leaves == {NIGHT + timedelta(minutes=5)}
    assert freed["mail"].values["can_choose_slot"] is False
    text = freed["mail"].text
    assert "Choisir une date" not in text
    assert f"Votre nouveau rendez-vous est le {_day(chosen.starts_at)}" in text


def _day(at: datetime) -> str:
    names = ("lundi", "mardi", "mercredi", "jeudi", "vendredi")
    return f"{names[at.weekday()]} {at.day} mars 2026"


async def test_nobody_is_told_to_choose_where_there_is_no_date(case: Case) -> None:
    await case.far_from_every_site()
    await case.act(decline_video, at=NOW)
    receipt = (await case.told("refusal_receipt"))["mail"]
    assert "choisir" not in receipt.text.lower()
    await expired_holds(case.database, operator=OPERATOR, now=NOW + timedelta(minutes=30))
    freed = (await case.told("refusal_freed"))["mail"]
    assert "choisir" not in freed.text.lower()
    assert "Nous vous enverrons la date et l'adresse par e-mail et par SMS" in freed.text


async def test_where_there_are_dates_the_receipt_says_so(case: Case) -> None:
    await case.act(decline_video, at=NOW)
    assert "Choisir une date" in (await case.told("refusal_receipt"))["mail"].text


async def test_only_the_channels_that_somebody_has_are_promised(case: Case) -> None:
    await case.far_from_every_site()
    await case.contact(phone="")
    await case.act(decline_video, at=NOW)
    text = (await case.told("refusal_receipt"))["mail"].text
    assert "par e-mail" in text
    assert "SMS" not in text


async def test_declining_after_the_start_promises_no_way_back(case: Case) -> None:
    await case.act(decline_video, at=MONDAY_NINE + timedelta(minutes=3))
    receipt = (await case.told("refusal_receipt"))["mail"]
    assert receipt.values["undo_until"] is None
    assert "changer d'avis" not in receipt.text


async def test_taken_back_on_the_eve_it_is_not_reminded_of_in_the_same_breath(case: Case) -> None:
    await case.act(decline_video, at=EVE)
    await case.act(undo_decline, at=EVE + timedelta(minutes=2))
    assert set(await case.told("refusal_undone")) == {"mail", "sms"}
    assert await case.told("reminder", version=2) == {}


async def test_reminded_of_already_it_is_not_reminded_of_again(case: Case) -> None:
    """The same hour, by a message that was taken: also where another day has begun since."""
    await case.accept("reminder", at=EVE - timedelta(hours=8))
    await case.act(decline_video, at=EVE)
    await case.act(undo_decline, at=EVE + timedelta(minutes=2))
    assert await case.told("reminder", version=2) == {}
    await reminders(case.database, operator=OPERATOR, now=MONDAY_NINE - timedelta(minutes=1))
    assert (await case.dossier()).appointment.reminded_version == 2


async def test_taken_back_days_before_it_is_reminded_of_on_the_eve(case: Case) -> None:
    await case.act(decline_video, at=NOW)
    await case.act(undo_decline, at=NOW + timedelta(minutes=2))
    assert set(await case.told("reminder", version=2)) == {"mail", "sms"}


async def doubtful(case: Case) -> datetime:
    """The SMS was refused for good and the desk was told; the hour until which something can be done."""
    async with case.database.transaction() as session:
        await session.execute(
            update(Intent)
            .where(Intent.kind == "invitation", Intent.channel == "sms")
            .values(state=IntentState.FAILED, accepted_at=None)
        )
    await notices(case.database, operator=OPERATOR, now=NOW + timedelta(minutes=10))
    assert len(await open_tasks(case.database, TaskKind.NOTICE_AT_RISK)) == 1
    return (await case.dossier()).appointment.hard_limit_at


async def test_a_doubtful_notice_is_settled_by_who_takes_the_hour_back(case: Case) -> None:
    """Who chooses the hour on their page knows it: the desk has nothing more to mend."""
    limit = await doubtful(case)
    await case.act(decline_video, at=NOW + timedelta(hours=1))
    await case.act(undo_decline, at=NOW + timedelta(hours=1, minutes=2))
    assert await open_tasks(case.database, TaskKind.NOTICE_AT_RISK) == []
    await notices(case.database, operator=OPERATOR, now=limit)
    assert (await case.dossier()).appointment.state is AppointmentState.BOOKED


@pytest.mark.parametrize(("taken", "stands"), [(("sms",), True), ((), False)])
async def test_a_program_that_takes_the_hour_back_settles_no_doubtful_notice(
    case: Case, taken: tuple[str, ...], stands: bool
) -> None:
    """P4: accepted on both channels, or a named handler's decision; the message about the hour taken back is accepted too."""
    limit = await doubtful(case)
    for act in (decline_video, undo_decline):
        await case.act(act, at=NOW + timedelta(hours=1), actor=Actor(ActorKind.API, "a-key", "program"))
    async with case.database.transaction() as session:
        await session.execute(
            update(Intent)
            .where(Intent.kind == "refusal_undone", Intent.channel.in_(taken))
            .values(state=IntentState.ACCEPTED, accepted_at=NOW + timedelta(hours=1))
        )
    for at in (NOW + timedelta(hours=2), limit):
        await notices(case.database, operator=OPERATOR, now=at)
    appointment = (await case.dossier()).appointment
    assert appointment.state is (AppointmentState.BOOKED if stands else AppointmentState.RELEASED)


async def test_past_the_limit_a_program_takes_no_doubtful_hour_back(case: Case) -> None:
    """The next sweep would release it: better refused than confirmed and lost."""
    limit = await doubtful(case)
    program = Actor(ActorKind.API, "a-key", "program")
    await case.act(decline_video, at=limit - timedelta(minutes=1), actor=program)
    with pytest.raises(WrongState) as refused:
        await case.act(undo_decline, at=limit, actor=program)
    assert refused.value.code == "too_late_to_undo"
    await case.act(undo_decline, at=limit)
    assert (await case.dossier()).appointment.state is AppointmentState.BOOKED


async def test_a_doctor_who_was_told_of_nothing_hears_nothing(case: Case) -> None:
    await case.act(decline_video, at=NOW + timedelta(hours=1))
    await case.act(undo_decline, at=NOW + timedelta(hours=1, minutes=2))
    assert await case.told("doctor_booked", version=2) == {}


async def test_a_doctor_who_lost_the_hour_is_told_that_it_is_theirs_again(case: Case) -> None:
    later = NOW + timedelta(hours=1)
    await case.act(decline_video, at=later)
    await expired_holds(case.database, operator=OPERATOR, now=later + timedelta(minutes=30))
    await case.accept("doctor_declined_freed", at=later + timedelta(minutes=31))
    await case.act(undo_decline, at=later + timedelta(minutes=40))
    text = (await case.told("doctor_booked", version=3))["mail"].text
    assert "de nouveau dans votre agenda" in text
    assert "Nouveau rendez-vous" not in text


async def test_a_doctor_who_never_heard_of_the_booking_still_does(case: Case) -> None:
    async with case.database.transaction() as session:
        await session.execute(
            update(Intent).where(Intent.kind == "doctor_booked").values(state=IntentState.PENDING, accepted_at=None)
        )
    await case.act(decline_video, at=NOW + timedelta(hours=1))
    await case.act(undo_decline, at=NOW + timedelta(hours=1, minutes=2))
    assert "Nouveau rendez-vous" in (await case.told("doctor_booked", version=2))["mail"].text


async def test_an_excused_absence_is_told_as_excused(case: Case) -> None:
    await case.act(announce_absence, at=NOW, reason=CannotCome.TRAVEL)
    await case.act(answer_absence, at=NOW + timedelta(hours=1), actor=HANDLER, decision=Decision.EXCUSE)
    told = await case.told("cancellation")
    assert set(told) == {"mail", "sms"}
    text = told["mail"].text
    assert "Votre absence est excusée" in text
    assert "Un rendez-vous sur place vous sera proposé" in text
    assert "annul" not in text.lower()
    assert "annul" not in told["sms"].text.lower()


async def test_a_place_booked_by_the_desk_in_the_grace_is_named_too(case: Case) -> None:
    await case.act(decline_video, at=NOW)
    async with case.database.transaction() as session:
        dossier = await load_dossier(session, case.appointment.id)
        offer = (await in_person_choices(session, dossier, now=NOW))[0].offer
        await book(
            session,
            operator=OPERATOR,
            control_id=case.world.control.id,
            doctor_id=offer.doctor_id,
            site_id=offer.site_id,
            starts_at=offer.starts_at,
            mode=Mode.SURGERY,
            actor=HANDLER,
            now=NOW + timedelta(minutes=5),
        )
        control = await session.get_one(Control, case.world.control.id)
        assert control.needs_in_person
    assert (await case.told("refusal_freed"))["mail"].values["next_at"] == offer.starts_at.astimezone(UTC).isoformat()
