"""A control's page: a refusal is never silent, what was decided is told with its reason, and nothing typed is medical."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Control, Insured
from telecontrol.controls.states import ControlState
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.reports.drafting import settle_over
from telecontrol.reports.models import AbsenceQualification
from telecontrol.reports.notes import save_note
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment, NoticeDecision
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.models import EventKind, Role
from telecontrol.web import paths
from tests.support.concluding import insured_arrives
from tests.support.doctoring import push
from tests.support.insured import MONDAY_NINE, Page, Visitor, book_video
from tests.support.service import Service
from tests.support.staffing import signed_in
from tests.support.world import NOW, World

MEDICAL = "Coupure chez l'opérateur, fracture de la jambe"


def page_of(world: World, part: str = "") -> str:
    return paths.control(str(world.control.id), part)


def story(page: Page) -> list[str]:
    """The lines of the story, in words."""
    told = re.sub(r"<svg.*?</svg>", " ", page.html.split('<ol class="timeline">')[1].split("</ol>")[0], flags=re.DOTALL)
    plain = html.unescape(re.sub(r"<[^>]+>", " ", told.replace("<li", "\x1e<li"))).replace("’", "'")
    return [re.sub(r"\s+", " ", line).strip() for line in plain.split("\x1e")[1:]]


async def over(service: Service, world: World) -> Appointment:
    """The appointment's hour has passed and nobody came: it is to be qualified."""
    appointment = await book_video(service, world)
    service.clock.advance_to(MONDAY_NINE + timedelta(hours=1))
    async with service.runtime.database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        dossier.appointment.notice_settled_at = NOW
        await settle_over(session, service.runtime.operator, dossier, now=service.clock.now())
    return appointment


async def test_who_was_first_is_told_to_who_comes_second(
    service: Service, world: World, other_handler: StaffUser
) -> None:
    await over(service, world)
    async with signed_in(service, world.handler) as handler, signed_in(service, other_handler) as colleague:
        mine, theirs = await handler.get(page_of(world)), await colleague.get(page_of(world))
        first = {"qualification": "technical_failure", "reason": "coupure chez l'opérateur"}
        await colleague.press(theirs, page_of(world, "qualify"), **first)
        late = {"qualification": "excused_absence", "reason": "certificat reçu"}
        page = await handler.press(mine, page_of(world, "qualify"), **late)
    assert page.status == 409
    assert "Rien n'a été enregistré" in page.words
    assert "Béatrice Deux : Absence qualifiée (Problème technique · coupure chez l'opérateur)" in page.words
    assert "Vous aviez écrit : « certificat reçu »" in page.words, "nothing typed is lost"


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("cancel", {"what": "appointment"}),
        ("cancel", {"what": "control"}),
        ("decline", {}),
        ("absence", {"decision": "excuse"}),
        ("notice", {"channel": "mail", "kind": "told_in_person", "reason": "appel du 2 mars"}),
        ("notice-counts", {"counts": "yes", "reason": "appel du 2 mars"}),
        ("contact", {"email": "neuve@example.org", "phone": ""}),
    ],
)
async def test_no_refusal_is_silent(
    service: Service, world: World, handler: Visitor, part: str, values: dict[str, str]
) -> None:
    await book_video(service, world)
    async with service.runtime.database.transaction() as session:
        (await session.scalars(select(Appointment))).one().state = "attended"  # type: ignore[assignment]
        (await session.get_one(Control, world.control.id)).state = ControlState.CLOSED
    page = await push(handler, page_of(world, part), home=paths.DESK, **values)
    assert page.status == 409
    assert page.path == page_of(world, part)
    assert "Rien n'a été enregistré" in page.words


async def test_every_fault_of_a_contact_is_told_at_once(service: Service, world: World, handler: Visitor) -> None:
    page = await handler.get(page_of(world))
    page = await handler.press(page, page_of(world, "contact"), email="camille@", phone="01 23 45 67 89")
    assert page.status == 422
    assert page.words.count("L'adresse e-mail n'est pas complète") == 2, "at the top and beside its field"
    assert page.words.count("Ce numéro ne peut pas recevoir de SMS") == 2
    assert 'value="camille@"' in page.html
    assert 'value="01 23 45 67 89"' in page.html


async def test_nothing_is_corrected_on_a_control_that_is_over(service: Service, world: World, handler: Visitor) -> None:
    assert (await handler.get(page_of(world))).form(page_of(world, "contact")) is not None
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Control, world.control.id)).state = ControlState.CANCELLED
    page = await handler.get(page_of(world))
    assert page.form(page_of(world, "contact")) is None
    assert "camille1@example.org" in page.words


