"""Between which instants an appointment's call may be entered, and its room: the same for the insured's and the doctor's page."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.config import VideoProvider
from telecontrol.controls.policies import Mode, Rules
from telecontrol.errors import WrongState
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.video.models import CallRoom
from telecontrol.video.rooms import ensure_room

OVERRUN = timedelta(minutes=30)
"""How long after the planned end somebody may still enter: a doctor runs late (choice). A running call is never cut."""

_MAY_BE_HELD = (AppointmentState.BOOKED, AppointmentState.IN_PROGRESS, AppointmentState.OVER)


def room_hours(appointment: Appointment, rules: Rules) -> tuple[datetime, datetime]:
    """(opens, closes), aware instants: the policy's minutes before the start, and `OVERRUN` after the end."""
    opens_at = appointment.starts_at - timedelta(minutes=rules.join_opens_minutes)
    return opens_at, appointment.ends_at + OVERRUN


def is_joinable(dossier: Dossier, *, now: datetime) -> bool:
    """Whether the call of this appointment may be entered now. One that ended without a conclusion still may, while its
    hours last: the doctor may only be late."""
    appointment = dossier.appointment
    opens_at, closes_at = room_hours(appointment, dossier.rules)
    is_running = appointment.state is AppointmentState.IN_PROGRESS
    return (
        appointment.mode is Mode.VIDEO
        and appointment.state in _MAY_BE_HELD
        and opens_at <= now
        and (now < closes_at or is_running)
    )


async def call_room(session: AsyncSession, dossier: Dossier, *, provider: VideoProvider, now: datetime) -> CallRoom:
    """The room of this appointment, made if there is none. Raises `WrongState` when it may not be entered now."""
    if not is_joinable(dossier, now=now):
        raise WrongState("this call cannot be joined now", code="not_joinable")
    opens_at, closes_at = room_hours(dossier.appointment, dossier.rules)
    return await ensure_room(
        session,
        subject_id=dossier.appointment.id,
        opens_at=opens_at,
        closes_at=closes_at,
        provider=provider,
        now=now,
    )
