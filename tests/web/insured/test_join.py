"""Entering the call: who may, when, and what is kept of having come; and the device test before it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.errors import WrongState
from telecontrol.reports.timeline import timeline_of
from telecontrol.scheduling.answers import Decision, answer_absence
from telecontrol.scheduling.attendance import admit, ask_to_wait
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.tasks.desk import find_open
from telecontrol.tasks.models import TaskKind
from telecontrol.video.attendance import attendance
from telecontrol.video.models import Role
from telecontrol.video.rooms import find_room
from telecontrol.video.tickets import verify
from telecontrol.video.waiting import leave
from tests.support.insured import Page, Visitor, dossier_of, link_to, visiting
from tests.support.service import Service
from tests.support.world import HANDLER, World


async def near(service: Service, appointment: Appointment, visitor: Visitor) -> Page:
    """Somebody on their page five minutes before the hour."""
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    return await visitor.enter(link)


async def ticket(visitor: Visitor, page: Page) -> Page:
    """As the call's script asks: the token of the page in a header, nothing in the body."""
    token = page.html.split('data-call-token="')[1].split('"')[0]
    headers = {"X-CSRF-Token": token, "Accept": "application/json"}
    return Page(await visitor.http.post("/r/join/ticket", headers=headers))


async def test_pressing_the_button_is_the_arrival(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    home = await near(service, appointment, visitor)
    assert (await visitor.get("/r/join")).path == "/r", "opening the page enters nothing"
    async with service.runtime.database.reading() as session:
        assert not (await attendance(session, subject_id=appointment.id)).had_arrived

    page = await visitor.press(home, "/r/join")
    assert page.path == "/r/join"
    assert page.title == "Salle d'attente"
    assert "Le médecin est prévenu de votre arrivée." in page.words
    assert "01 84 80 00 00" in page.words
    assert 'data-call-role="insured"' in page.html
    async with service.runtime.database.reading() as session:
        seen = await attendance(session, subject_id=appointment.id)
        room = await find_room(session, subject_id=appointment.id)
    assert seen.arrived_at == service.clock.now(), "kept before any camera, script or socket"
    assert room is not None
    assert (room.opens_at, room.closes_at) == (
        appointment.starts_at - timedelta(minutes=15),
        appointment.ends_at + timedelta(minutes=30),
    )
    twice = await visitor.press(home, "/r/join")
    assert twice.path == "/r/join"


async def test_a_ticket_opens_this_room_to_this_person_alone(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    page = await visitor.press(await near(service, appointment, visitor), "/r/join")
    answer = await ticket(visitor, page)
    assert answer.status == 200
    assert answer.response.headers["cache-control"] == "no-store"
    given = answer.response.json()
    bearer = verify(service.settings, given["token"])
    async with service.runtime.database.reading() as session:
        room = await find_room(session, subject_id=appointment.id)
    assert room is not None
    assert (str(bearer.room_id), bearer.role, bearer.identity) == (
        str(room.id),
        Role.INSURED,
        str(appointment.insured_id),
    )
    again = (await ticket(visitor, page)).response.json()
    assert again["token"] != given["token"] or again["expires_at"] >= given["expires_at"]


async def test_not_before_the_hour_nor_after_it(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    page = await visitor.press(await near(service, appointment, visitor), "/r/join")
    token = {"csrf_token": (page.form("/language") or {})["csrf_token"]}

    service.clock.advance_to(appointment.ends_at + timedelta(minutes=29))
    assert (await ticket(visitor, page)).status == 200, "the doctor may be late"
    service.clock.advance_to(appointment.ends_at + timedelta(minutes=30))
    late = await ticket(visitor, page)
    assert (late.status, late.response.json()["code"]) == (409, "not_joinable")
    refused = await visitor.post("/r/join", token)
    assert refused.path == "/r"
    assert "L'appel n'est pas ouvert en ce moment" in refused.words


async def test_too_early(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    home = await visitor.enter(await link_to(service, appointment))
    token = {"csrf_token": (home.form("/language") or {})["csrf_token"]}
    refused = await visitor.post("/r/join", token)
    assert "L'appel n'est pas ouvert en ce moment" in refused.words
    assert (await visitor.post("/r/join/ticket", token)).status == 409
    async with service.runtime.database.reading() as session:
        assert await find_room(session, subject_id=appointment.id) is None


async def test_a_delay_that_the_doctor_announces_is_told(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.press(await near(service, appointment, visitor), "/r/join")
    doctor = Actor(ActorKind.STAFF, str(world.doctor_user.id), "doctor")
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await ask_to_wait(session, dossier, minutes=10, actor=doctor, now=service.clock.now())
    page = await visitor.get("/r/join")
    assert "attendre encore 10 minutes" in page.words
    assert "ne peut pas vous être reproché" in page.words


async def test_leaving_and_coming_back(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    page = await visitor.press(await near(service, appointment, visitor), "/r/join")
    doctor = Actor(ActorKind.STAFF, str(world.doctor_user.id), "doctor")
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await admit(session, dossier, actor=doctor, now=service.clock.now())
    assert (await visitor.get("/r/join")).title == "Rendez-vous en cours"
    home = await visitor.get("/r")
    assert home.form("/r/join") is not None
    assert not home.links_to("/r/decline"), "declining is over once they were let in"

    async with service.runtime.database.transaction() as session:
        room = await find_room(session, subject_id=appointment.id)
        assert room is not None
        await leave(session, room_id=room.id, now=service.clock.now())
    assert (await visitor.get("/r/join")).path == "/r"
    back = await visitor.press(home, "/r/join")
    assert back.path == "/r/join"
    assert (await ticket(visitor, page)).status == 200
    # A call that runs over its hour is not closed to somebody whose telephone locked.
    service.clock.advance_to(appointment.ends_at + timedelta(hours=1))
    assert (await ticket(visitor, page)).status == 200
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.IN_PROGRESS


async def test_coming_after_all_is_possible_when_one_had_said_no(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment))
    await visitor.press(await visitor.get("/r/cannot-come"), "/r/cannot-come", reason="travel")
    home = await near(service, appointment, visitor)
    assert "rejoignez simplement l'appel" in home.words
    assert (await visitor.press(home, "/r/join")).path == "/r/join"

    dossier = await dossier_of(service, appointment.id)
    assert (dossier.control.state, dossier.appointment.announced_at) == (ControlState.BOOKED, None)
    async with service.runtime.database.reading() as session:
        told = [entry.code for entry in await timeline_of(session, appointment.control_id)]
        assert "appointment.came_after_all" in told
        assert await find_open(session, TaskKind.ABSENCE_TO_QUALIFY, subject_id=appointment.control_id) is None
    with pytest.raises(WrongState, match="already answered"):
        async with service.runtime.database.transaction() as session:
            await answer_absence(
                session,
                operator=service.runtime.operator,
                dossier=await load_dossier(session, appointment.id, lock=True),
                decision=Decision.EXCUSE,
                actor=HANDLER,
                now=service.clock.now(),
            )


async def test_a_link_for_another_browser_opens_the_same_call_after_the_birth_date(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    page = await visitor.press(await near(service, appointment, visitor), "/r/join")
    assert 'data-call-start="devices"' in page.html
    token = page.html.split('data-call-token="')[1].split('"')[0]
    headers = {"X-CSRF-Token": token, "Accept": "application/json"}
    answer = await visitor.http.post("/r/join/link", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    link = answer.json()["url"]
    assert link.startswith(f"{service.settings.public_url.rstrip('/')}/i/")

    async with visiting(service) as elsewhere:
        home = await elsewhere.enter(link.removeprefix(service.settings.public_url.rstrip("/")))
        again = await elsewhere.press(home, "/r/join")
        assert again.path == "/r/join"
    async with service.runtime.database.reading() as session:
        seen = await attendance(session, subject_id=appointment.id)
    assert seen.arrived_at == service.clock.now(), "one arrival, by whichever browser"


async def test_no_link_without_the_right_to_join(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    home = await visitor.enter(await link_to(service, appointment))
    token = (home.form("/language") or {})["csrf_token"]
    headers = {"X-CSRF-Token": token, "Accept": "application/json"}
    early = await visitor.http.post("/r/join/link", headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "not_joinable")
    async with visiting(service) as stranger:
        assert (await stranger.http.post("/r/join/link")).status_code in (403, 303)
