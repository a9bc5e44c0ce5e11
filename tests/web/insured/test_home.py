"""The insured's page in every state, at one address; what it costs; and that reading it changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import vobject  # type: ignore[import-untyped]
from sqlalchemy import event

from telecontrol.accounts.models import LinkPurpose
from telecontrol.config import VideoProvider
from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.reports.circumstances import Circumstances, IdentityDocument
from telecontrol.scheduling.attendance import open_room
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel, cancel_control, release
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.video.waiting import arrive
from tests.support.concluding import say
from tests.support.insured import MONDAY_NINE, Visitor, book_video, everything, link_to, visiting
from tests.support.service import Service
from tests.support.world import HANDLER, NOW, World, make_control, make_world

TUESDAY_TEN = MONDAY_NINE + timedelta(days=1, hours=1)


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """What is asked of the database, without the transactions' own words."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "ROLLBACK", "COMMIT", "SAVEPOINT", "RELEASE")):
            asked.append(statement)

    engine = service.runtime.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def came(service: Service, appointment: Appointment, *, at: datetime) -> None:
    """The insured reached the waiting room."""
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id)
        room = await open_room(session, dossier, provider=VideoProvider.BUILTIN, now=at)
        await arrive(session, room_id=room.id, now=at)


async def test_before_the_choices_are_as_plain_as_joining(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    home = await visitor.enter(await link_to(service, appointment))
    assert "médecin-conseil" in home.words
    assert "Votre caisse d'assurance maladie" in home.words
    assert "Avec Dr Alice Martin, 20 minutes environ" in home.words
    assert "lundi 9 mars 2026" in home.words
    assert all(home.links_to(path) for path in ("/r/decline", "/r/cannot-come", "/r/other-hour", "/r/test", "/genuine"))
    assert home.links_to("/r/calendar.ics")
    assert "Ce choix n'a aucune conséquence" in home.words
    assert "01 84 80 00 00" in home.words
    assert home.form("/r/join") is None, "not before the hour: a countdown"
    assert 'data-until="2026-03-09T07:45:00Z"' in home.html


async def test_near_the_hour_the_button_appears(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=15, seconds=1))
    assert (await visitor.enter(link)).form("/r/join") is None
    service.clock.advance(timedelta(seconds=1))
    near = await visitor.get("/r")
    assert near.form("/r/join") is not None
    assert near.links_to("/r/decline")
    assert not near.links_to("/r/other-hour")


async def test_in_the_call_the_page_leads_back_into_it_and_offers_nothing_else(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at)
    async with service.runtime.database.transaction() as session:
        (await load_dossier(session, appointment.id, lock=True)).appointment.state = AppointmentState.IN_PROGRESS
    page = await visitor.enter(link)
    assert page.form("/r/join") is not None
    assert "Revenir dans l'appel" in page.words
    assert "le médecin rédige sa conclusion" in page.words
    for gone in ("Vous arrivez d'abord dans une salle d'attente", "Vous avez le choix", "Préparer le rendez-vous"):
        assert gone not in page.words
    refused = await visitor.get("/r/decline")
    assert refused.path == "/r"
    assert "Il est trop tard pour le demander ici" in refused.words, "why, and not only that"


async def test_who_waited_for_a_doctor_who_never_came_is_not_left_in_doubt(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at)
    waiting = await visitor.press(await visitor.enter(link), "/r/join")
    assert waiting.path == "/r/join"
    await service.until(appointment.ends_at + timedelta(minutes=31))
    page = await visitor.get("/r/join")
    assert (page.path, page.title) == ("/r", "L'appel n'a pas commencé")
    assert "Ce n'est pas compté contre vous" in page.words
    assert page.links_to("/r/receipt")


async def test_a_receipt_that_does_not_exist_yet_is_no_page_that_expired(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment))
    page = await visitor.get("/r/receipt")
    assert page.path == "/r"
    assert page.title.startswith("Bonjour")
    assert "Il n'y a pas d'attestation" in page.words


async def test_the_doctors_hour_is_told_where_it_differs(service: Service, world: World, visitor: Visitor) -> None:
    near = await visitor.enter(await link_to(service, await book_video(service, world)))
    assert "Pour le médecin" not in near.words
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=2, zone="Indian/Reunion"
        )
    link = await link_to(service, await book_video(service, world, TUESDAY_TEN, control=control))
    told = "Pour le médecin, il sera 10 h 00 (heure de Paris)."
    assert told in (await visitor.get(link)).words
    assert told in (await visitor.enter(link)).words


