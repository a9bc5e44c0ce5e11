"""The doctor's agenda: a week by day, and what the doctor may change of it; whom a change hits is told before it is made."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.controls.cells import believable
from telecontrol.controls.models import Doctor
from telecontrol.controls.policies import Mode
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.scheduling import unavailability
from telecontrol.scheduling.agenda_week import AgendaDay, Week, week_of
from telecontrol.scheduling.models import AgendaException, Appointment, DoctorAbsence
from telecontrol.scheduling.unavailability import Period
from telecontrol.scheduling.wall_clock import on_wall_clock
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, SessionDep
from telecontrol.web.pages.doctor.frame import counts_of, doctor_page, person_of, told
from telecontrol.web.pages.doctor.refusals import said_of
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import DoctorDep, Staff

pages = APIRouter()

Typed = Annotated[str, Form(max_length=40)]


@pages.get(paths.DOCTOR_AGENDA)
async def show(request: Request, staff: DoctorDep, session: ReadingDep, now: NowDep, week: str = "") -> Response:
    return await _show(request, staff, session, now=now, on=_day(week) if week else None)


@pages.post(paths.doctor_agenda("absences"))
async def add_absence(
    request: Request,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    first_on: Typed = "",
    last_on: Typed = "",
    from_time: Typed = "",
    until_time: Typed = "",
    confirm: Typed = "",
) -> Response:
    """Away, whole days or some hours of one day. Asked first, told whom it hits, then done with `confirm`."""
    doctor = await _doctor(session, staff)
    typed = {"first_on": first_on, "last_on": last_on, "from_time": from_time, "until_time": until_time}
    try:
        period = _period(doctor, **typed)
        if not confirm:
            unavailability.check_period(period, now=now)
            hit = await unavailability.hit_by(session, doctor.id, period, now=now)
            return await _ask(request, staff, session, doctor, "absence", period, hit, typed, now=now)
        _, hit = await unavailability.add_absence(
            session, doctor_id=doctor.id, period=period, actor=staff.actor, now=now
        )
    except InvalidInput as error:
        return await _show(request, staff, session, now=now, status=422, error=error, typed={"absence": typed})
    if hit:
        return see_other(
            request,
            _week_of(doctor, period.starts_at),
            text="Votre absence est enregistrée. La gestion est prévenue des rendez-vous touchés.",
        )
    return see_other(request, _week_of(doctor, period.starts_at), text="Votre absence est enregistrée.")


@pages.post(paths.doctor_agenda("absences/{absence_id}/remove"))
async def remove_absence(
    request: Request, staff: DoctorDep, session: SessionDep, now: NowDep, absence_id: uuid.UUID
) -> Response:
    doctor = await _doctor(session, staff)
    await unavailability.remove_absence(session, doctor_id=doctor.id, absence_id=absence_id, actor=staff.actor, now=now)
    return see_other(
        request, paths.DOCTOR_AGENDA, text="L'absence est supprimée. Ces heures sont de nouveau proposées."
    )


@pages.post(paths.doctor_agenda("exceptions"))
async def add_exception(
    request: Request,
    staff: DoctorDep,
    session: SessionDep,
    now: NowDep,
    on: Typed = "",
    opens: Typed = "",
    closes: Typed = "",
    kind: Typed = "",
    confirm: Typed = "",
) -> Response:
    """One day against the weekly pattern: `kind` is `closed`, `video`, or the site where it is open."""
    doctor = await _doctor(session, staff)
    typed = {"on": on, "opens": opens, "closes": closes, "kind": kind}
    try:
        wanted = _exception(**typed)
        if not wanted["is_open"] and not confirm:
            period = unavailability.hours_of(wanted["on"], wanted["opens"], wanted["closes"], ZoneInfo(doctor.zone))
            unavailability.check_period(period, now=now, fields=("on", "closes"))
            hit = await unavailability.hit_by(session, doctor.id, period, now=now)
            if hit:
                return await _ask(request, staff, session, doctor, "exception", period, hit, typed, now=now)
        await unavailability.add_exception(session, doctor_id=doctor.id, actor=staff.actor, now=now, **wanted)
    except InvalidInput as error:
        return await _show(request, staff, session, now=now, status=422, error=error, typed={"exception": typed})
    return see_other(request, _week(wanted["on"]), text="L'exception est enregistrée.")


@pages.post(paths.doctor_agenda("exceptions/{exception_id}/remove"))
async def remove_exception(
    request: Request, staff: DoctorDep, session: SessionDep, now: NowDep, exception_id: uuid.UUID
) -> Response:
    doctor = await _doctor(session, staff)
    await unavailability.remove_exception(
        session, doctor_id=doctor.id, exception_id=exception_id, actor=staff.actor, now=now
    )
    return see_other(request, paths.DOCTOR_AGENDA, text="L'exception est supprimée : la semaine type s'applique.")


async def _show(
    request: Request,
    staff: Staff,
    session: AsyncSession,
    *,
    now: datetime,
    on: date | None = None,
    status: int = 200,
    error: InvalidInput | None = None,
    typed: dict[str, dict[str, str]] | None = None,
) -> Response:
    week = await week_of(session, staff.viewer, now=now, on=on)
    today = on_wall_clock(now, ZoneInfo(week.doctor.zone)).date()
    monday = week.days[0].on
    known = typed or {}
    return doctor_page(
        request,
        "agenda.html",
        staff,
        now=now,
        status=status,
        place="agenda",
        counts=await counts_of(session, staff.viewer, now=now),
        zone=week.doctor.zone,
        first_on=monday,
        last_on=week.days[-1].on,
        today=today,
        previous_href=_week(monday - timedelta(days=7)),
        next_href=_week(monday + timedelta(days=7)),
        this_href=None if monday <= today <= week.days[-1].on else paths.DOCTOR_AGENDA,
        days=[_day_row(day, week) for day in week.days],
        absences=[_absence_row(each) for each in week.absences],
        exceptions=[_exception_row(each, week) for each in week.exceptions],
        sites=[{"value": str(site.id), "label": site.name} for site in week.sites.values()],
        absence_form=known.get("absence", {"first_on": "", "last_on": "", "from_time": "", "until_time": ""}),
        exception_form=known.get("exception", {"on": "", "opens": "", "closes": "", "kind": "closed"}),
        actions={"absence": paths.doctor_agenda("absences"), "exception": paths.doctor_agenda("exceptions")},
        error_form="" if not known else next(iter(known)),
        error_field="" if error is None else error.field or "",
        error=told(request, staff, "" if error is None else said_of(error)),
    )


async def _ask(
    request: Request,
    staff: Staff,
    session: AsyncSession,
    doctor: Doctor,
    form: str,
    period: Period,
    hit: list[Appointment],
    typed: dict[str, str],
    *,
    now: datetime,
) -> Response:
    """Whom the change hits, before it is made."""
    return doctor_page(
        request,
        "agenda_confirm.html",
        staff,
        now=now,
        place="agenda",
        counts=await counts_of(session, staff.viewer, now=now),
        action=paths.doctor_agenda("absences" if form == "absence" else "exceptions"),
        back_href=_week_of(doctor, period.starts_at),
        form=form,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        zone=doctor.zone,
        fields=typed,
        hit=[
            {
                "person": person_of(appointment.control.insured),
                "reference": appointment.control.reference,
                "starts_at": appointment.starts_at,
                "mode": str(appointment.mode),
            }
            for appointment in hit
        ],
    )


async def _doctor(session: AsyncSession, staff: Staff) -> Doctor:
    staff.viewer.require(Action.CHANGE, Kind.AGENDA)
    doctor = None if staff.doctor_id is None else await session.get(Doctor, staff.doctor_id)
    if doctor is None:
        raise NotFound("no agenda for this account", code="not_a_doctor")
    return doctor


def _day_row(day: AgendaDay, week: Week) -> dict[str, Any]:
    return {
        "on": day.on,
        "begins_at": day.begins_at,
        "ends_at": day.ends_at,
        "holidays": [str(holiday) for holiday in day.holidays],
        "is_closed_by_holiday": day.is_closed_by_holiday,
        "openings": [
            {
                "starts_at": opening.starts_at,
                "ends_at": opening.ends_at,
                "places": [{"mode": str(mode), "site": site} for mode, site in opening.places],
            }
            for opening in day.openings
        ],
        "appointments": [
            {
                "href": paths.room(str(appointment.id)),
                "person": person_of(appointment.control.insured),
                "reference": appointment.control.reference,
                "starts_at": appointment.starts_at,
                "ends_at": appointment.ends_at,
                "mode": str(appointment.mode),
                "state": str(appointment.state),
                "site": appointment.site.name if appointment.site else "",
            }
            for appointment in day.appointments
        ],
        "absences": [
            {
                "starts_at": max(each.starts_at, day.begins_at),
                "ends_at": min(each.ends_at, day.ends_at),
                "is_whole_day": each.starts_at <= day.begins_at and each.ends_at >= day.ends_at,
            }
            for each in day.absences
        ],
        "exceptions": [_exception_row(each, week) for each in day.exceptions],
    }


def _absence_row(absence: DoctorAbsence) -> dict[str, Any]:
    return {
        "starts_at": absence.starts_at,
        "ends_at": absence.ends_at,
        "remove": paths.doctor_agenda(f"absences/{absence.id}/remove"),
    }


def _exception_row(exception: AgendaException, week: Week) -> dict[str, Any]:
    zone = ZoneInfo(week.doctor.zone)
    period = unavailability.hours_of(exception.on, exception.opens, exception.closes, zone)
    site = week.sites.get(exception.site_id) if exception.site_id else None
    return {
        "on": exception.on,
        "starts_at": period.starts_at,
        "ends_at": period.ends_at,
        "is_open": exception.is_open,
        "mode": str(exception.mode),
        "site": site.name if site else "",
        "remove": paths.doctor_agenda(f"exceptions/{exception.id}/remove"),
    }


def _period(doctor: Doctor, *, first_on: str, last_on: str, from_time: str, until_time: str) -> Period:
    first = _day(first_on, field="first_on")
    last = _day(last_on, field="last_on") if last_on else first
    since = _time(from_time, field="from_time") if from_time else None
    until = _time(until_time, field="until_time") if until_time else None
    return unavailability.away(first, last, ZoneInfo(doctor.zone), since=since, until=until)


def _exception(*, on: str, opens: str, closes: str, kind: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "on": _day(on, field="on"),
        "opens": _time(opens, field="opens"),
        "closes": _time(closes, field="closes"),
        "is_open": kind != "closed",
        "mode": Mode.VIDEO,
        "site_id": None,
    }
    if kind not in ("closed", "video"):
        try:
            wanted |= {"mode": Mode.SURGERY, "site_id": uuid.UUID(kind)}
        except ValueError:
            raise InvalidInput("closed, video or a site", field="kind", code="kind_missing") from None
    return wanted


def _day(text: str, *, field: str = "week") -> date:
    try:
        return believable(date.fromisoformat(text), field=field)
    except (ValueError, InvalidInput):
        if field == "week":
            raise NotFound("no such week", code="no_such_week") from None
        raise InvalidInput("not a day", field=field, code="day_missing") from None


def _time(text: str, *, field: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise InvalidInput("not a time of day", field=field, code="hour_missing") from None
    if found.tzinfo is not None or found.second or found.microsecond:
        raise InvalidInput("whole minutes", field=field, code="hour_missing")
    return found


def _week_of(doctor: Doctor, instant: datetime) -> str:
    return _week(on_wall_clock(instant, ZoneInfo(doctor.zone)).date())


def _week(on: date) -> str:
    return f"{paths.DOCTOR_AGENDA}?week={on.isoformat()}"
