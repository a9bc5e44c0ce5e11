"""A doctor's agenda: the week, dated exceptions, absences."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Doctor
from telecontrol.controls.policies import Mode
from telecontrol.controls.requests import Door
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.scheduling.agendas import add_openings, agenda_of, remove_opening
from telecontrol.scheduling.doctors import find_doctor
from telecontrol.scheduling.models import DoctorAbsence
from telecontrol.scheduling.unavailability import (
    add_absence,
    add_exception,
    away,
    check_period,
    remove_absence,
    remove_exception,
    sites_of,
)
from telecontrol.scheduling.wall_clock import on_wall_clock
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin.doctor_frame import doctor_page
from telecontrol.web.pages.admin.frame import (
    AdminDep,
    Faults,
    day_needed,
    day_typed,
    faults,
    hour_typed,
    id_in,
    ticked,
    translator_of,
    typed,
    weekday_numbers,
    weekdays,
)
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_AGENDA = paths.admin(paths.ADMIN_DOCTORS, "{doctor_id:uuid}", "agenda")
CLOSED = "closed"
_RENAMED = {"mode": "place", "site_id": "place", "starts_at": "first_on", "ends_at": "last_on"}
"""Parts of the domain's changes → fields of the forms."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A form of this page that comes back with what was typed and what is wrong with it."""

    form: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    days: Sequence[str] = ()
    errors: Faults = field(default_factory=Faults)