async def test_in_person_says_where_and_how_to_get_in(service: Service, world: World, visitor: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        site = await session.merge(world.site)
        site.access = "Métro B, porte A, ascenseur"
    appointment = await book_video(service, world, mode=Mode.SURGERY, site_id=world.site.id)
    home = await visitor.enter(await link_to(service, appointment))
    for words in (
        "Centre Part-Dieu",
        "1 rue de la Paix",
        "69003 Lyon",
        "Métro B, porte A, ascenseur",
        "lundi 9 mars 2026",
    ):
        assert words in home.words
    assert not home.links_to("/r/decline")
    assert home.links_to("/r/cannot-come")


async def test_cancelled_by_the_service(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    link = await link_to(service, appointment)
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await cancel(
            session, operator=service.runtime.operator, dossier=dossier, actor=HANDLER, now=service.clock.now()
        )
    page = await visitor.enter(link)
    assert page.title == "Votre rendez-vous est annulé"
    assert "Un nouveau rendez-vous vous sera proposé" in page.words


async def test_a_control_that_is_no_longer_wanted(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    link = await link_to(service, appointment)
    async with service.runtime.database.transaction() as session:
        await cancel_control(
            session,
            operator=service.runtime.operator,
            control_id=appointment.control_id,
            actor=HANDLER,
            now=service.clock.now(),
        )
    page = await visitor.enter(link)
    assert page.title == "Votre rendez-vous est annulé"
    assert "Ce rendez-vous ne sera pas remplacé" in page.words


async def test_released_blames_nobody_and_an_older_link_then_leads_to_the_new_appointment(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await release(
            session, operator=service.runtime.operator, dossier=dossier, actor=HANDLER, now=service.clock.now()
        )
    page = await visitor.enter(link)
    assert page.title == "Ce rendez-vous n'a plus lieu"
    assert "Ce n'est pas de votre fait" in page.words

    service.clock.advance(timedelta(hours=1))
    again = await book_video(service, world, TUESDAY_TEN)
    assert again.id != appointment.id
    home = await visitor.get("/r")
    assert "mardi 10 mars 2026" in home.words
    moved = await visitor.enter(link)
    assert moved.path == "/r/moved"
    assert "mardi 10 mars 2026" in moved.words
    assert "Au lieu du lundi 9 mars 2026" in moved.words


async def test_after_it_the_proof_the_conclusion_and_the_rights(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    came_at = appointment.starts_at - timedelta(minutes=4)
    service.clock.advance_to(came_at)
    await came(service, appointment, at=came_at)
    service.clock.advance_to(appointment.starts_at + timedelta(minutes=12))
    await say(service.runtime.database, world, appointment, Result.JUSTIFIED, at=service.clock.now())
    page = await visitor.enter(link)
    assert page.title == "Merci, votre rendez-vous a eu lieu"
    assert "Arrêt justifié" in page.words
    assert "Vous étiez là dès 8 h 56" in page.words
    assert page.form("/r/join") is None
    assert not any(page.links_to(path) for path in ("/r/decline", "/r/cannot-come", "/r/other-hour"))

    receipt = await visitor.get("/r/receipt")
    assert receipt.title == "Attestation de présence"
    for words in ("Camille 1 Durand", "lundi 9 mars 2026 à 9 h 00", "8 h 56", "Caisse de Test", "TC-0001-TEST"):
        assert words in receipt.words
    assert "justifié" not in receipt.words, "the receipt says nothing of the conclusion"

    service.clock.advance_to(appointment.ends_at + timedelta(days=29))
    assert (await visitor.enter(link)).title == "Merci, votre rendez-vous a eu lieu"
    service.clock.advance_to(appointment.ends_at + timedelta(days=30, seconds=1))
    assert (await visitor.get(link)).status == 404


async def test_unfavourable_the_ten_days_are_told(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at + timedelta(minutes=12))
    await say(service.runtime.database, world, appointment, Result.NOT_JUSTIFIED, at=service.clock.now())
    page = await visitor.enter(link)
    assert "Arrêt non justifié" in page.words
    assert "dix jours francs" in page.words
    assert "demander à votre organisme le résultat écrit" in page.words


@pytest.mark.parametrize(
    ("result", "title"),
    [
        (Result.TECHNICAL_FAILURE, "Un problème technique a empêché le rendez-vous"),
        (Result.DOCTOR_UNAVAILABLE, "Le rendez-vous n'a pas eu lieu"),
        (Result.IMPOSSIBLE_NOT_ATTRIBUTABLE, "Le rendez-vous n'a pas eu lieu"),
    ],
)
async def test_what_is_nobodys_fault_blames_nobody(
    service: Service, world: World, appointment: Appointment, visitor: Visitor, result: Result, title: str
) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at + timedelta(minutes=12))
    await say(service.runtime.database, world, appointment, result, at=service.clock.now())
    page = await visitor.enter(link)
    assert page.title == title
    assert "ne vous est" in page.words
    assert "ne vous a pas vu" not in page.words


async def test_over_without_a_conclusion_there_is_nothing_to_do(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    await service.until(appointment.ends_at + timedelta(hours=2))
    page = await visitor.enter(link)
    assert page.title == "Votre rendez-vous est terminé"
    assert "Vous n'avez rien à faire" in page.words
    missing = await visitor.get("/r/receipt")
    assert (missing.path, missing.title) == ("/r", page.title)
    assert "Il n'y a pas d'attestation pour ce rendez-vous" in missing.words


async def test_somebody_who_was_received_at_a_site_has_a_receipt(
    service: Service, world: World, visitor: Visitor
) -> None:
    from telecontrol.scheduling.attendance import receive

    appointment = await book_video(service, world, mode=Mode.SURGERY, site_id=world.site.id)
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=2))
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await receive(session, dossier, actor=HANDLER, now=service.clock.now())
    assert "Centre Part-Dieu" in (await visitor.enter(link)).words
    service.clock.advance_to(appointment.starts_at + timedelta(minutes=20))
    seen = Circumstances(identity_document=IdentityDocument.PASSPORT)
    await say(
        service.runtime.database, world, appointment, Result.JUSTIFIED, at=service.clock.now(), circumstances=seen
    )
    assert (await visitor.get("/r")).title == "Merci, votre rendez-vous a eu lieu"
    assert "8 h 58" in (await visitor.get("/r/receipt")).words


@pytest.mark.parametrize("zone", ["Indian/Reunion", "America/Cayenne"])
async def test_hours_are_those_of_the_place_where_the_person_is(service: Service, zone: str, visitor: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        world = await make_world(session, zone=zone)
    appointment = await book_video(service, world, datetime(2026, 3, 10, 13, 0, tzinfo=UTC))
    home = await visitor.enter(await link_to(service, appointment))
    told = {"Indian/Reunion": "17 h 00 heure de La Réunion", "America/Cayenne": "10 h 00 heure de la Guyane"}
    assert told[zone] in home.words


async def test_a_private_employers_control_says_so(service: Service, world: World, visitor: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=2, procedure=Procedure.B
        )
    appointment = await book_video(service, world, control=control, mode=Mode.SURGERY, site_id=world.site.id)
    home = await visitor.enter(await link_to(service, appointment))
    assert "contre-visite" in home.words


async def test_the_calendar_file_is_neutral_and_its_link_only_shows(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment))
    before = await everything(service)
    answer = await visitor.http.get("/r/calendar.ics")
    assert await everything(service) == before
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    entry = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")[0]
    assert entry["uid"] == f"{appointment.id}@telecontrol"
    assert entry.decoded("sequence") == 0
    assert entry.decoded("dtstart") == MONDAY_NINE
    second = vobject.readOne(answer.text).vevent
    assert second.dtstart.value == MONDAY_NINE
    # Taken in as an entry of one's own: no invitation to another account, no answer asked.
    assert "METHOD:PUBLISH" in answer.text
    assert "ATTENDEE" not in answer.text
    assert "BEGIN:VALARM" in answer.text
    text = answer.text.lower()
    for telling in ("médecin", "contrôle", "arrêt", "martin", "durand"):
        assert telling not in text
    link = str(entry["url"])
    assert re.fullmatch(rf"{service.url}/i/[A-Za-z0-9_-]{{22}}", link)
    async with visiting(service) as other:
        shown = await other.enter(link.removeprefix(service.url))
        assert "Ce lien, qui vient de votre agenda" in shown.words
        assert not shown.links_to("/r/decline")


async def test_the_page_asks_little_of_the_database(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    await visitor.enter(await link_to(service, appointment))
    with statements(service) as asked:
        await visitor.get("/r")
    assert len(asked) <= 6, asked
    await visitor.press(await visitor.get("/r/decline"), "/r/decline")
    with statements(service) as asked:
        assert len((await visitor.get("/r")).choices("slot")) == 3
    assert len(asked) <= 8, asked


async def test_reading_any_page_changes_nothing(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    paths = [
        *("/r", "/r/moved", "/r/birth-date", "/r/join", "/r/test", "/r/decline", "/r/cannot-come", "/r/other-hour"),
        *("/r/calendar.ics", "/r/receipt", "/r/in-person", "/r/decline/undo", "/r/cannot-come/undo", "/r/join/ticket"),
        *("/", "/genuine", "/lost-link", "/lost-link?sent=1", "/privacy", "/accessibility", "/test", "/robots.txt"),
        *(f"/brand/{world.organisation.id}.css", "/language", "/i/AAAAAAAAAAAAAAAAAAAAAA"),
    ]
    link = await link_to(service, appointment, purpose=LinkPurpose.ACT)
    for instant in (NOW, appointment.starts_at - timedelta(minutes=5), appointment.ends_at + timedelta(hours=3)):
        service.clock.advance_to(instant)
        await visitor.enter(link)
        before = await everything(service)
        for path in [*paths, link]:
            read = await visitor.http.get(path)
            looked = await visitor.http.head(path)
            assert read.status_code == looked.status_code, path
            assert read.status_code < 500, path
        assert await everything(service) == before
