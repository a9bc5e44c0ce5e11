"""What the insured answers on the page, and what comes of pressing twice, going back, or coming second."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.controls.models import Control, Insured
from telecontrol.controls.policies import Mode
from telecontrol.controls.states import ControlState
from telecontrol.outbox.models import Intent
from telecontrol.scheduling.answers import Decision, answer_absence
from telecontrol.scheduling.booking import move
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from tests.support.insured import MONDAY_NINE, Page, Visitor, book_video, dossier_of, everything, link_to, visiting
from tests.support.service import Service
from tests.support.world import HANDLER, World, make_control


@pytest_asyncio.fixture
async def visitor(service: Service, appointment: Appointment) -> AsyncIterator[Visitor]:
    """Somebody on their page."""
    async with visiting(service) as made:
        assert (await made.enter(await link_to(service, appointment))).title.startswith("Bonjour")
        yield made


async def said(service: Service, appointment_id: uuid.UUID, kind: str) -> int:
    async with service.runtime.database.reading() as session:
        found = await session.scalars(select(Intent).where(Intent.subject_id == appointment_id, Intent.kind == kind))
        return len(found.all())


async def appointments(service: Service, control: Control) -> list[Appointment]:
    async with service.runtime.database.reading() as session:
        found = await session.scalars(select(Appointment).where(Appointment.control_id == control.id))
        return list(found)


async def decline(visitor: Visitor) -> Page:
    return await visitor.press(await visitor.get("/r/decline"), "/r/decline")


async def test_declining_is_asked_recorded_and_taken_back(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    asked = await visitor.get("/r/decline")
    assert "Ce choix n'a aucune conséquence" in asked.words
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.BOOKED

    done = await visitor.press(asked, "/r/decline")
    assert done.path == "/r"
    assert done.title == "C'est noté : ce sera sur place"
    assert "Accusé de réception" in done.words
    dossier = await dossier_of(service, appointment.id)
    assert dossier.appointment.state is AppointmentState.HELD
    assert dossier.control.state is ControlState.IN_PERSON_TO_BOOK
    assert await said(service, appointment.id, "refusal_receipt") == 2

    again = await visitor.press(asked, "/r/decline")
    assert again.words == done.words, "pressed twice, the same answer"
    assert await said(service, appointment.id, "refusal_receipt") == 2

    back = await visitor.press(done, "/r/decline/undo")
    assert back.title.startswith("Bonjour")
    assert "Votre rendez-vous en visioconférence est maintenu." in back.words
    twice = await visitor.press(done, "/r/decline/undo")
    assert twice.title == back.title
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.BOOKED


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (timedelta(days=2), "pendant 30 minutes, et même après si la place est encore libre"),
        (timedelta(minutes=12), "jusqu'au début du rendez-vous, à 9 h 00 (12 min)"),
        (timedelta(minutes=-3), ""),
    ],
    ids=["days", "minutes", "begun"],
)
async def test_the_grace_that_is_told_is_the_one_that_is_kept(
    service: Service, appointment: Appointment, visitor: Visitor, before: timedelta, told: str
) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(MONDAY_NINE - before)
    await visitor.enter(link)
    words = (await visitor.get("/r/decline")).words
    assert "C'est votre droit" in words
    assert (f"Vous pourrez changer d'avis {told}" in words) if told else ("changer d'avis" not in words)


async def test_only_the_channels_that_somebody_has_are_promised_on_the_page(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    assert "sinon par e-mail et SMS" in (await visitor.get("/r/decline")).words
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Insured, appointment.insured_id)).email = ""
    assert "sinon par SMS." in (await visitor.get("/r/decline")).words


async def test_after_the_grace_the_hour_is_taken_back_only_while_it_is_free(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    await decline(visitor)
    await service.later(minutes=31)
    page = await visitor.get("/r")
    assert "Vous pouvez la reprendre si personne ne l'a prise" in page.words
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    await book_video(service, world, control=control)

    refused = await visitor.press(page, "/r/decline/undo")
    assert refused.path == "/r"
    assert "Cette heure vient d'être prise par quelqu'un d'autre" in refused.words
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.DECLINED_BY_INSURED


async def test_up_to_three_places_are_shown_and_one_is_booked_at_once(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    page = await decline(visitor)
    service.clock.advance(timedelta(minutes=1))
    slots = page.choices("slot")
    assert len(slots) == 3
    assert len(set(slots)) == 3
    assert "Centre Part-Dieu" in page.words
    assert "même commune" in page.words

    booked = await visitor.press(page, "/r/in-person", slot=slots[1])
    assert booked.path == "/r"
    assert "Votre rendez-vous sur place est réservé." in booked.words
    assert "1 rue de la Paix" in booked.words
    again = await visitor.press(page, "/r/in-person", slot=slots[1])
    assert again.title == booked.title
    assert "Votre rendez-vous sur place est réservé." in again.words
    assert "1 rue de la Paix" in again.words
    made = await appointments(service, world.control)
    assert sorted((each.mode, each.state) for each in made) == [
        (Mode.SURGERY, AppointmentState.BOOKED),
        (Mode.VIDEO, AppointmentState.DECLINED_BY_INSURED),
    ]
    other = await visitor.press(page, "/r/in-person", slot=slots[2])
    assert "Votre rendez-vous a changé depuis que vous avez ouvert cette page" in other.words
    assert len(await appointments(service, world.control)) == 2
    undone = await visitor.press(page, "/r/decline/undo")
    assert "Votre rendez-vous a changé depuis que vous avez ouvert cette page" in undone.words
    assert len(await appointments(service, world.control)) == 2


async def test_a_place_that_has_just_gone_gives_fresh_ones(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    page = await decline(visitor)
    wanted = page.choices("slot")[0]
    # The site has one consulting room: somebody else takes it for that hour.
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=2, postcode="69003"
        )
    start = datetime.fromtimestamp(int(wanted.split(".")[2]), tz=UTC)
    await book_video(
        service,
        world,
        start,
        control=control,
        mode=Mode.SURGERY,
        site_id=world.site.id,
        doctor_id=world.other_doctor.id,
    )
    refused = await visitor.press(page, "/r/in-person", slot=wanted)
    assert refused.status == 409
    assert "Cette place vient d'être prise." in refused.words
    fresh = refused.choices("slot")
    assert len(fresh) == 3
    assert wanted not in fresh
    assert "est réservé" in (await visitor.press(refused, "/r/in-person", slot=fresh[0])).words


async def test_only_what_was_shown_can_be_booked(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    page = await decline(visitor)
    doctor, _, start = page.choices("slot")[0].split(".")
    for forged in (
        "",
        "x",
        f"{doctor}..{start}",
        f"{doctor}.{uuid.uuid4().hex}.{start}",
        f"{doctor}.{start}.99999999999999",
    ):
        refused = await visitor.press(page, "/r/in-person", slot=forged)
        assert refused.path == "/r"
        assert "Choisissez une des propositions" in refused.words
    assert len(await appointments(service, world.control)) == 1


async def test_without_a_site_nearby_the_desk_proposes(service: Service, world: World) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session,
            organisation=world.organisation,
            insurer=world.insurer,
            number=2,
            postcode="13001",
            city="Marseille",
        )
    appointment = await book_video(service, world, control=control)
    async with visiting(service) as visitor:
        await visitor.enter(await link_to(service, appointment))
        page = await decline(visitor)
        assert page.choices("slot") == []
        assert "Nous vous proposerons un rendez-vous sur place" in page.words


async def test_saying_that_one_cannot_come_and_taking_it_back(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    asked = await visitor.get("/r/cannot-come")
    assert len(asked.choices("reason")) == 6
    assert "<textarea" not in asked.html
    assert 'type="text"' not in asked.html, "never free text"
    missing = await visitor.press(asked, "/r/cannot-come")
    assert (missing.status, "Choisissez une raison" in missing.words) == (422, True)
    assert (await visitor.press(asked, "/r/cannot-come", reason="j'ai la grippe")).status == 422

    done = await visitor.press(asked, "/r/cannot-come", reason="travel")
    assert done.title == "Nous sommes prévenus"
    assert "Je ne serai pas joignable" in done.words
    again = await visitor.press(asked, "/r/cannot-come", reason="travel")
    assert again.words == done.words
    dossier = await dossier_of(service, appointment.id)
    assert dossier.control.state is ControlState.ABSENCE_TO_QUALIFY
    assert dossier.appointment.state is AppointmentState.BOOKED, "the slot is kept"
    assert "Vous avez dit que vous ne pouvez pas venir" in (await visitor.get("/r")).words

    back = await visitor.press(done, "/r/cannot-come/undo")
    assert "C'est noté : vous venez." in back.words
    assert (await visitor.press(done, "/r/cannot-come/undo")).title == back.title
    assert (await dossier_of(service, appointment.id)).control.state is ControlState.BOOKED


async def test_an_absence_that_the_desk_answered_is_not_taken_back(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    done = await visitor.press(await visitor.get("/r/cannot-come"), "/r/cannot-come", reason="travel")
    async with service.runtime.database.transaction() as session:
        await answer_absence(
            session,
            operator=service.runtime.operator,
            dossier=await load_dossier(session, appointment.id, lock=True),
            decision=Decision.EXCUSE,
            actor=HANDLER,
            now=service.clock.now(),
        )
    page = await visitor.press(done, "/r/cannot-come/undo")
    assert page.title == "Votre absence est excusée"
    assert "Cette annulation vient de nous" not in page.words
    assert "Nous avons déjà répondu à votre message" in page.words
    assert "Un nouveau rendez-vous vous sera proposé" in page.words


async def test_another_hour_once(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    asked = await visitor.get("/r/other-hour")
    slots = asked.choices("slot")
    assert 4 <= len(slots) <= 36
    assert "jeudi 5 mars 2026" in asked.words or "vendredi 6 mars 2026" in asked.words
    missing = await visitor.press(asked, "/r/other-hour")
    assert (missing.status, "Choisissez une heure" in missing.words) == (422, True)

    wanted = slots[-1]
    done = await visitor.press(asked, "/r/other-hour", slot=wanted)
    assert done.path == "/r"
    assert "Votre nouvelle heure est enregistrée" in done.words
    moved = (await dossier_of(service, appointment.id)).appointment
    assert int(moved.starts_at.timestamp()) == int(wanted.split(".")[2])
    assert (moved.version, moved.state) == (2, AppointmentState.BOOKED)
    twice = await visitor.press(asked, "/r/other-hour", slot=wanted)
    assert twice.words == done.words, "pressed twice, the same answer"
    assert (await dossier_of(service, appointment.id)).appointment.version == 2

    assert not done.links_to("/r/other-hour"), "once"
    assert (await visitor.get("/r/other-hour")).path == "/r"
    third = await visitor.press(asked, "/r/other-hour", slot=slots[0])
    assert "Votre rendez-vous a changé depuis que vous avez ouvert cette page" in third.words
    assert (await dossier_of(service, appointment.id)).appointment.version == 2


async def test_an_hour_that_has_just_gone_gives_fresh_ones(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    asked = await visitor.get("/r/other-hour")
    wanted = asked.choices("slot")[0]
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    doctor, _, start = wanted.split(".")
    await book_video(
        service,
        world,
        datetime.fromtimestamp(int(start), tz=UTC),
        control=control,
        doctor_id=uuid.UUID(hex=doctor),
    )
    refused = await visitor.press(asked, "/r/other-hour", slot=wanted)
    assert refused.status == 409
    assert "Cette heure vient d'être prise." in refused.words
    assert "Votre rendez-vous n'a pas changé." in refused.words
    assert wanted not in refused.choices("slot")
    assert (await dossier_of(service, appointment.id)).appointment.starts_at == MONDAY_NINE


async def test_an_answer_is_for_the_appointment_that_the_page_showed(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    """A couple, one browser: the page left open in the first tab says nothing for the second one's appointment."""
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    other = await book_video(service, world, MONDAY_NINE + timedelta(hours=1), control=control)
    left_open = {path: await visitor.get(path) for path in ("/r/decline", "/r/cannot-come", "/r/other-hour")}
    home = await visitor.enter(await link_to(service, other))
    slots = left_open["/r/other-hour"].choices("slot")
    before = await everything(service)
    for path, page in left_open.items():
        refused = await visitor.press(page, path, reason="travel", slot=slots[0])
        assert (refused.path, refused.title) == ("/r", home.title)
        assert "Cette page montrait un autre rendez-vous" in refused.words
    assert await everything(service) == before
    assert (await decline(visitor)).title == "C'est noté : ce sera sur place"
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.BOOKED