@pages.get(_AGENDA)
async def shown(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    return await _page(request, runtime, admin, session, doctor, Returned(), now=now)


@pages.post(_AGENDA + "/openings")
async def open_weekly(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    given = await typed(request, "place", "opens", "closes", "valid_from_on", "valid_until_on")
    days, door = await ticked(request, "weekdays"), Door()
    opens = door.let(hour_typed, given["opens"], field="opens", otherwise=None)
    closes = door.let(hour_typed, given["closes"], field="closes", otherwise=None)
    place = door.let(_place, given["place"], otherwise=None)
    first = door.let(day_typed, given["valid_from_on"], field="valid_from_on", otherwise=None)
    last = door.let(day_typed, given["valid_until_on"], field="valid_until_on", otherwise=None)
    weekly: list[int] = door.let(weekday_numbers, days, otherwise=[])
    try:
        if opens is None or closes is None or place is None or door.problems:
            raise InvalidInput.of_all(door.problems)
        await add_openings(
            session,
            doctor,
            weekdays=weekly,
            opens=opens,
            closes=closes,
            mode=place[0],
            site_id=place[1],
            valid_from_on=first,
            valid_until_on=last,
            actor=admin.actor,
            now=now,
        )
    except InvalidInput as error:
        back = Returned("opening", given, days, _errors(request, admin, error))
        return await _page(request, runtime, admin, session, doctor, back, now=now)
    return see_other(request, _back(doctor), text="L'ouverture est ajoutée.")


@pages.post(_AGENDA + "/openings/{opening_id:uuid}/remove")
async def close_weekly(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID, opening_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    await remove_opening(session, doctor, opening_id=opening_id, actor=admin.actor, now=now)
    return see_other(request, _back(doctor), text="L'ouverture est retirée. Les rendez-vous déjà pris restent.")


@pages.post(_AGENDA + "/exceptions")
async def except_a_day(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    given, door = await typed(request, "on", "opens", "closes", "place"), Door()
    on = door.let(day_needed, given["on"], field="on", otherwise=None)
    opens = door.let(hour_typed, given["opens"], field="opens", otherwise=None)
    closes = door.let(hour_typed, given["closes"], field="closes", otherwise=None)
    is_open = given["place"] != CLOSED
    place = door.let(_place, given["place"], otherwise=None) if is_open else (Mode.VIDEO, None)
    try:
        if on is None or opens is None or closes is None or place is None:
            raise InvalidInput.of_all(door.problems)
        _, hit = await add_exception(
            session,
            doctor_id=doctor.id,
            on=on,
            opens=opens,
            closes=closes,
            is_open=is_open,
            mode=place[0],
            site_id=place[1],
            actor=admin.actor,
            now=now,
        )
    except InvalidInput as error:
        back = Returned("exception", given, errors=_errors(request, admin, error))
        return await _page(request, runtime, admin, session, doctor, back, now=now)
    return _told(request, doctor, len(hit))


@pages.post(_AGENDA + "/exceptions/{exception_id:uuid}/remove")
async def as_every_week(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID, exception_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    # Pressed twice, it is gone already, as was asked.
    with contextlib.suppress(NotFound):
        await remove_exception(session, doctor_id=doctor.id, exception_id=exception_id, actor=admin.actor, now=now)
    return see_other(request, _back(doctor), text="Ce jour suit de nouveau la semaine.")


@pages.post(_AGENDA + "/absences")
async def be_away(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    given, door = await typed(request, "first_on", "last_on", "from_time", "until_time"), Door()
    first = door.let(day_needed, given["first_on"], field="first_on", otherwise=None)
    last = door.let(day_typed, given["last_on"], field="last_on", otherwise=None) or first
    since = door.let(_hour, given["from_time"], field="from_time", otherwise=None)
    until = door.let(_hour, given["until_time"], field="until_time", otherwise=None)
    try:
        if first is None or last is None or door.problems:
            raise InvalidInput.of_all(door.problems)
        if last < first:
            raise InvalidInput("the last day comes first", field="last_on", code="days_backwards")
        period = away(first, last, ZoneInfo(doctor.zone), since=since, until=until)
        check_period(period, now=now, fields=("first_on", "until_time" if given["until_time"] else "last_on"))
        _, hit = await add_absence(session, doctor_id=doctor.id, period=period, actor=admin.actor, now=now)
    except InvalidInput as error:
        back = Returned("absence", given, errors=_errors(request, admin, error))
        return await _page(request, runtime, admin, session, doctor, back, now=now)
    return _told(request, doctor, len(hit))


@pages.post(_AGENDA + "/absences/{absence_id:uuid}/remove")
async def be_there(
    request: Request, admin: AdminDep, session: SessionDep, now: NowDep, doctor_id: uuid.UUID, absence_id: uuid.UUID
) -> Response:
    doctor = await find_doctor(session, doctor_id)
    # Pressed twice, it is gone already, as was asked.
    with contextlib.suppress(NotFound):
        await remove_absence(session, doctor_id=doctor.id, absence_id=absence_id, actor=admin.actor, now=now)
    return see_other(request, _back(doctor), text="L'absence est retirée.")


def _told(request: Request, doctor: Doctor, hit: int) -> Response:
    if not hit:
        return see_other(request, _back(doctor), text="L'agenda est enregistré. Aucun rendez-vous n'est touché.")
    return see_other(
        request,
        _back(doctor),
        tone="warning",
        text="L'agenda est enregistré. Rendez-vous déjà pris dans cette période : {count}. Le bureau est prévenu, aucun n'est annulé.",
        count=hit,
    )


async def _page(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    doctor: Doctor,
    returned: Returned,
    *,
    now: datetime,
) -> Response:
    today = on_wall_clock(now, ZoneInfo(doctor.zone)).date()
    agenda = await agenda_of(session, doctor, today=today, now=now)
    works_at = await sites_of(session, doctor.id)
    return await doctor_page(
        request,
        runtime,
        admin,
        session,
        doctor,
        "staff/admin/doctor_agenda.html",
        tab="agenda",
        now=now,
        status=422 if returned.form else 200,
        weekdays=weekdays(translator_of(request, admin)),
        openings=[[row for row in agenda.openings if row.weekday == day] for day in range(7)],
        exceptions=agenda.exceptions,
        absences=[_days_away(row, ZoneInfo(doctor.zone)) for row in agenda.absences],
        sites=agenda.sites,
        places=[{"value": str(site.id), "label": site.name} for site in agenda.sites.values() if site.is_active],
        own_places=[{"value": str(id_), "label": site.name} for id_, site in agenda.sites.items() if id_ in works_at],
        returned=returned,
        today=today,
    )


def _days_away(absence: DoctorAbsence, zone: ZoneInfo) -> dict[str, Any]:
    """An absence as the page tells it: by its days where it takes whole ones, else by its hours."""
    begins, ends = on_wall_clock(absence.starts_at, zone), on_wall_clock(absence.ends_at, zone)
    is_whole = begins.time() == ends.time() == time(0)
    return {
        "id": absence.id,
        "starts_at": absence.starts_at,
        "ends_at": absence.ends_at,
        "first_on": begins.date() if is_whole else None,
        "last_on": ends.date() - timedelta(days=1) if is_whole else "",
    }


def _hour(text: str, *, field: str) -> time | None:
    """An hour that may be left out."""
    return hour_typed(text, field=field) if text.strip() else None


def _place(text: str) -> tuple[Mode, uuid.UUID | None]:
    if text == str(Mode.VIDEO):
        return Mode.VIDEO, None
    site_id = id_in(text)
    if site_id is None:
        raise InvalidInput("video, or a site", field="place", code="place_missing")
    return Mode.SURGERY, site_id


def _errors(request: Request, admin: Staff, error: InvalidInput) -> Faults:
    if error.code == "too_long":
        error = InvalidInput(error.message, field=error.field, code="period_too_long")
    found = faults(request, admin, error)
    return Faults({_RENAMED.get(name, name): said for name, said in found.items()})


def _back(doctor: Doctor) -> str:
    return paths.admin(paths.ADMIN_DOCTORS, str(doctor.id), "agenda")
