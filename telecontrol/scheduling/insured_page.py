"""What the insured's page shows and allows, from an appointment's dossier: one address, one state at a time.

Links are several and live long; the control has one present appointment. Whatever message somebody comes from, they see
that one in its present version, and an earlier hour is named only to say that it changed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import InsuredLink, Organisation
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.references import as_reference
from telecontrol.controls.states import ENDED, ControlState
from telecontrol.errors import NotFound
from telecontrol.scheduling.answers import Decision, can_undo_decline
from telecontrol.scheduling.attendance import room_hours
from telecontrol.scheduling.dossier import Dossier, load_control
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.models import BLOCKING, Appointment, AppointmentState, PastVersion
from telecontrol.scheduling.preparations import can_prepare


class Stage(StrEnum):
    """The page's state. Each is a way that an appointment may go, none of them an error."""

    BEFORE = "before"
    NEAR = "near"
    """Joining is open."""
    IN_CALL = "in_call"
    """The doctor let them in."""
    IN_PERSON = "in_person"
    """An appointment at a place, or at home, that is to come."""
    DECLINED = "declined"
    CANCELLED = "cancelled"
    RELEASED = "released"
    """The notice missed its limit; nobody is blamed."""
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class PageState:
    """What the page is in, and what may be done from it. Instants are aware, UTC."""

    stage: Stage
    opens_at: datetime
    """When joining opens."""
    closes_at: datetime
    can_act: bool
    """False for a link that only shows; every other `can_` is then false too."""
    can_join: bool
    can_decline: bool
    can_undo_decline: bool
    can_choose_in_person: bool
    can_say_absent: bool
    can_withdraw_absence: bool
    can_change_hour: bool
    is_absence_announced: bool
    is_kept: bool
    """Whether the desk answered an announced absence: the appointment stands."""
    can_prepare: bool
    is_excused: bool
    """Whether it does not take place because the insured could not come, and the desk agreed."""
    will_be_rebooked: bool
    """Whether another appointment is to be expected, where this one does not take place."""

    @property
    def stands(self) -> bool:
        """Whether the appointment is still to come, or going on."""
        return self.stage in (Stage.BEFORE, Stage.NEAR, Stage.IN_CALL, Stage.IN_PERSON)


def state_of(dossier: Dossier, *, now: datetime, may_act: bool) -> PageState:
    """The page's state at `now`. Decides nothing: each act is checked again where it is done."""
    appointment, control = dossier.appointment, dossier.control
    opens_at, closes_at = room_hours(dossier)
    stage = _stage(dossier, now=now)
    is_booked = appointment.state is AppointmentState.BOOKED and now < appointment.ends_at
    is_absent = control.state is ControlState.ABSENCE_TO_QUALIFY
    can_move = control.moves_by_insured < dossier.rules.moves_by_insured and control.state is ControlState.BOOKED
    is_video = appointment.mode is Mode.VIDEO
    return PageState(
        stage=stage,
        opens_at=opens_at,
        closes_at=closes_at,
        can_act=may_act,
        can_join=may_act and is_joinable(dossier, now=now),
        can_decline=may_act and is_booked and is_video,
        can_undo_decline=may_act and can_undo_decline(dossier, now=now),
        can_choose_in_person=(may_act and stage is Stage.DECLINED and control.state is ControlState.IN_PERSON_TO_BOOK),
        can_say_absent=may_act and is_booked and not is_absent,
        can_withdraw_absence=may_act and is_booked and is_absent,
        can_change_hour=may_act and is_booked and is_video and can_move and now < opens_at,
        is_absence_announced=is_booked and is_absent,
        is_kept=is_booked and not is_absent and appointment.announced_decision == Decision.KEEP,
        can_prepare=may_act and can_prepare(dossier, now=now),
        is_excused=stage is Stage.CANCELLED and appointment.announced_decision == Decision.EXCUSE,
        will_be_rebooked=control.state not in ENDED,
    )


_GIVEN_UP = {
    AppointmentState.HELD: Stage.DECLINED,
    AppointmentState.DECLINED_BY_INSURED: Stage.DECLINED,
    AppointmentState.CANCELLED_BY_SERVICE: Stage.CANCELLED,
    AppointmentState.MOVED: Stage.CANCELLED,
    AppointmentState.RELEASED: Stage.RELEASED,
}