async def test_an_answer_is_for_the_hour_that_the_page_showed(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    asked = await visitor.get("/r/decline")
    async with service.runtime.database.transaction() as session:
        await move(
            session,
            operator=service.runtime.operator,
            dossier=await load_dossier(session, appointment.id, lock=True),
            starts_at=MONDAY_NINE + timedelta(days=1),
            actor=HANDLER,
            now=service.clock.now(),
        )
    refused = await visitor.press(asked, "/r/decline")
    assert "Votre rendez-vous a changé depuis que vous avez ouvert cette page" in refused.words
    assert "mardi 10 mars 2026" in refused.words
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.BOOKED
    # A form whose token was too old is about the same appointment when it is sent again.
    fresh = await visitor.get("/r/decline")
    visitor.http.cookies.delete("tc_form")
    stale = await visitor.press(fresh, "/r/decline")
    assert stale.status == 403
    assert (await visitor.press(stale, "/r/decline")).title == "C'est noté : ce sera sur place"


async def test_two_windows_at_once_give_one_answer(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    asked = await visitor.get("/r/decline")
    pages = await asyncio.gather(*(visitor.press(asked, "/r/decline") for _ in range(4)))
    assert {page.title for page in pages} == {"C'est noté : ce sera sur place"}
    service.clock.advance(timedelta(minutes=1))
    slot = pages[0].choices("slot")[-1]
    booked = await asyncio.gather(*(visitor.press(pages[0], "/r/in-person", slot=slot) for _ in range(4)))
    assert {page.title for page in booked} == {"Bonjour Camille 1 Durand"}
    assert len(await appointments(service, world.control)) == 2
    assert await said(service, appointment.id, "refusal_receipt") == 2


async def test_declining_is_over_once_the_doctor_let_them_in(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    service.clock.advance_to(appointment.starts_at)
    await visitor.enter(await link_to(service, appointment))
    asked = await visitor.get("/r/decline")
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        dossier.appointment.state = AppointmentState.IN_PROGRESS
    refused = await visitor.press(asked, "/r/decline")
    assert "Il est trop tard pour le demander ici" in refused.words
    assert refused.form("/r/join") is not None, "they can go back to the call"
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.IN_PROGRESS


async def test_declining_from_another_window_empties_the_waiting_room(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    waiting = await visitor.press(await visitor.enter(await link_to(service, appointment)), "/r/join")
    assert waiting.path == "/r/join"
    await decline(visitor)
    token = waiting.html.split('data-call-token="')[1].split('"')[0]
    ticket = await visitor.post("/r/join/ticket", {"csrf_token": token})
    assert (ticket.status, ticket.response.json()["code"]) == (409, "not_joinable")
    assert (await visitor.get("/r/join")).title == "C'est noté : ce sera sur place"


async def test_that_the_appointment_stands_is_told_on_both_channels_each_time_it_is_said(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    for time in (1, 2):
        await visitor.press(await visitor.get("/r/cannot-come"), "/r/cannot-come", reason="travel")
        async with service.runtime.database.transaction() as session:
            await answer_absence(
                session,
                operator=service.runtime.operator,
                dossier=await load_dossier(session, appointment.id, lock=True),
                decision=Decision.KEEP,
                actor=HANDLER,
                now=service.clock.now(),
            )
        await service.work()
        for kind in ("cannot_come_receipt", "appointment_kept"):
            sent = [message for message in await service.messages() if message.kind == kind]
            assert sorted(message.channel for message in sent) == ["mail"] * time + ["sms"] * time, kind
        home = await visitor.get("/r")
        assert "votre rendez-vous est maintenu" in home.words
        assert home.links_to("/r/cannot-come"), "it may be said again"
        service.clock.advance(timedelta(minutes=5))
    told = next(message for message in await service.messages(channel="sms") if message.kind == "appointment_kept")
    assert "maintenu" in told.text
    assert "travel" not in told.text


async def test_an_answer_given_at_night_waits_for_the_morning_and_dies_with_the_appointment(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.press(await visitor.get("/r/cannot-come"), "/r/cannot-come", reason="travel")
    service.clock.advance_to(datetime(2026, 3, 3, 20, 30, tzinfo=UTC))

    async def kept() -> list[str]:
        await service.work()
        return [message.channel for message in await service.messages() if message.kind == "appointment_kept"]

    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        given: dict[str, Any] = {"operator": service.runtime.operator, "actor": HANDLER, "now": service.clock.now()}
        await answer_absence(session, dossier=dossier, decision=Decision.KEEP, **given)
    assert await kept() == [], "21:30 in Paris"
    async with visiting(service) as somebody:
        await somebody.enter(await link_to(service, appointment))
        await somebody.press(await somebody.get("/r/decline"), "/r/decline")
    service.clock.advance_to(datetime(2026, 3, 4, 8, 0, tzinfo=UTC))
    assert await kept() == [], "cancel wins: what it says is no longer so"
