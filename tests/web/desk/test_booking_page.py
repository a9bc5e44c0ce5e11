"""Choosing a slot at the desk: whole days, always a way on, a day and a doctor of one's choice, and races that end in words."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from telecontrol.controls.models import Control, Doctor
from telecontrol.controls.policies import Mode
from telecontrol.controls.states import ControlState
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.support.insured import Page, Visitor
from tests.support.service import Service
from tests.support.world import World


def book_path(world: World) -> str:
    return paths.control(str(world.control.id), "book")


def days_of(page: Page) -> list[date]:
    """The local days (Paris) of the offered slots, in order."""
    found: list[date] = []
    for slot in page.choices("slot"):
        on = (datetime.fromisoformat(slot.split("|")[0]) + timedelta(hours=1)).date()
        if on not in found:
            found.append(on)
    return found


def link(page: Page, words: str) -> str:
    """The address of the link that reads `words`."""
    found = re.search(rf'<a href="([^"]+)"[^>]*>(?:(?!</a>).)*{words}', page.html, re.DOTALL)
    assert found, words
    return found[1].replace("&amp;", "&")


async def appointments(service: Service) -> list[Appointment]:
    async with service.runtime.database.reading() as session:
        return list(await session.scalars(select(Appointment)))


async def test_five_whole_days_and_a_way_on_and_back(service: Service, world: World, handler: Visitor) -> None:
    first = await handler.get(book_path(world))
    # Monday ten o'clock: the first start that keeps the notice is on Wednesday.
    assert days_of(first) == [date(2026, 3, day) for day in (4, 5, 6, 9, 10)]
    thursday = [slot for slot in first.choices("slot") if slot.startswith("2026-03-05")]
    assert len(thursday) == 2 * 23, "from 8:00 to 11:40 and from 14:00 to 17:40, every ten minutes, each hour once"
    assert "+ 30 heures" in first.words, "what is not on the hour or half past opens on demand"
    assert "Jours précédents" not in first.words

    second = await handler.get(link(first, "Jours suivants"))
    assert days_of(second) == [date(2026, 3, day) for day in (11, 12, 13, 16, 17)]
    third = await handler.get(link(second, "Jours suivants"))
    assert days_of(third)[0] == date(2026, 3, 18)
    assert days_of(await handler.get(link(third, "Jours précédents"))) == days_of(second)
    assert days_of(await handler.get(link(second, "Jours précédents"))) == days_of(first)
    assert days_of(await handler.get(link(third, "Les plus proches"))) == days_of(first)


async def test_a_day_and_a_doctor_of_ones_choice(service: Service, world: World, handler: Visitor) -> None:
    page = await handler.get(f"{book_path(world)}?since=2026-03-20&doctor={world.other_doctor.id}")
    assert days_of(page)[0] == date(2026, 3, 20)
    assert {slot.split("|")[1] for slot in page.choices("slot")} == {str(world.other_doctor.id)}
    later = parse_qs(urlsplit(link(page, "Jours suivants")).query)
    assert later["doctor"] == [str(world.other_doctor.id)], "the choice stays while one looks further"
    page = await handler.press(page, book_path(world), slot=page.choices("slot")[0])
    assert page.path == paths.control(str(world.control.id))
    assert [row.doctor_id for row in await appointments(service)] == [world.other_doctor.id]


@pytest.mark.parametrize("query", ["since=", "since=hier", "since=0001-01-01", "before=2026-03-04", "doctor=zzz"])
async def test_what_cannot_be_looked_at_shows_the_nearest_days(
    service: Service, world: World, handler: Visitor, query: str
) -> None:
    page = await handler.get(f"{book_path(world)}?{query}")
    assert page.status == 200
    assert days_of(page)[0] == date(2026, 3, 4)


async def test_a_day_too_far_away_is_said(service: Service, world: World, handler: Visitor) -> None:
    page = await handler.get(f"{book_path(world)}?since=9999-12-31")
    assert page.status == 200
    assert "Cette date est trop lointaine" in page.words
    assert days_of(page)[0] == date(2026, 3, 4)


async def test_four_weeks_without_a_slot_still_have_a_way_on(service: Service, world: World, handler: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        for doctor in await session.scalars(select(Doctor)):
            doctor.is_active = False
    page = await handler.get(book_path(world))
    assert "Aucun créneau libre dans les quatre semaines à partir du mercredi 4 mars 2026" in page.words
    assert "since=2026-04-01" in link(page, "Jours suivants")


async def test_days_after_the_end_of_the_leave_are_told(service: Service, world: World, handler: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Control, world.control.id)).leave_ends_on = date(2026, 3, 9)
    page = await handler.get(book_path(world))
    assert page.words.count("après la fin de l'arrêt") == 2, "the notice, and Tuesday the 10th"
    nearer = await handler.get(f"{book_path(world)}?since=2026-03-04")
    assert nearer.status == 200
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Control, world.control.id)).leave_ends_on = date(2026, 3, 10)
    assert "après la fin de l'arrêt" not in (await handler.get(book_path(world))).words


async def test_back_after_booking_leads_to_what_is_planned(
    service: Service, world: World, handler: Visitor, colleague: Visitor
) -> None:
    form = await handler.get(book_path(world))
    slots = form.choices("slot")
    await handler.press(form, book_path(world), slot=slots[0])
    for who, page in ((handler, form), (colleague, await colleague.get(paths.DESK))):
        again = (
            await who.press(page, book_path(world), slot=slots[5])
            if who is handler
            else await who.get(book_path(world))
        )
        assert again.status == 200
        assert again.path == paths.control(str(world.control.id))
        assert "ce contrôle est déjà planifié le mercredi 4 mars 2026" in again.words
    assert len(await appointments(service)) == 1


async def test_nothing_to_move_leads_back_to_the_control(service: Service, world: World, handler: Visitor) -> None:
    move = paths.control(str(world.control.id), "move")
    page = await handler.get(move)
    assert page.path == paths.control(str(world.control.id))
    assert "Il n'y a pas de rendez-vous à déplacer" in page.words


async def test_a_control_that_is_over_is_not_booked(service: Service, world: World, handler: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Control, world.control.id)).state = ControlState.CLOSED
    page = await handler.get(book_path(world))
    assert page.path == paths.control(str(world.control.id))
    assert "Ce contrôle n'est pas à planifier" in page.words


@pytest.mark.parametrize("slot", ["", "x", "2026-03-05T09:00:00|{doctor}|"])
async def test_a_slot_that_cannot_be_read_is_asked_for_again(
    service: Service, world: World, handler: Visitor, slot: str
) -> None:
    form = await handler.get(book_path(world))
    page = await handler.press(form, book_path(world), slot=slot.format(doctor=world.doctor.id))
    assert page.status == 422
    assert "Choisissez un créneau dans la liste" in page.words


async def test_the_reason_of_a_waiver_is_never_medical(service: Service, world: World, handler: Visitor) -> None:
    form = await handler.get(f"{book_path(world)}?waive=true")
    said = "d'accord au téléphone malgré sa fracture"
    slot = form.choices("slot")[0]
    page = await handler.press(form, book_path(world), slot=slot, waiver_reason=said)
    assert page.status == 422
    assert "écrivez-le sans mot médical" in page.words
    assert said in page.words.replace("&#39;", "'") or said in page.html.replace("&#39;", "'"), "what was typed is kept"
    assert f'value="{slot}" required checked' in page.html, "so is the slot"
    assert await appointments(service) == []


async def test_a_waived_notice_is_not_said_to_be_missed(service: Service, world: World, handler: Visitor) -> None:
    form = await handler.get(f"{book_path(world)}?waive=true")
    slot = form.choices("slot")[0]
    await handler.press(form, book_path(world), slot=slot, waiver_reason="Accord donné par téléphone")
    page = await handler.get(paths.control(str(world.control.id)))
    card = page.words.split("Convocation ")[-1]
    assert "Sans délai : l'assuré y a renoncé." in card
    assert "Manquée" not in page.words


async def test_visits_at_home_are_said_to_be_arranged_by_telephone(
    service: Service, world: World, handler: Visitor
) -> None:
    assert "domicile" not in (await handler.get(book_path(world))).words
    async with service.runtime.database.transaction() as session:
        policy = (await session.get_one(Control, world.control.id, populate_existing=True)).policy_id
        row = await session.get_one(type(world.control.policy), policy)
        row.rules = {**row.rules, "modes": [*row.rules["modes"], str(Mode.HOME)]}
    page = await handler.get(f"{book_path(world)}?mode=home")
    assert "Les visites à domicile se conviennent par téléphone avec le médecin" in page.words
    assert page.choices("slot"), "what can be booked is offered all the same"
