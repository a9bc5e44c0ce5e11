"""Booking and moving from the desk: the best slots first, a notice that can still be kept, a waiver where it cannot."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.queries import find_control
from telecontrol.controls.states import AWAITS_BOOKING
from telecontrol.errors import InvalidInput, NoticeImpossible, SlotTaken, WrongState
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.booking import book, move
from telecontrol.scheduling.conditions import Waiver
from telecontrol.scheduling.deadlines import first_bookable_start
from telecontrol.scheduling.dossier import load_control, load_dossier
from telecontrol.scheduling.free import Offer, all_offers
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.sites import near_sites
from telecontrol.web import dates, paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.rendering import language_of, see_other, templates_of
from telecontrol.web.staff_door import HandlerDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter()
_DAYS = 5
"""Days with something free that one page shows."""
_PER_DAY = 16


@pages.get(paths.control("{control_id}", "book"))
@pages.get(paths.control("{control_id}", "move"))
async def choose(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: ReadingDep,
    now: NowDep,
    control_id: uuid.UUID,
    mode: Annotated[Mode | None, Query()] = None,
    since: Annotated[date | None, Query()] = None,
    waive: Annotated[bool, Query()] = False,
    site: Annotated[uuid.UUID | None, Query()] = None,
) -> Response:
    moving = request.url.path.endswith("/move")
    return await _page(
        request,
        runtime,
        session,
        staff,
        control_id,
        now=now,
        mode=mode,
        since=since,
        moving=moving,
        waive=waive,
        site_id=site,
    )


@pages.post(paths.control("{control_id}", "book"))
@pages.post(paths.control("{control_id}", "move"))
async def chosen(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    slot: Annotated[str, Form(max_length=200)] = "",
    mode: Annotated[Mode | None, Form()] = None,
    waiver_reason: Annotated[str, Form(max_length=300)] = "",
    waive: Annotated[bool, Form()] = False,
) -> Response:
    moving = request.url.path.endswith("/move")
    await find_control(session, staff.viewer, control_id)
    waiver = Waiver(staff.user.id, waiver_reason) if waive else None
    try:
        starts_at, doctor_id, site_id = _read(slot)
        async with session.begin_nested():
            await _act(
                session,
                runtime,
                staff,
                control_id,
                moving=moving,
                starts_at=starts_at,
                doctor_id=doctor_id,
                site_id=site_id,
                mode=mode,
                waiver=waiver,
                now=now,
            )
    except (SlotTaken, NoticeImpossible, InvalidInput) as error:
        return await _page(
            request,
            runtime,
            session,
            staff,
            control_id,
            now=now,
            mode=mode,
            moving=moving,
            waive=waive,
            status=422 if isinstance(error, InvalidInput) else 409,
            error=error.code,
            waiver_reason=waiver_reason,
        )
    text = (
        "Rendez-vous déplacé. Le changement part sur chaque moyen de contact."
        if moving
        else (
            "Rendez-vous réservé. La convocation part dans deux minutes : jusque-là, annuler ne laisse aucune trace chez l'assuré."
        )
    )
    return see_other(request, paths.control(str(control_id)), text=text)


async def _act(
    session: AsyncSession,
    runtime: Runtime,
    staff: Staff,
    control_id: uuid.UUID,
    *,
    moving: bool,
    starts_at: datetime,
    doctor_id: uuid.UUID,
    site_id: uuid.UUID | None,
    mode: Mode | None,
    waiver: Waiver | None,
    now: datetime,
) -> None:
    if not moving:
        control = await load_control(session, control_id, lock=True)
        dossier = await current_dossier(session, control)
        if dossier is not None and control.state not in AWAITS_BOOKING:
            known = dossier.appointment
            if (known.starts_at, known.doctor_id, known.state) == (starts_at, doctor_id, AppointmentState.BOOKED):
                return  # the same form, sent twice
        await book(
            session,
            control_id=control_id,
            doctor_id=doctor_id,
            starts_at=starts_at,
            mode=mode,
            site_id=site_id,
            operator=runtime.operator,
            actor=staff.actor,
            now=now,
            waiver=waiver,
        )
        return
    control = await load_control(session, control_id, lock=True)
    dossier = await current_dossier(session, control)
    if dossier is None:
        raise WrongState("there is no appointment to move")
    await move(
        session,
        dossier=await load_dossier(session, dossier.appointment.id, lock=True),
        starts_at=starts_at,
        doctor_id=doctor_id,
        site_id=site_id,
        operator=runtime.operator,
        actor=staff.actor,
        now=now,
        waiver=waiver,
    )


async def _page(
    request: Request,
    runtime: Runtime,
    session: AsyncSession,
    staff: Staff,
    control_id: uuid.UUID,
    *,
    now: datetime,
    mode: Mode | None,
    moving: bool,
    waive: bool,
    since: date | None = None,
    site_id: uuid.UUID | None = None,
    status: int = 200,
    error: str = "",
    waiver_reason: str = "",
) -> Response:
    await find_control(session, staff.viewer, control_id)
    control = await load_control(session, control_id)
    rules = Rules.from_json(control.policy.rules)
    dossier = await current_dossier(session, control)
    if moving and dossier is not None:
        mode = dossier.appointment.mode
    allowed = [each for each in rules.modes if each in (Mode.VIDEO, Mode.SURGERY)]
    if control.needs_in_person:
        allowed = [each for each in allowed if each is Mode.SURGERY]
    mode = mode if mode in allowed else (rules.default_mode if rules.default_mode in allowed else allowed[0])
    zone = ZoneInfo(control.insured.zone)
    first = first_bookable_start(now, zone, hold=None)
    begin = now + timedelta(minutes=30) if waive else first
    if since is not None:
        begin = max(begin, datetime.combine(since, datetime.min.time(), tzinfo=zone).astimezone(UTC))
    sites = await near_sites(session, control.insured) if mode is Mode.SURGERY else []
    known = [site.id for site, _ in sites]
    site_id = site_id if site_id in known else next(iter(known), None)
    search = Search(
        control,
        rules,
        mode,
        begin,
        begin + timedelta(days=28),
        site_ids=(site_id,) if site_id else (),
        ignoring=dossier.appointment.id if moving and dossier else None,
    )
    offers = await all_offers(session, search, limit=600) if mode is Mode.VIDEO or sites else []
    names = {site.id: site.name for site, _ in sites}
    language = language_of(request, preferred=staff.user.language)
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/book.html",
        place="desk",
        now=now,
        status=status,
        control=control,
        moving=moving,
        appointment=dossier.appointment if dossier else None,
        mode=str(mode),
        modes=[str(each) for each in allowed],
        zone=control.insured.zone,
        first_at=first,
        days=_days(offers, zone=control.insured.zone, names=names),
        since=since,
        next_since=_after(offers, zone),
        leave_ends_on=control.leave_ends_on,
        waive=waive,
        waiver_reason=waiver_reason,
        error=error,
        sites=[{"site": site, "near": near.name.lower(), "is_current": site.id == site_id} for site, near in sites],
        site_id=str(site_id or ""),
        first_in_words=dates.moment(first, templates_of(request).translators[language], zone=control.insured.zone),
    )


def _days(offers: Iterable[Offer], *, zone: str, names: dict[uuid.UUID, str]) -> list[dict[str, Any]]:
    """Slots by day of the insured: one choice per hour and place, by the least busy doctor."""
    days: defaultdict[date, dict[tuple[datetime, uuid.UUID | None], dict[str, Any]]] = defaultdict(dict)
    for offer in _round_hours(offers, zone=zone):
        day = dates.local_day(offer.starts_at, zone)
        if day not in days and len(days) == _DAYS:
            break
        key = (offer.starts_at, offer.site_id)
        if key in days[day] or len(days[day]) >= _PER_DAY:
            continue
        place = f" · {names[offer.site_id]}" if offer.site_id in names else ""
        days[day][key] = {
            "value": f"{offer.starts_at.isoformat()}|{offer.doctor_id}|{offer.site_id or ''}",
            "starts_at": offer.starts_at,
            "zone": zone,
            "note": f"{offer.doctor_name}{place}",
        }
    return [{"day": day, "hours": list(hours.values())} for day, hours in days.items()]


def _round_hours(offers: Iterable[Offer], *, zone: str) -> list[Offer]:
    """Of days with many slots, those on the hour and the half hour: people remember them, and a page can show the day."""
    by_day: defaultdict[date, list[Offer]] = defaultdict(list)
    for offer in offers:
        by_day[dates.local_day(offer.starts_at, zone)].append(offer)
    shown = []
    for found in by_day.values():
        round_ones = [offer for offer in found if offer.starts_at.minute % 30 == 0]
        shown += round_ones if len({offer.starts_at for offer in round_ones}) >= 4 else found
    return shown


def _after(offers: list[Offer], zone: ZoneInfo) -> date | None:
    """The day after the last one shown, where more is free."""
    seen: list[date] = []
    for offer in offers:
        day = offer.starts_at.astimezone(zone).date()
        if day not in seen:
            if len(seen) == _DAYS:
                return day
            seen.append(day)
    return None


def _read(slot: str) -> tuple[datetime, uuid.UUID, uuid.UUID | None]:
    try:
        at, doctor, site = slot.split("|")
        return datetime.fromisoformat(at), uuid.UUID(doctor), uuid.UUID(site) if site else None
    except ValueError:
        raise InvalidInput("choose a slot", field="slot", code="slot_missing") from None