async def test_no_reason_about_a_notice_is_medical(service: Service, world: World, handler: Visitor) -> None:
    await book_video(service, world)
    async with service.runtime.database.transaction() as session:
        sms = Intent.channel == "sms"
        intent = (await session.scalars(select(Intent).where(Intent.kind == "invitation", sms))).one()
        intent.state = IntentState.FAILED
    values = {"channel": "sms", "kind": "told_in_person", "reason": MEDICAL}
    await refused_as_medical(handler, world, "notice", values)
    service.clock.advance_to(MONDAY_NINE - timedelta(hours=1))
    async with signed_in(service, world.handler) as later:
        await refused_as_medical(later, world, "notice-counts", {"counts": "no", "reason": MEDICAL})
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(NoticeDecision))).all() == []


async def test_no_reason_of_a_qualification_is_medical(service: Service, world: World) -> None:
    await over(service, world)
    async with signed_in(service, world.handler) as handler:
        values = {"qualification": "technical_failure", "reason": MEDICAL}
        await refused_as_medical(handler, world, "qualify", values)
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(AbsenceQualification))).all() == []


async def refused_as_medical(handler: Visitor, world: World, part: str, values: dict[str, str]) -> None:
    page = await handler.press(await handler.get(page_of(world)), page_of(world, part), **values)
    assert page.status == 422
    assert "écrivez-le sans mot médical" in page.words
    assert MEDICAL in page.html.replace("&#39;", "'"), "what was typed comes back to be mended"


async def test_the_story_tells_what_was_decided_and_why(service: Service, world: World) -> None:
    await book_video(service, world)
    async with service.runtime.database.transaction() as session:
        for intent in await session.scalars(select(Intent).where(Intent.kind == "invitation")):
            intent.state, intent.accepted_at = IntentState.ACCEPTED, NOW
            if intent.channel == "sms":
                intent.delivery = DeliveryState.FAILED
    service.clock.advance_to(MONDAY_NINE - timedelta(hours=1))
    async with signed_in(service, world.handler) as handler:
        page = await handler.get(page_of(world))
        values = {"counts": "no", "reason": "le numéro était celui d'un voisin"}
        page = await handler.press(page, page_of(world, "notice-counts"), **values)
        assert "La convocation ne compte pas · SMS · le numéro était celui d'un voisin" in " | ".join(story(page))
        # What was said against the notice keeps it in doubt, and the last word stands.
        values = {"counts": "yes", "reason": "rappelé ce matin, au courant"}
        page = await handler.press(page, page_of(world, "notice-counts"), **values)
        assert "La convocation compte · SMS · rappelé ce matin, au courant" in " | ".join(story(page))
        assert page.form(page_of(world, "notice-counts")) is None
        page = await handler.press(page, page_of(world, "cancel"), what="appointment", reason="doctor_unavailable")
    lines = story(page)
    (cancelled,) = [line for line in lines if "Rendez-vous annulé par le service" in line]
    assert "Médecin indisponible" in cancelled
    assert lines.index(cancelled) < next(n for n, line in enumerate(lines) if "Revenu à planifier" in line)


async def test_who_came_and_left_is_named(service: Service, world: World, handler: Visitor) -> None:
    appointment = await book_video(service, world)
    room = await insured_arrives(service.runtime.database, appointment, at=MONDAY_NINE)
    async with service.runtime.database.transaction() as session:
        left_at = {Role.INSURED: MONDAY_NINE + timedelta(minutes=1), Role.DOCTOR: MONDAY_NINE + timedelta(minutes=2)}
        facts = [
            Fact(room, role, event, at) for role, at in left_at.items() for event in (EventKind.JOINED, EventKind.LEFT)
        ]
        await record_facts(session, facts)
    left = [line for line in story(await handler.get(page_of(world))) if "Départ de la visioconférence" in line]
    assert ["l'assuré" in line for line in left] == [True, False]
    assert "Alice Martin" in left[1]


async def test_the_story_is_told_in_words_and_not_that_a_doctor_keeps_notes(
    service: Service, world: World, handler: Visitor
) -> None:
    appointment = await book_video(service, world)
    async with service.runtime.database.transaction() as session:
        await save_note(
            session,
            sealer=service.runtime.operator.notes,
            appointment_id=appointment.id,
            user=world.doctor_user,
            text="douleur au genou",
            revision=0,
            now=NOW,
        )
    lines = story(await handler.get(page_of(world)))
    assert not [line for line in lines if re.search(r"\b[a-z]+\.[a-z_]+\b|[Nn]ote", line)], lines


async def test_messages_stand_in_the_order_of_their_time_and_the_zone_is_written(
    service: Service, world: World, handler: Visitor
) -> None:
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Insured, world.insured.id)).zone = "Indian/Reunion"
    await book_video(service, world)
    page = await handler.get(page_of(world))
    assert page.words.count("Toutes les heures : heure de La Réunion") == 1
    table = page.words.split("Messages du contrôle")[1]
    names = ["Au médecin : réservé", "Invitation, E-mail", "Invitation, SMS", "Rappel, E-mail", "Rappel, SMS"]
    places = [table.index(name) for name in names]
    assert places == sorted(places), names
