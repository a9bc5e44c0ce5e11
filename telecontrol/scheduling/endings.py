"""How an appointment ends, whoever ends it: its state, the control's next state, what is no longer to be said, what a human must do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.filing import book_before
from telecontrol.controls.models import Control
from telecontrol.controls.states import AWAITS_BOOKING, Act, ControlState, after
from telecontrol.db.journal import Actor, record
from telecontrol.outbox.intents import void
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.tasks.desk import close_tasks, find_open, open_task
from telecontrol.tasks.models import Owner, TaskKind
from telecontrol.video.rooms import close_room

SUBJECT = "appointment"
"""The outbox's name for what these messages are about."""

_BOOKING_TASKS = (TaskKind.CONTROL_TO_BOOK, TaskKind.IN_PERSON_TO_BOOK, TaskKind.NOTICE_RELEASED)
_NO_MORE_APPOINTMENT = (
    ControlState.CONCLUDED,
    ControlState.REPORTED,
    ControlState.CLOSED,
    ControlState.CANCELLED,
)
_APPOINTMENT_TASKS = (
    TaskKind.NOTICE_AT_RISK,
    TaskKind.BOUNCE_AFTER_LIMIT,
    TaskKind.DOCTOR_UNAVAILABLE,
    TaskKind.INSURED_WAITING,
)


async def end_appointment(
    session: AsyncSession,
    appointment: Appointment,
    control: Control,
    *,
    state: AppointmentState,
    act: Act,
    actor: Actor,
    now: datetime,
    due_at: datetime | None = None,
    reason: str = "",
) -> None:
    """End `appointment` in `state` and move its control by `act`, in the caller's transaction.

    Unsent messages about it are voided, the desk's tasks about it closed, and the one its control now needs opened. Its call's
    room closes, but for one that is over without a conclusion: the doctor may only be late.
    `due_at` is `move_control`'s; `reason` is a code for the story. Raises `WrongState` when the control does not allow the act.
    """
    await move_control(session, control, act, actor=actor, now=now, due_at=due_at)
    appointment.state = state
    appointment.ended_at = now
    if state is not AppointmentState.OVER:
        await close_room(session, subject_id=appointment.id, now=now)
    await void(session, subject_kind=SUBJECT, subject_id=appointment.id, reason=str(state), now=now)
    await close_tasks(session, *_APPOINTMENT_TASKS, subject_id=appointment.id, outcome=str(state), by=actor.id, now=now)
    record(
        session,
        f"appointment.{state}",
        actor=actor,
        now=now,
        control_id=control.id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
        **({"reason": reason} if reason else {}),
    )


async def move_control(
    session: AsyncSession, control: Control, act: Act, *, actor: Actor, now: datetime, due_at: datetime | None = None
) -> None:
    """Move a control by an act of the state table; its open tasks follow its new state. Raises `WrongState`.

    `due_at` limits the task that the new state opens; what is to be booked has its own limit, that of a first booking.
    """
    before = control.state
    control.state = after(before, act)
    control.state_since_at = now
    if control.state is ControlState.IN_PERSON_TO_BOOK:
        control.needs_in_person = True
    record(session, f"control.{act}", actor=actor, now=now, control_id=control.id, before=before, after=control.state)
    await _follow_with_tasks(session, control, actor=actor, now=now, due_at=due_at)


async def limit_one_channel(session: AsyncSession, control: Control, *, due_at: datetime) -> None:
    """What is asked about a person with one channel is due with the notice it serves: at its limit once there is one."""
    asked = await find_open(session, TaskKind.ONE_CHANNEL_ONLY, subject_id=control.id)
    if asked is not None:
        asked.due_at = due_at


async def _follow_with_tasks(
    session: AsyncSession, control: Control, *, actor: Actor, now: datetime, due_at: datetime | None
) -> None:
    wanted = {
        ControlState.TO_BOOK: TaskKind.CONTROL_TO_BOOK,
        ControlState.IN_PERSON_TO_BOOK: TaskKind.IN_PERSON_TO_BOOK,
        ControlState.ABSENCE_TO_QUALIFY: TaskKind.ABSENCE_TO_QUALIFY,
        ControlState.TO_QUALIFY: TaskKind.CONTROL_TO_QUALIFY,
    }.get(control.state)
    kinds = (*_BOOKING_TASKS, TaskKind.ABSENCE_TO_QUALIFY, TaskKind.CONTROL_TO_QUALIFY)
    stale = [kind for kind in kinds if kind is not wanted]
    await close_tasks(session, *stale, subject_id=control.id, outcome=str(control.state), by=actor.id, now=now)
    if control.state in _NO_MORE_APPOINTMENT:
        outcome = str(control.state)
        await close_tasks(
            session, TaskKind.INTERPRETER_WANTED, subject_id=control.id, outcome=outcome, by=actor.id, now=now
        )
    if control.state in AWAITS_BOOKING:
        due_at = book_before(control.leave_ends_on, control.insured.zone, now=now)
        await limit_one_channel(session, control, due_at=due_at)
    if wanted is not None:
        await open_task(
            session,
            wanted,
            subject_kind="control",
            subject_id=control.id,
            control_id=control.id,
            organisation_id=control.organisation_id,
            owner=Owner.HANDLER,
            due_at=due_at,
            now=now,
        )
