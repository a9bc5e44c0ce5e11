"""The dossier: everything that a decision about one appointment needs, loaded and locked together."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.models import Organisation
from telecontrol.controls.models import Control, Doctor, Insured
from telecontrol.controls.policies import Rules
from telecontrol.errors import NotFound
from telecontrol.scheduling.models import Appointment, Site


@dataclass(frozen=True, slots=True)
class Dossier:
    """An appointment with its file. Rows are attached to the session that loaded them."""

    appointment: Appointment
    control: Control
    insured: Insured
    organisation: Organisation
    doctor: Doctor
    site: Site | None
    rules: Rules

    @property
    def zone(self) -> ZoneInfo:
        """The insured's legal zone: deadlines and texts are counted in it."""
        return ZoneInfo(self.appointment.zone)


async def load_control(session: AsyncSession, control_id: uuid.UUID, *, lock: bool = False) -> Control:
    """A control with its people and policy. `lock` keeps rivals out until the transaction ends. Raises `NotFound`."""
    query = (
        select(Control)
        .where(Control.id == control_id)
        .options(
            joinedload(Control.insured),
            joinedload(Control.organisation),
            joinedload(Control.insurer),
            joinedload(Control.policy),
        )
        .execution_options(populate_existing=True)
    )
    control = await session.scalar(query.with_for_update(of=Control) if lock else query)
    if control is None:
        raise NotFound("no such control")
    return control


async def load_dossier(session: AsyncSession, appointment_id: uuid.UUID, *, lock: bool = False) -> Dossier:
    """The dossier of an appointment. The control is locked first, then the appointment: always in this order.

    Raises `NotFound`.
    """
    control_id = await session.scalar(select(Appointment.control_id).where(Appointment.id == appointment_id))
    if control_id is None:
        raise NotFound("no such appointment")
    control = await load_control(session, control_id, lock=lock)
    query = (
        select(Appointment)
        .where(Appointment.id == appointment_id)
        .options(joinedload(Appointment.doctor), joinedload(Appointment.site))
        .execution_options(populate_existing=True)
    )
    appointment = (await session.scalars(query.with_for_update(of=Appointment) if lock else query)).one()
    return of(appointment, control, doctor=appointment.doctor, site=appointment.site)


def of(appointment: Appointment, control: Control, *, doctor: Doctor, site: Site | None) -> Dossier:
    """The dossier of rows that are at hand."""
    return Dossier(
        appointment=appointment,
        control=control,
        insured=control.insured,
        organisation=control.organisation,
        doctor=doctor,
        site=site,
        rules=Rules.from_json(control.policy.rules),
    )
