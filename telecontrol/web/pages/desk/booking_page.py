"""The page that a slot is chosen on: a few open days at a time, one after the other as far as anybody looks."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode, Rules
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.deadlines import first_bookable_start
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.free import Offer
from telecontrol.scheduling.open_days import OpenDay, open_days, open_days_before, start_of, suitable_doctors
from telecontrol.scheduling.sites import near_sites
from telecontrol.web import dates, paths
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.rendering import language_of, templates_of
from telecontrol.web.staff_door import Staff
from telecontrol.worker import Runtime

_DAYS = 5
"""Days with something free that one page shows."""
_HORIZON = timedelta(days=28)
_FURTHEST = timedelta(days=366)
"""As far ahead as somebody may look: leaves end sooner, and agendas are not kept for longer (choice)."""
_FEW = 4
"""A day with fewer round hours than this shows every hour at once."""
BOOKABLE = (Mode.VIDEO, Mode.SURGERY)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address says. `since`, `before`, `doctor` and `site` are as typed: what cannot be read asks for nothing."""

    moving: bool
    mode: Mode | None = None
    since: str = ""
    before: str = ""
    """The last days before this one, instead of the first ones `since`."""
    doctor: str = ""
    site: str = ""
    waive: bool = False

    def href(self, control_id: uuid.UUID, **other: Any) -> str:
        """The address of the same page with `other` values; a new mode or day leaves the former days aside."""
        values = asdict(replace(self, **{"since": "", "before": "", **other}))
        moving = values.pop("moving")
        query = {name: "true" if value is True else str(value) for name, value in values.items() if value}
        here = paths.control(str(control_id), "move" if moving else "book")
        return f"{here}?{urlencode(query)}" if query else here


async def booking_page(
    request: Request,
    runtime: Runtime,
    session: AsyncSession,
    staff: Staff,
    control: Control,
    dossier: Dossier | None,
    asked: Asked,
    *,
    now: datetime,
    status: int = 200,
    error: str = "",
    chosen: str = "",
    waiver_reason: str = "",
) -> Response:
    """Render it; after a refusal with its code in `error`, and what was `chosen` and typed."""
    rules = Rules.from_json(control.policy.rules)
    moved = dossier.appointment if asked.moving and dossier else None
    allowed = _allowed(control, rules)
    asked = replace(asked, mode=_mode(rules, allowed, moved.mode if moved else asked.mode))
    zone = ZoneInfo(control.insured.zone)
    first = first_bookable_start(now, zone, hold=None)
    sites = await near_sites(session, control.insured) if asked.mode is Mode.SURGERY else []
    doctors = await suitable_doctors(session, control)
    asked = replace(
        asked,
        site=_known(
            asked.site or str(moved.site_id if moved else ""),
            [site.id for site, _ in sites],
            otherwise=sites[0][0].id if sites else None,
        ),
        doctor=_known(asked.doctor, [doctor_id for doctor_id, _ in doctors]),
    )
    earliest = now + timedelta(minutes=30) if asked.waive else first
    first_on, last_on = earliest.astimezone(zone).date(), now.astimezone(zone).date() + _FURTHEST
    since, is_too_far = _day(asked.since, first_on=first_on, last_on=last_on)
    before, _ = _day(asked.before, first_on=first_on, last_on=last_on)
    search = Search(
        control,
        rules,
        asked.mode or rules.default_mode,
        earliest,
        earliest + _HORIZON,
        doctor_id=uuid.UUID(asked.doctor) if asked.doctor else None,
        site_ids=(uuid.UUID(asked.site),) if asked.site else (),
        ignoring=moved.id if moved else None,
    )
    days: list[OpenDay] = []
    if asked.mode is Mode.VIDEO or sites:
        days = await _found(session, search, since=since, before=before)
    begins_on = since or first_on
    translator = templates_of(request).translators[language_of(request, preferred=staff.user.language)]
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
        moving=asked.moving,
        asked=asked,
        mode=str(asked.mode or ""),
        modes=[{"mode": str(each), "href": asked.href(control.id, mode=each, site="")} for each in allowed],
        has_home_visits=Mode.HOME in rules.modes,
        zone=control.insured.zone,
        first_in_words=dates.moment(first, translator, zone=control.insured.zone),
        days=_shown(days, control),
        chosen=chosen,
        begins_on=begins_on,
        first_on=first_on,
        last_on=last_on,
        is_too_far=is_too_far,
        doctors=[{"value": str(doctor_id), "label": name} for doctor_id, name in doctors],
        sites=[
            {
                "site": site,
                "near": near.name.lower(),
                "href": asked.href(control.id, site=site.id),
                "is_current": str(site.id) == asked.site,
            }
            for site, near in sites
        ],
        ways=_ways(asked, control, days, begins_on=begins_on, first_on=first_on, last_on=last_on),
        waiver_reason=waiver_reason,
        error=error,
    )


