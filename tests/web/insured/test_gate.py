"""The gate: a link shows little and changes nothing; a press opens a visit; the birth date opens the page."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import structlog
from sqlalchemy import text

from telecontrol import log
from telecontrol.accounts.models import LinkPurpose, Role
from telecontrol.accounts.staff import add_user
from telecontrol.db.journal import SERVICE, of_control
from telecontrol.scheduling.booking import move
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment
from tests.support.insured import BIRTH, MONDAY_NINE, Visitor, book_video, everything, link_to, visiting
from tests.support.service import Service
from tests.support.world import HANDLER, NOW, World, make_control


async def test_a_link_shows_who_when_and_the_phone_and_changes_nothing(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    before = await everything(service)

    page = await visitor.get(link)
    head = await visitor.http.head(link)

    assert (page.status, head.status_code) == (200, 200)
    assert "Caisse de Test" in page.words
    assert "lundi 9 mars 2026" in page.words
    assert "9 h 00" in page.words
    assert "heure de Paris" in page.words
    assert "01 84 80 00 00" in page.words
    assert "Durand" not in page.html
    assert "Camille" not in page.html
    assert page.response.headers["cache-control"] == "no-store"
    assert page.response.headers["referrer-policy"] == "same-origin"
    assert "tc_visit" not in visitor.http.cookies
    assert await everything(service) == before


async def test_the_press_exchanges_the_link_and_the_birth_date_opens_the_page(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    gate = await visitor.get(link)
    asked = await visitor.press(gate, link)

    assert asked.path == "/r", "a clean address, without the token"
    assert asked.title == "Est-ce bien vous ?"
    assert "Durand" not in asked.html
    home = await visitor.give(asked, BIRTH)
    assert home.path == "/r"
    assert home.title == "Bonjour Camille 1 Durand"
    assert "TC-0001-TEST" in home.words


async def test_nothing_opens_before_the_birth_date(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    asked = await visitor.enter(link, birth=None)
    token = {"csrf_token": (asked.form("/r/birth-date") or {})["csrf_token"]}
    before = await everything(service)
    for path in (
        "/r/decline",
        "/r/cannot-come",
        "/r/other-hour",
        "/r/receipt",
        "/r/calendar.ics",
        "/r/join",
        "/r/moved",
    ):
        page = await visitor.get(path)
        assert page.title == "Est-ce bien vous ?", path
    for path in (
        "/r/decline",
        "/r/decline/undo",
        "/r/in-person",
        "/r/cannot-come",
        "/r/cannot-come/undo",
        "/r/other-hour",
        "/r/join",
    ):
        page = await visitor.post(path, token)
        assert page.title == "Est-ce bien vous ?", path
    ticket = await visitor.post("/r/join/ticket", token)
    assert ticket.status == 403
    assert ticket.response.json()["code"] == "not_verified"
    assert await everything(service) == before


async def test_without_a_visit_the_page_says_to_open_the_link_again(service: Service, visitor: Visitor) -> None:
    for path in ("/r", "/r/decline", "/r/receipt", "/r/join"):
        page = await visitor.get(path)
        assert (page.status, page.title) == (401, "Ouvrez de nouveau votre lien")


async def test_wrong_dates_are_counted_over_every_link_and_end_with_a_person(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    first, second = await link_to(service, appointment), await link_to(service, appointment)
    page = await visitor.enter(first, birth=date(1985, 5, 18))
    assert page.status == 403
    assert "Il vous reste 4 essais" in page.words
    assert 'value="18"' in page.html, "what was typed stays"
    for left in (3, 2):
        page = await visitor.give(page, date(1985, 5, 18))
        assert f"Il vous reste {left} essais" in page.words
    async with visiting(service) as other:
        page = await other.enter(second, birth=date(1990, 1, 1))
        assert "Il vous reste 1 essai." in page.words
        page = await other.give(page, date(1990, 1, 1))
        assert page.title == "Appelez-nous pour continuer"
        assert "01 84 80 00 00" in page.words
        assert (await other.get("/r")).title == "Appelez-nous pour continuer"
    async with service.runtime.database.reading() as session:
        told = [entry.action for entry in await of_control(session, appointment.control_id)]
    assert told.count("link.blocked") == 1
    # The right date comes too late, in the first window as well.
    late = await visitor.get("/r")
    assert late.title == "Appelez-nous pour continuer"
    assert late.form("/r/birth-date") is None


@pytest.mark.parametrize("typed", [("31", "2", "1985"), ("", "", ""), ("17", "mai", "1985"), ("17", "5", "2085")])
async def test_what_is_no_date_costs_no_try(
    service: Service, appointment: Appointment, visitor: Visitor, typed: tuple[str, str, str]
) -> None:
    asked = await visitor.enter(await link_to(service, appointment), birth=None)
    page = await visitor.press(
        asked, "/r/birth-date", **dict(zip(("birth_day", "birth_month", "birth_year"), typed, strict=True))
    )
    assert page.status == 422
    assert "Cette date n'existe pas" in page.words
    assert "essai" not in page.words
    assert (await visitor.give(page, BIRTH)).title.startswith("Bonjour")


async def test_without_a_date_on_file_a_person_helps(service: Service, world: World, visitor: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=2, birth_on=None
        )
    appointment = await book_video(service, world, control=control)
    page = await visitor.enter(await link_to(service, appointment), birth=None)
    assert page.title == "Appelez-nous pour continuer"
    assert "Camille" not in page.html


async def test_unknown_expired_and_revoked_links_look_alike(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    expired = await link_to(service, appointment, expires_at=service.clock.now() - timedelta(seconds=1))
    revoked = await link_to(service, appointment)
    async with service.runtime.database.transaction() as session:
        await session.execute(text("UPDATE insured_link SET revoked_at = created_at"))
    pages = [await visitor.get(path) for path in ("/i/AAAAAAAAAAAAAAAAAAAAAA", "/i/x", expired, revoked)]
    assert {page.status for page in pages} == {404}
    assert len({page.words for page in pages}) == 1
    assert pages[0].title == "Ce lien ne mène plus à un rendez-vous"
    assert "Caisse de Test" not in pages[0].html
    token = (pages[0].form("/language") or {})["csrf_token"]
    assert (await visitor.post(expired, {"csrf_token": token})).words == pages[0].words


async def test_whoever_tries_many_links_waits_and_a_good_link_never_does(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    answers = [(await visitor.get(f"/i/{number:022d}")).status for number in range(25)]
    assert answers[:20] == [404] * 20
    assert 429 in answers
    blocked = await visitor.get("/i/AAAAAAAAAAAAAAAAAAAAAA")
    assert blocked.title == "Trop d'essais"
    assert (await visitor.get(await link_to(service, appointment))).status == 200
    service.clock.advance(timedelta(hours=2))
    assert (await visitor.get("/i/AAAAAAAAAAAAAAAAAAAAAA")).status == 404


async def test_a_link_of_an_older_message_says_the_new_hour_first(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    old = await link_to(service, appointment)
    service.clock.advance(timedelta(minutes=1))
    async with service.runtime.database.transaction() as session:
        await move(
            session,
            operator=service.runtime.operator,
            dossier=await load_dossier(session, appointment.id, lock=True),
            starts_at=MONDAY_NINE + timedelta(days=1, hours=1),
            actor=HANDLER,
            now=service.clock.now(),
        )
    new = await link_to(service, appointment)

    gate = await visitor.get(old)
    assert "mardi 10 mars 2026" in gate.words
    assert "lundi 9 mars" not in gate.words
    page = await visitor.enter(old)
    assert page.path == "/r/moved"
    assert page.title == "Votre rendez-vous a changé d'heure"
    assert "mardi 10 mars 2026" in page.words
    assert "Au lieu du lundi 9 mars 2026 à 9 h 00" in page.words
    async with visiting(service) as other:
        assert (await other.enter(new)).path == "/r"


async def test_the_same_person_is_not_asked_twice_in_one_browser(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    first, second = await link_to(service, appointment), await link_to(service, appointment)
    await visitor.enter(first)
    again = await visitor.enter(second, birth=None)
    assert again.title.startswith("Bonjour")


async def test_another_persons_link_never_shows_the_first_one(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session,
            organisation=world.organisation,
            insurer=world.insurer,
            number=2,
            family_name="Bernard",
            birth_on=date(1970, 1, 2),
        )
    other = await book_video(service, world, MONDAY_NINE + timedelta(hours=1), control=control)
    await visitor.enter(await link_to(service, appointment))
    asked = await visitor.enter(await link_to(service, other), birth=None)
    assert asked.title == "Est-ce bien vous ?", "what the browser proved for one person says nothing of another"
    assert "Durand" not in asked.html
    home = await visitor.give(asked, date(1970, 1, 2))
    assert home.title == "Bonjour Camille 2 Bernard"
    assert "Durand" not in home.html


async def test_a_link_that_points_to_somebody_elses_control_opens_nothing(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    forged = await link_to(service, appointment, insured_id=control.insured_id)
    page = await visitor.get(forged)
    assert page.status == 404
    assert "lundi" not in page.words


async def test_a_calendars_link_shows_and_never_acts(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    home = await visitor.enter(await link_to(service, appointment, purpose=LinkPurpose.VIEW))
    assert home.title.startswith("Bonjour")
    assert "ouvrez le lien de l'e-mail ou du SMS" in home.words
    for path in ("/r/decline", "/r/cannot-come", "/r/other-hour"):
        assert not home.links_to(path)
        shown = await visitor.get(path)
        assert shown.path == "/r"
        assert "ouvrez le lien de l'e-mail ou du SMS" in shown.words
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    near = await visitor.enter(await link_to(service, appointment, purpose=LinkPurpose.VIEW))
    assert near.form("/r/join") is None
    token = {"csrf_token": (near.form("/language") or {})["csrf_token"]}
    before = await everything(service)
    for path in ("/r/decline", "/r/cannot-come", "/r/other-hour", "/r/in-person", "/r/join"):
        refused = await visitor.post(path, {**token, "reason": "travel"})
        assert refused.path == "/r"
    assert (await visitor.post("/r/join/ticket", token)).status == 403
    assert await everything(service) == before


async def test_a_calendars_link_takes_nothing_away_from_a_browser_that_may_act(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    """A telephone's calendar reminds and is pressed, in the middle of the call too."""
    view, act = await link_to(service, appointment, purpose=LinkPurpose.VIEW), await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    call = await visitor.press(await visitor.enter(act), "/r/join")
    assert call.path == "/r/join"
    shown = await visitor.enter(view)
    assert (shown.path, shown.form("/r/join") is not None) == ("/r", True)
    assert (await visitor.get("/r/join")).path == "/r/join", "a reload comes back into the call"
    token = {"csrf_token": call.html.split('data-call-token="')[1].split('"')[0]}
    assert (await visitor.post("/r/join/ticket", token)).status == 200


