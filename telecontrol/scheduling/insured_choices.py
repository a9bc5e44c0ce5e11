"""The few good choices that the insured is shown: in-person slots after a refusal, other hours once (`DOMAIN.md` §5)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.policies import Mode
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.free import Offer, offers_that_keep_notice
from telecontrol.scheduling.models import Site
from telecontrol.scheduling.sites import Nearness, near_sites

TIME_TO_CHOOSE = timedelta(minutes=30)
"""What is shown still keeps its notice this much later: nobody is told *too late* for having read slowly (choice)."""
_DAYS_SHOWN = 6
_HOURS_A_DAY = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """An in-person slot with its place."""

    offer: Offer
    site: Site
    nearness: Nearness

    @property
    def key(self) -> str:
        return key_of(self.offer)


def key_of(offer: Offer) -> str:
    """An offer as a form's value: doctor, site and start, which `read_key` gives back."""
    site = offer.site_id.hex if offer.site_id else ""
    return f"{offer.doctor_id.hex}.{site}.{int(offer.starts_at.timestamp())}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a form's value names. That it is still offered is checked where it is booked."""

    doctor_id: uuid.UUID
    site_id: uuid.UUID | None
    starts_at: datetime


def read_key(value: str, *, zone: ZoneInfo) -> Chosen:
    """What `key_of` wrote; the start is given in `zone`. Raises `InvalidInput` (`no_such_choice`)."""
    parts = value.split(".")
    try:
        doctor, site, start = parts
        return Chosen(
            uuid.UUID(hex=doctor),
            uuid.UUID(hex=site) if site else None,
            datetime.fromtimestamp(int(start), tz=zone),
        )
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput("not one of the slots that were shown", field="slot", code="no_such_choice") from error


async def in_person_choices(session: AsyncSession, dossier: Dossier, *, now: datetime) -> list[Choice]:
    """The policy's number of in-person slots (three) that keep the notice, at the nearest sites, on different days first."""
    near = await near_sites(session, dossier.insured)
    if not near or Mode.SURGERY not in dossier.rules.modes:
        return []
    offers = await offers_that_keep_notice(
        session,
        control=dossier.control,
        rules=dossier.rules,
        mode=Mode.SURGERY,
        now=now + TIME_TO_CHOOSE,
        site_ids=tuple(site.id for site, _ in near),
    )
    places = {site.id: (site, rank) for site, rank in near}
    choices = [Choice(offer, *places[offer.site_id]) for offer in offers if offer.site_id in places]
    choices.sort(key=lambda choice: (choice.nearness, choice.offer.starts_at, choice.site.name))
    return _spread(choices, dossier.rules.in_person_choices, dossier.zone)


def _spread(choices: list[Choice], count: int, zone: ZoneInfo) -> list[Choice]:
    """The best `count`, no two on one day at one site while other days or sites are left; shown in the order of time."""
    taken: list[Choice] = []
    seen: set[tuple[date, uuid.UUID]] = set()
    instants: set[datetime] = set()
    for choice in choices:
        day = (choice.offer.starts_at.astimezone(zone).date(), choice.site.id)
        if day not in seen and choice.offer.starts_at not in instants:
            seen.add(day)
            instants.add(choice.offer.starts_at)
            taken.append(choice)
    for choice in choices:
        if choice.offer.starts_at not in instants:
            instants.add(choice.offer.starts_at)
            taken.append(choice)
    return sorted(taken[:count], key=lambda choice: choice.offer.starts_at)


@dataclass(frozen=True, slots=True)
class DayOfHours:
    """A local day with some of its free hours."""

    day: date
    offers: list[Offer]


async def other_hours(session: AsyncSession, dossier: Dossier, *, now: datetime) -> list[DayOfHours]:
    """Other hours for the same appointment that keep the notice: a few days, a few hours spread over each."""
    appointment = dossier.appointment
    offers = await offers_that_keep_notice(
        session,
        control=dossier.control,
        rules=dossier.rules,
        mode=appointment.mode,
        now=now + TIME_TO_CHOOSE,
        site_ids=(appointment.site_id,) if appointment.site_id else (),
        ignoring=appointment.id,
    )
    others = _one_doctor_an_hour(offers, preferred=appointment.doctor_id, without=appointment.starts_at)
    days = groupby(others, key=lambda offer: offer.starts_at.astimezone(dossier.zone).date())
    shown: list[DayOfHours] = []
    for day, of_day in days:
        if len(shown) == _DAYS_SHOWN:
            break
        shown.append(DayOfHours(day, _evenly(list(of_day), _HOURS_A_DAY)))
    return shown


def _one_doctor_an_hour(offers: Iterable[Offer], *, preferred: uuid.UUID, without: datetime) -> list[Offer]:
    """One offer an hour: the present doctor where they are free, else the first."""
    by_hour: dict[datetime, Offer] = {}
    for offer in offers:
        if offer.starts_at != without and (offer.starts_at not in by_hour or offer.doctor_id == preferred):
            by_hour[offer.starts_at] = offer
    return [by_hour[hour] for hour in sorted(by_hour)]


def _evenly(offers: list[Offer], count: int) -> list[Offer]:
    if len(offers) <= count:
        return offers
    step = (len(offers) - 1) / (count - 1)
    return [offers[round(index * step)] for index in range(count)]
