"""What a booking must satisfy before it is written: mode, hour, notice, doctor, place, opening.

Every refusal says which condition failed, by a stable code.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control, Doctor, DoctorApproval
from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.reasons import reason as checked_reason
from telecontrol.db.integrity import as_domain_error
from telecontrol.errors import InvalidInput, NotFound, NoticeImpossible, SlotTaken
from telecontrol.scheduling import deadlines
from telecontrol.scheduling.calendar import KNOWN_YEARS
from telecontrol.scheduling.free import free_room, is_offered
from telecontrol.scheduling.models import Appointment, Site
from telecontrol.scheduling.wall_clock import happens_twice


@dataclass(frozen=True, slots=True)
class Waiver:
    """The insured gave up the two days' notice; a named handler records it, with what was said."""

    by: uuid.UUID
    reason: str


def checked_mode(control: Control, rules: Rules, mode: Mode | None) -> Mode:
    if mode is None:
        mode = Mode.SURGERY if control.needs_in_person else rules.default_mode
    if mode not in rules.modes:
        raise InvalidInput(f"this procedure does not allow {mode}", field="mode", code="mode_not_allowed")
    if control.needs_in_person and mode in (Mode.VIDEO, Mode.PHONE):
        raise InvalidInput("this control needs an in-person appointment", field="mode", code="in_person_needed")
    if mode not in (Mode.VIDEO, Mode.SURGERY):
        raise InvalidInput(
            f"{mode} appointments are not booked through the agenda", field="mode", code="mode_not_allowed"
        )
    return mode


def check_known_year(instant: datetime, *, field: str) -> None:
    """Refuse an instant so far away that the public holidays around it are not known."""
    # The outermost years are left out: their edges lie in an unknown year on somebody's clock.
    if instant.year not in KNOWN_YEARS[1:-1]:
        raise InvalidInput(f"{instant.year} is too far away", field=field, code="unknown_year")


def check_local_time(starts_at: datetime, zone: ZoneInfo) -> None:
    """Refuse an hour that exists twice on the insured's clock: no text could name it (`DOMAIN.md` §3, traps)."""
    check_known_year(starts_at, field="starts_at")
    if happens_twice(starts_at, zone):
        raise InvalidInput(
            "that hour exists twice on the insured's clock", field="starts_at", code="ambiguous_local_time"
        )


def check_notice(starts_at: datetime, zone: ZoneInfo, *, now: datetime, hold: timedelta, waiver: Waiver | None) -> None:
    if starts_at <= now:
        raise InvalidInput("that hour is past", field="starts_at", code="in_the_past")
    if waiver is not None:
        checked_reason(waiver.reason, field="waiver_reason")
        return
    if not deadlines.can_be_convoked(now, starts_at, zone, hold=hold):
        first = deadlines.first_bookable_start(now, zone, hold=hold)
        raise NoticeImpossible("too late to convoke at least two days ahead", first_possible=first.isoformat())


async def locked_doctor(
    session: AsyncSession, control: Control, doctor_id: uuid.UUID, *, starts_at: datetime
) -> Doctor:
    """The doctor's row, locked so that rivals queue; refused when not approved that day, or when prescriber or treating."""
    doctor = await session.scalar(select(Doctor).where(Doctor.id == doctor_id).with_for_update())
    if doctor is None or not doctor.is_active:
        raise NotFound("no such doctor", code="no_such_doctor")
    if doctor.rpps in (control.prescriber_rpps, control.treating_rpps):
        raise InvalidInput(
            "the prescriber or treating doctor never examines", field="doctor_id", code="doctor_not_neutral"
        )
    day = starts_at.astimezone(ZoneInfo(doctor.zone)).date()
    approval = await session.scalar(
        select(DoctorApproval.id)
        .where(
            DoctorApproval.doctor_id == doctor_id,
            DoctorApproval.procedure == control.procedure,
            DoctorApproval.valid_from_on <= day,
            (DoctorApproval.valid_until_on.is_(None)) | (DoctorApproval.valid_until_on >= day),
        )
        .limit(1)
    )
    if approval is None:
        raise InvalidInput(
            "this doctor is not approved for that procedure on that day", field="doctor_id", code="doctor_not_approved"
        )
    return doctor


async def checked_place(
    session: AsyncSession,
    mode: Mode,
    site_id: uuid.UUID | None,
    *,
    starts_at: datetime,
    rules: Rules,
    moving: Appointment | None = None,
) -> tuple[Site | None, uuid.UUID | None]:
    if mode is not Mode.SURGERY:
        return None, None
    site = None if site_id is None else await session.get(Site, site_id)
    if site is None or not site.is_active:
        raise InvalidInput("choose a site", field="site_id", code="site_missing")
    busy_until = starts_at + rules.length_of(mode) + rules.buffer
    room_id = await free_room(
        session, site.id, starts_at=starts_at, busy_until=busy_until, ignoring=moving.id if moving else None
    )
    if room_id is None:
        raise SlotTaken("no consulting room is free at that hour", code="room_taken")
    return site, room_id


async def check_offered(
    session: AsyncSession,
    control: Control,
    rules: Rules,
    doctor: Doctor,
    *,
    starts_at: datetime,
    mode: Mode,
    site: Site | None,
    moving: Appointment | None = None,
) -> None:
    offered = await is_offered(
        session,
        control=control,
        rules=rules,
        doctor_id=doctor.id,
        starts_at=starts_at,
        mode=mode,
        site_id=site.id if site else None,
        ignoring=moving.id if moving else None,
    )
    if not offered:
        raise SlotTaken("that slot is not free")


def times_of(rules: Rules, mode: Mode, starts_at: datetime, zone: ZoneInfo) -> dict[str, datetime]:
    ends_at = starts_at + rules.length_of(mode)
    return {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "busy_until": ends_at + rules.buffer,
        "hard_limit_at": deadlines.invitation_hard_limit(starts_at, zone),
    }


def waived(waiver: Waiver | None, now: datetime) -> dict[str, Any]:
    if waiver is None:
        return {"waiver_by": None, "waiver_at": None, "waiver_reason": ""}
    return {
        "waiver_by": waiver.by,
        "waiver_at": now,
        "waiver_reason": checked_reason(waiver.reason, field="waiver_reason"),
    }


async def flush_or_refuse(session: AsyncSession) -> None:
    """Let the database's own guard speak now, in the domain's words."""
    try:
        await session.flush()
    except IntegrityError as error:
        raise as_domain_error(error) from error