async def test_a_calendars_link_of_another_person_shows_theirs(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    other = await book_video(service, world, MONDAY_NINE + timedelta(hours=1), control=control)
    await visitor.enter(await link_to(service, appointment))
    shown = await visitor.enter(await link_to(service, other, purpose=LinkPurpose.VIEW))
    assert shown.title == "Bonjour Camille 2 Durand"
    assert not shown.links_to("/r/decline")


async def test_a_form_whose_token_is_too_old_is_sent_again_with_one_press(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    asked = await visitor.enter(await link_to(service, appointment), birth=None)
    visitor.http.cookies.delete("tc_form")
    stale = await visitor.give(asked, BIRTH)
    assert stale.status == 403
    assert stale.title == "Encore une fois, s'il vous plaît"
    assert (stale.form("/r/birth-date") or {})["birth_year"] == "1985"
    assert (await visitor.press(stale, "/r/birth-date")).title.startswith("Bonjour")


async def test_a_form_of_another_site_is_refused(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    home = await visitor.enter(await link_to(service, appointment))
    token = (home.form("/language") or {})["csrf_token"]
    answer = await visitor.http.post(
        "/r/decline", data={"csrf_token": token}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403


async def test_the_language_follows_the_person_and_can_be_changed(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    home = await visitor.enter(await link_to(service, appointment))
    fields = {**(home.form("/language") or {}), "language": "en"}
    english = await visitor.post("/language", fields)
    assert english.path == "/r"
    assert 'lang="en"' in english.html
    elsewhere = await visitor.post("/language", {**fields, "next": "https://elsewhere.example/"})
    assert str(elsewhere.response.url) == f"{service.url}/"
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=3, language="en"
        )
    other = await book_video(service, world, MONDAY_NINE + timedelta(hours=2), control=control)
    async with visiting(service) as reader:
        assert 'lang="en"' in (await reader.get(await link_to(service, other))).html


async def test_a_link_is_never_written_in_a_log(
    service: Service, appointment: Appointment, visitor: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    link = await link_to(service, appointment)
    log.configure(json=True)
    try:
        await visitor.enter(link)
        async with service.runtime.database.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE insured_link RENAME TO elsewhere"))
        try:
            broken = await visitor.get(link)
        finally:
            async with service.runtime.database.engine.begin() as connection:
                await connection.execute(text("ALTER TABLE elsewhere RENAME TO insured_link"))
    finally:
        structlog.reset_defaults()
    assert broken.status in (500, 503)
    assert "Rien n'a été" in broken.words
    written = "".join(capfd.readouterr())
    assert "/i/{token}" in written, "the fault itself is told, by its route"
    assert link not in written
    assert link.removeprefix("/i/") not in written


async def test_a_signed_in_handler_has_no_way_in(service: Service, world: World, appointment: Appointment) -> None:
    async with service.runtime.database.transaction() as session:
        user = await add_user(
            session,
            email="gestion@essai.example",
            display_name="Gestion",
            role=Role.HANDLER,
            password="mouton-bleu-tranquille-7",
            actor=SERVICE,
            now=NOW,
        )
    assert user.role is Role.HANDLER
    async with visiting(service) as handler:
        form = await handler.get("/sign-in")
        await handler.press(form, "/sign-in", email="gestion@essai.example", password="mouton-bleu-tranquille-7")
        assert "tc_staff" in handler.http.cookies
        for path in ("/r", "/r/decline", "/r/join", "/r/receipt"):
            assert (await handler.get(path)).title == "Ouvrez de nouveau votre lien"
        asked = await handler.enter(await link_to(service, appointment), birth=None)
        assert asked.title == "Est-ce bien vous ?", "not even a link opens without the birth date"
