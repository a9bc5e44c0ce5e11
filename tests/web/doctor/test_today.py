"""Today over HTTP: who waits since when, whom to see next, what is left; few queries, whatever the day."""

from __future__ import annotations

from datetime import timedelta

from telecontrol.controls.policies import Mode
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, doctor_waits, insured_arrives
from tests.support.doctoring import CountQueries, another, room
from tests.support.insured import Visitor
from tests.support.service import Service
from tests.support.world import World


async def test_an_empty_day_says_what_will_be_there(doctor: Visitor) -> None:
    page = await doctor.get(paths.DOCTOR)

    assert page.status == 200
    assert "Aucun rendez-vous aujourd'hui" in page.words
    assert "Rien à signer." in page.words
    assert "Tous les rendez-vous passés ont leur conclusion." in page.words
    assert 'data-waiting="0"' in page.html


async def test_who_waits_is_seen_first_and_counted(
    service: Service, world: World, doctor: Visitor, appointment: Appointment
) -> None:
    later = await another(service, world, 2, starts_at=START + 30 * MINUTE, mode=Mode.SURGERY)
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)

    page = await doctor.get(paths.DOCTOR)

    assert 'data-waiting="1"' in page.html
    assert "attend depuis" in page.words
    assert page.links_to(room(appointment))
    assert page.links_to(room(later))
    assert "Centre Part-Dieu" in page.words
    assert page.html.index(room(appointment)) < page.html.index(room(later))
    assert 'hx-trigger="every 10s"' in page.html


async def test_what_is_left_is_named_until_it_is_done(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await doctor_waits(service.runtime.database, appointment)
    await service.until(START + timedelta(hours=1))

    page = await doctor.get(paths.DOCTOR)

    assert "Examen impossible" in page.words
    assert "encore 46 h 15 min" in page.words or "encore 47" in page.words
    assert "Camille 1 Durand" in page.words
    assert "Tous les rendez-vous passés ont leur conclusion." not in page.words
    assert "Rien d'autre que ce qui est dans la journée ou à signer." in page.words


async def test_what_ended_today_without_a_conclusion_is_not_said_to_have_one(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START)
    await service.until(START + timedelta(hours=1))

    page = await doctor.get(paths.DOCTOR)

    assert "Terminé sans conclusion" in page.words
    assert "Tous les rendez-vous passés ont leur conclusion." not in page.words


async def test_today_is_read_in_few_queries(
    service: Service, world: World, doctor: Visitor, appointment: Appointment, count_queries: CountQueries
) -> None:
    await doctor.get(paths.DOCTOR)
    counts = []
    for number in range(2, 7):
        made = await another(service, world, number, starts_at=START + 30 * (number - 1) * MINUTE)
        await insured_arrives(service.runtime.database, made, at=START - 6 * MINUTE)
        with count_queries() as said:
            await doctor.get(paths.DOCTOR)
        counts.append(len(said))

    assert len(set(counts)) == 1, counts
    # Who signed in, the doctor behind them; the day, who waits, who came, the devices; what is to sign.
    assert counts[0] <= 9, counts