def _allowed(control: Control, rules: Rules) -> list[Mode]:
    modes = [each for each in rules.modes if each in BOOKABLE]
    return [each for each in modes if each is Mode.SURGERY] if control.needs_in_person else modes


def _mode(rules: Rules, allowed: Sequence[Mode], asked: Mode | None) -> Mode | None:
    """What was asked where it may be booked, else the policy's first choice; None where nothing may be booked here."""
    wanted = [asked, rules.default_mode, *allowed]
    return next((mode for mode in wanted if mode in allowed), None)


def _known(text: str, ids: Sequence[uuid.UUID], *, otherwise: uuid.UUID | None = None) -> str:
    return text if text in {str(each) for each in ids} else str(otherwise or "")


def _day(text: str, *, first_on: date, last_on: date) -> tuple[date | None, bool]:
    """The day that was typed, and whether it is too far away to be looked at; none where it cannot be read, or where
    nothing before `first_on` is bookable anyway."""
    try:
        on = date.fromisoformat(text.strip())
    except ValueError:
        return None, False
    if on > last_on:
        return None, True
    return (on, False) if on > first_on else (None, False)


async def _found(session: AsyncSession, search: Search, *, since: date | None, before: date | None) -> list[OpenDay]:
    if before is not None:
        found = await open_days_before(session, search, before, count=_DAYS)
        if found:
            return found
    elif since is not None:
        begins = max(search.first_at, start_of(since, search.control))
        return await open_days(session, replace(search, first_at=begins, last_at=begins + _HORIZON), count=_DAYS)
    return await open_days(session, search, count=_DAYS)


def _ways(
    asked: Asked, control: Control, days: Sequence[OpenDay], *, begins_on: date, first_on: date, last_on: date
) -> dict[str, str]:
    """Where one goes from here: later, earlier, back to the nearest, with or without the notice. Empty where there is none."""
    later = days[-1].on + timedelta(days=1) if days else begins_on + _HORIZON
    earlier = days[0].on if days else begins_on
    return {
        "later": asked.href(control.id, since=later) if later <= last_on else "",
        "earlier": asked.href(control.id, before=earlier) if earlier > first_on else "",
        "nearest": asked.href(control.id) if asked.since or asked.before else "",
        "waiver": asked.href(control.id, waive=not asked.waive),
    }


def _shown(days: Sequence[OpenDay], control: Control) -> list[dict[str, Any]]:
    """Each day's round hours at once, its others on demand: people remember the former, and none is kept from anybody."""
    shown = []
    for day in days:
        round_ones = [offer for offer in day.offers if offer.starts_at.minute % 30 == 0]
        first = round_ones if len(round_ones) >= _FEW else list(day.offers)
        shown.append(
            {
                "day": day.on,
                "hours": [_hour(offer, control) for offer in first],
                "more": [_hour(offer, control) for offer in day.offers if offer not in first],
                "is_after_leave": day.on > control.leave_ends_on,
            }
        )
    return shown


def _hour(offer: Offer, control: Control) -> dict[str, Any]:
    return {
        "value": f"{offer.starts_at.isoformat()}|{offer.doctor_id}|{offer.site_id or ''}",
        "starts_at": offer.starts_at,
        "zone": control.insured.zone,
        "note": offer.doctor_name,
    }
