"""The room over HTTP: what it shows, admission, facts, and the call's ticket."""

from __future__ import annotations

from datetime import timedelta

from telecontrol.controls.policies import Mode
from telecontrol.scheduling import attendance
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.video import tickets
from telecontrol.video.attendance import timeline
from telecontrol.video.models import EventKind, Role
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, insured_arrives
from tests.support.doctoring import CountQueries, act, another, dossier_of, push, room
from tests.support.insured import Visitor
from tests.support.service import Service
from tests.support.world import World


async def test_the_room_shows_the_file_and_whoever_waits(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)

    page = await doctor.get(room(appointment))

    assert page.status == 200
    for said in ("Camille 1 Durand", "17 mai 1985", "TC-0001-TEST", "DEM-1", "Caisse de Test"):
        assert said in page.words
    assert f'data-call-ticket-url="{room(appointment, "ticket")}"' in page.html
    assert 'data-call-role="doctor"' in page.html
    assert page.form(room(appointment, "admit")) is not None
    assert page.response.headers["cache-control"] == "no-store"


async def test_looking_changes_nothing(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    for address in (paths.DOCTOR, room(appointment), room(appointment, "waiting"), paths.DOCTOR_AGENDA):
        assert (await doctor.get(address)).status == 200

    async with service.runtime.database.reading() as session:
        assert await timeline(session, subject_id=appointment.id) == []
    assert (await dossier_of(service, appointment)).appointment.state is AppointmentState.BOOKED


async def test_before_the_room_opens_there_is_neither_call_nor_conclusion(
    service: Service, world: World, doctor: Visitor
) -> None:
    later = await another(service, world, 2, starts_at=START + timedelta(hours=2))

    page = await doctor.get(room(later))
    refused = await doctor.http.post(
        room(later, "ticket"), headers={"Accept": "application/json", "X-CSRF-Token": _token(page.html)}
    )

    assert "data-call-role" not in page.html
    assert page.form(room(later, "conclude")) is None
    assert (refused.status_code, refused.json()["code"]) == (409, "room_not_open")


async def test_whoever_waits_is_let_in_and_the_list_follows(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)

    page = await act(doctor, appointment, "admit")

    assert page.path == room(appointment)
    assert page.form(room(appointment, "admit")) is None
    assert "Une absence se constate" not in page.words, "who came is not absent"
    assert (await dossier_of(service, appointment)).appointment.state is AppointmentState.IN_PROGRESS
    again = await push(doctor, room(appointment, "admit"))
    assert again.status == 200, "twice is the same"
    async with service.runtime.database.reading() as session:
        events = [event.event for event in await timeline(session, subject_id=appointment.id)]
    assert events.count(EventKind.ADMITTED) == 1


async def test_nobody_waits_is_said_and_nothing_changes(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    page = await push(doctor, room(appointment, "admit"))

    assert page.path == room(appointment)
    assert "Personne n'attend dans cette salle" in page.words
    assert (await dossier_of(service, appointment)).appointment.state is AppointmentState.BOOKED


async def test_a_delay_that_is_none_is_refused(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
    for minutes in ("", "0", "121", "ten", "-5", "²"):
        page = await push(doctor, room(appointment, "ask-to-wait"), minutes=minutes)
        assert "entre 1 et 120 minutes" in page.words, minutes


async def test_a_delay_is_announced(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)

    page = await act(doctor, appointment, "ask-to-wait", minutes="10")

    assert "L'assuré est prévenu : environ 10 min d'attente." in page.words
    assert "retard de 10 min" in page.words


async def test_facts_are_noted_with_their_times(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    service.clock.advance_to(START + 4 * MINUTE)
    await act(doctor, appointment, "phone-call", answered="no")
    await push(doctor, room(appointment, "document"), identity_document="passport")
    page = await act(doctor, appointment, "problem")

    assert "Appel à 9 h 04 (sans réponse)" in page.words
    assert "Problème technique à 9 h 04" in page.words
    assert page.form(room(appointment, "problem")) is None, "noted once"
    async with service.runtime.database.reading() as session:
        dossier = await dossier_of(service, appointment)
        noted = await attendance.noted(session, dossier)
    assert (noted.document, noted.call_answered) == ("passport", False)


async def test_facts_that_are_none_are_refused(doctor: Visitor, appointment: Appointment) -> None:
    for part, values in (
        ("phone-call", {}),
        ("phone-call", {"answered": "si"}),
        ("document", {"identity_document": "1234567890"}),
    ):
        page = await push(doctor, room(appointment, part), **values)
        assert "Choisissez une des possibilités." in page.words, (part, values)


async def test_a_ticket_opens_this_room_to_this_doctor_alone(
    service: Service, doctor: Visitor, world: World, appointment: Appointment
) -> None:
    page = await doctor.get(room(appointment))

    answer = await doctor.http.post(
        room(appointment, "ticket"), headers={"Accept": "application/json", "X-CSRF-Token": _token(page.html)}
    )
    without = await doctor.http.post(room(appointment, "ticket"), headers={"Accept": "application/json"})

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    bearer = tickets.verify(service.settings, told["token"])
    assert (bearer.role, bearer.identity) == (Role.DOCTOR, str(world.doctor.id))
    assert str(bearer.room_id) == told["room_id"]
    assert without.status_code == 403, "a page of another site has no token"


async def test_in_person_there_is_an_address_and_no_call(service: Service, world: World, doctor: Visitor) -> None:
    seen = await another(service, world, 2, mode=Mode.SURGERY)

    page = await doctor.get(room(seen))
    assert "1 rue de la Paix, 69003 Lyon" in page.words
    assert "data-call-role" not in page.html
    after = await act(doctor, seen, "receive")

    assert "L'arrivée de l'assuré est notée." in after.words
    assert after.form(room(seen, "receive")) is None
    assert (await dossier_of(service, seen)).appointment.state is AppointmentState.IN_PROGRESS
    ticket = await doctor.http.post(
        room(seen, "ticket"), headers={"Accept": "application/json", "X-CSRF-Token": _token(page.html)}
    )
    assert (ticket.status_code, ticket.json()["code"]) == (409, "not_video")


async def test_the_parts_that_change_are_asked_for_alone(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    before = await doctor.get(room(appointment, "waiting"))
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
    after = await doctor.get(room(appointment, "waiting"))

    assert room(appointment, "admit") not in before.html
    assert room(appointment, "admit") in after.html
    for page in (before, after):
        assert "<html" not in page.html
        assert "Notes" not in page.words
        assert page.html.count('hx-swap-oob="true"') == 3


async def test_an_appointment_that_is_given_up_is_shown_and_allows_nothing(
    service: Service, world: World, doctor: Visitor
) -> None:
    declined = await another(service, world, 2, state=AppointmentState.DECLINED_BY_INSURED)

    page = await doctor.get(room(declined))

    assert page.status == 200
    for part in ("admit", "conclude", "phone-call", "problem"):
        assert page.form(room(declined, part)) is None
    refused = await push(doctor, room(declined, "phone-call"), answered="no")
    assert "n'a pas lieu en ce moment" in refused.words


async def test_the_room_is_read_in_few_queries(
    service: Service, world: World, doctor: Visitor, appointment: Appointment, count_queries: CountQueries
) -> None:
    await doctor.get(room(appointment))
    counts = []
    for number in range(2, 8):
        made = await another(service, world, number, starts_at=START + 30 * (number - 1) * MINUTE)
        await insured_arrives(service.runtime.database, made, at=START - 6 * MINUTE)
        with count_queries() as said:
            await doctor.get(room(appointment))
        counts.append(len(said))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 26, counts


def _token(html: str) -> str:
    return html.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]
