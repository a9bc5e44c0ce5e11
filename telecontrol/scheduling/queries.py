"""Reading appointments. Row filters: the caller has found the control, or the appointment, as a viewer may."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Control
from telecontrol.controls.queries import Cases, visible
from telecontrol.errors import NotFound
from telecontrol.scheduling.models import BLOCKING, Appointment


async def appointments_of(session: AsyncSession, control_id: uuid.UUID) -> list[Appointment]:
    """A control's appointments in their present versions, oldest booking first, with doctor and site."""
    found = await session.scalars(
        select(Appointment)
        .where(Appointment.control_id == control_id)
        .options(joinedload(Appointment.doctor), joinedload(Appointment.site))
        .order_by(Appointment.booked_at, Appointment.starts_at)
    )
    return list(found)


async def latest_appointments(session: AsyncSession, control_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Appointment]:
    """The latest appointment of each control that was not given up, with its doctor, by control."""
    ids = list(control_ids)
    if not ids:
        return {}
    found = await session.scalars(
        select(Appointment)
        .where(Appointment.control_id.in_(ids), Appointment.state.in_(BLOCKING))
        .options(joinedload(Appointment.doctor))
        .order_by(Appointment.booked_at, Appointment.starts_at)
    )
    return {appointment.control_id: appointment for appointment in found}


async def require_visible(session: AsyncSession, viewer: Viewer, appointment_id: uuid.UUID) -> None:
    """Raises `NotFound` unless the viewer may meet this appointment: none, and somebody else's, are never told apart."""
    cases = cases_of(viewer) if viewer.doctor_id is not None else None
    found = await session.scalar(
        select(Appointment.id)
        .join(Control, Control.id == Appointment.control_id)
        .where(Appointment.id == appointment_id, visible(viewer, cases=cases))
    )
    if found is None:
        raise NotFound("no such appointment", code="appointment_not_found")


def cases_of(viewer: Viewer) -> Cases:
    """The controls in which a doctor has, or had, an appointment."""
    return select(Appointment.control_id).where(Appointment.doctor_id == viewer.doctor_id)


async def appointments_between(
    session: AsyncSession, viewer: Viewer, begins_at: datetime, ends_at: datetime
) -> list[Appointment]:
    """The appointments that start in [begins_at, ends_at) and that the viewer may meet, by start, with their people."""
    found = await session.scalars(
        select(Appointment)
        .join(Control, Control.id == Appointment.control_id)
        .where(Appointment.starts_at >= begins_at, Appointment.starts_at < ends_at, visible(viewer))
        .options(
            joinedload(Appointment.doctor),
            joinedload(Appointment.site),
            joinedload(Appointment.control).joinedload(Control.insured),
            joinedload(Appointment.control).joinedload(Control.organisation),
        )
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(500)
    )
    return list(found)
