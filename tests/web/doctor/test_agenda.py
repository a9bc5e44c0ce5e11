"""The agenda over HTTP: the week, and changes that say whom they hit before they are made."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from telecontrol.scheduling.models import AgendaException, Appointment, AppointmentState, DoctorAbsence
from telecontrol.tasks.models import Task, TaskKind
from telecontrol.web import paths
from tests.support.doctoring import dossier_of, room
from tests.support.insured import Page, Visitor
from tests.support.service import Service

ABSENCES = paths.doctor_agenda("absences")
EXCEPTIONS = paths.doctor_agenda("exceptions")
MONDAY = {"first_on": "2026-03-09"}


async def _tasks(service: Service) -> list[Task]:
    async with service.runtime.database.reading() as session:
        found = await session.scalars(
            select(Task).where(Task.kind == TaskKind.DOCTOR_UNAVAILABLE, Task.done_at.is_(None))
        )
        return list(found)


async def _away(doctor: Visitor, **values: str) -> Page:
    return await doctor.press(await doctor.get(paths.DOCTOR_AGENDA), ABSENCES, **values)


async def test_the_week_shows_openings_and_appointments_and_leads_to_others(
    doctor: Visitor, appointment: Appointment
) -> None:
    page = await doctor.get(paths.DOCTOR_AGENDA)

    assert page.status == 200
    assert "Semaine du 9 mars 2026 au 15 mars 2026" in page.words
    assert page.links_to(room(appointment))
    assert "8 h 00 – 12 h 00" in page.words
    following = await doctor.get(f"{paths.DOCTOR_AGENDA}?week=2026-03-16")
    assert "Semaine du 16 mars 2026 au 22 mars 2026" in following.words
    assert page.links_to(f"{paths.DOCTOR_AGENDA}?week=2026-03-16")
    assert following.links_to(paths.DOCTOR_AGENDA)
    assert [(await doctor.get(f"{paths.DOCTOR_AGENDA}?week={week}")).status for week in ("soon", "2200-01-01")] == [
        404,
        404,
    ]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_a_day_that_no_calendar_of_ours_can_mean_is_asked_again(doctor: Visitor, day: str) -> None:
    answer = await _away(doctor, **{**MONDAY, "first_on": day, "last_on": day})
    assert answer.status == 422
    assert "Indiquez une date." in answer.words
    assert (await doctor.get(f"{paths.DOCTOR_AGENDA}?week={day}")).status == 404


async def test_an_absence_names_whom_it_hits_before_it_is_kept(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    asked = await _away(doctor, **MONDAY)
    assert asked.status == 200
    assert "1 rendez-vous est touché." in asked.words
    assert "Camille 1 Durand" in asked.words
    assert await _tasks(service) == []

    done = await doctor.press(asked, ABSENCES)

    assert "La gestion est prévenue" in done.words
    (task,) = await _tasks(service)
    assert task.subject_id == appointment.id
    assert (await dossier_of(service, appointment)).appointment.state is AppointmentState.BOOKED
    again = await doctor.press(asked, ABSENCES)
    assert again.status == 200
    async with service.runtime.database.reading() as session:
        assert len((await session.scalars(select(DoctorAbsence))).all()) == 1, "the same form twice is one absence"

    (remove,) = re.findall(r'action="([^"]*/remove)"', done.html)
    back = await doctor.press(done, remove)
    assert "L'absence est supprimée." in back.words
    assert await _tasks(service) == []
    assert (await doctor.post(remove, back.form(paths.SIGN_OUT) or {})).status == 404


async def test_hours_of_a_day_and_several_days(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    beside = await _away(doctor, **MONDAY, from_time="09:20", until_time="12:00")
    assert "Aucun rendez-vous n'est touché." in beside.words
    await doctor.press(beside, ABSENCES)
    days = await _away(doctor, first_on="2026-03-16", last_on="2026-03-18")
    await doctor.press(days, ABSENCES)

    async with service.runtime.database.reading() as session:
        kept = (await session.scalars(select(DoctorAbsence).order_by(DoctorAbsence.starts_at))).all()
    assert [(each.starts_at.isoformat(), each.ends_at.isoformat()) for each in kept] == [
        ("2026-03-09T08:20:00+00:00", "2026-03-09T11:00:00+00:00"),
        ("2026-03-15T23:00:00+00:00", "2026-03-18T23:00:00+00:00"),
    ]


async def test_what_cannot_be_is_said_at_its_field_and_kept(service: Service, doctor: Visitor) -> None:
    for values, said in (
        ({"first_on": ""}, "Indiquez une date."),
        ({"first_on": "2026-03-01"}, "Cette période est passée."),
        ({"first_on": "2026-03-12", "last_on": "2026-03-10"}, "La fin vient avant le début."),
        ({**MONDAY, "from_time": "9h"}, "Indiquez une heure"),
    ):
        page = await _away(doctor, **values)
        assert page.status == 422, values
        assert said in page.words
        form = page.form(ABSENCES)
        assert form is not None
        assert form["first_on"] == values["first_on"]
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(DoctorAbsence))).all() == []


async def test_a_day_against_the_week_opens_or_closes(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    page = await doctor.get(paths.DOCTOR_AGENDA)
    opened = await doctor.press(page, EXCEPTIONS, on="2026-03-14", opens="09:00", closes="11:00", kind="video")
    assert "L'exception est enregistrée." in opened.words
    assert "9 h 00 – 11 h 00" in opened.words, "the Saturday is open"

    asked = await doctor.press(page, EXCEPTIONS, on="2026-03-09", opens="09:00", closes="10:00", kind="closed")
    assert "1 rendez-vous est touché." in asked.words
    closed = await doctor.press(asked, EXCEPTIONS)
    assert "10 h 00 – 12 h 00" in closed.words
    assert len(await _tasks(service)) == 1

    refused = await doctor.press(page, EXCEPTIONS, on="2026-03-14", opens="11:00", closes="10:00", kind="video")
    unknown = await doctor.press(page, EXCEPTIONS, on="2026-03-14", opens="9:00", closes="10:00", kind="moon")
    assert (refused.status, unknown.status) == (422, 422)
    for remove in re.findall(r'action="([^"]*/exceptions/[^"]*/remove)"', closed.html):
        await doctor.press(closed, remove)
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(AgendaException))).all() == []
    assert await _tasks(service) == []