def is_joinable(dossier: Dossier, *, now: datetime) -> bool:
    """Whether the insured may enter the call now. One that is over without a conclusion still may be entered while its room
    stays open: the doctor may only be late. A running call is never closed to somebody who comes back."""
    appointment = dossier.appointment
    opens_at, closes_at = room_hours(dossier)
    is_running = appointment.state is AppointmentState.IN_PROGRESS
    is_unconcluded = appointment.state is AppointmentState.OVER and dossier.control.state is ControlState.TO_QUALIFY
    may_be_held = is_running or is_unconcluded or appointment.state is AppointmentState.BOOKED
    return appointment.mode is Mode.VIDEO and may_be_held and opens_at <= now and (now < closes_at or is_running)


def _stage(dossier: Dossier, *, now: datetime) -> Stage:
    appointment = dossier.appointment
    if appointment.state in _GIVEN_UP:
        is_over_for_good = dossier.control.state is ControlState.CANCELLED
        return Stage.CANCELLED if is_over_for_good else _GIVEN_UP[appointment.state]
    is_running = appointment.state is AppointmentState.IN_PROGRESS
    if is_joinable(dossier, now=now):
        return Stage.IN_CALL if is_running else Stage.NEAR
    if is_running or (appointment.state is AppointmentState.BOOKED and now < appointment.ends_at):
        return Stage.BEFORE if appointment.mode is Mode.VIDEO else Stage.IN_PERSON
    return Stage.AFTER


async def present_dossier(
    session: AsyncSession, *, control_id: uuid.UUID, insured_id: uuid.UUID, lock: bool = False
) -> Dossier:
    """The present appointment of the control that a link is about. `lock` keeps rivals out until the transaction ends.

    Raises `NotFound`, also when the control is not this person's.
    """
    control = await load_control(session, control_id, lock=lock)
    dossier = await current_dossier(session, control) if control.insured_id == insured_id else None
    if dossier is None:
        raise NotFound("no such appointment")
    return dossier


async def own_dossier(session: AsyncSession, viewer: Viewer, *, lock: bool = False) -> Dossier:
    """The present appointment of the insured who looks. Raises `NotFound`."""
    if viewer.control_id is None:
        raise NotFound("no such appointment")
    return await present_dossier(session, control_id=viewer.control_id, insured_id=viewer.user_id, lock=lock)


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour that a message named."""

    mode: Mode
    starts_at: datetime
    zone: str


async def hour_told(session: AsyncSession, link: InsuredLink, dossier: Dossier) -> Hour | None:
    """The hour that this link's message named, where the service or the insured has moved it since; else None.

    A link is as old as its message: the first version replaced after it was made is the one that was told.
    """
    appointment = dossier.appointment
    if link.appointment_id == appointment.id:
        starts_at = await session.scalar(
            select(PastVersion.starts_at)
            .where(PastVersion.appointment_id == appointment.id, PastVersion.replaced_at > link.created_at)
            .order_by(PastVersion.version)
            .limit(1)
        )
        if starts_at is None or starts_at == appointment.starts_at:
            return None
        return Hour(appointment.mode, starts_at, appointment.zone)
    earlier = await session.get(Appointment, link.appointment_id)
    taken_back = (AppointmentState.CANCELLED_BY_SERVICE, AppointmentState.RELEASED)
    if earlier is None or earlier.state not in taken_back or earlier.starts_at == appointment.starts_at:
        return None
    return Hour(earlier.mode, earlier.starts_at, earlier.zone)


@dataclass(frozen=True, slots=True)
class Announced:
    """All that the public page *is this message genuine?* may say of a reference: never a name, an hour or a place."""

    organisation: Organisation
    day: date | None
    """Local day of the appointment; None while none stands."""


async def announced(session: AsyncSession, reference: str) -> Announced | None:
    """What stands behind the reference printed in a message, as somebody typed it; None when it is not one of ours."""
    row = (
        await session.execute(
            select(Organisation, Appointment.starts_at, Appointment.zone)
            .join(Control, Control.organisation_id == Organisation.id)
            .outerjoin(Appointment, (Appointment.control_id == Control.id) & Appointment.state.in_(BLOCKING))
            .where(Control.reference == (as_reference(reference) or ""))
            .order_by(Appointment.booked_at.desc())
            .limit(1)
        )
    ).first()
    if row is None:
        return None
    starts_at: datetime | None = row[1]
    return Announced(row[0], starts_at.astimezone(ZoneInfo(row[2])).date() if starts_at else None)
