"""The hour of an appointment: its room, the insured let in or received, and facts noted as they happen (`DOMAIN.md` §5).

What happened is kept apart from what is concluded: arrivals and technical problems of a video appointment in the call's own
evidence, the doctor's telephone calls, the document that was shown and the arrival at a site as lines of the journal. Nothing
here concludes anything: a doctor whose tab dies leaves facts behind, never an absence.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.config import VideoProvider
from telecontrol.controls.policies import Mode
from telecontrol.controls.states import Act, ControlState
from telecontrol.db.journal import Actor, ActorKind, JournalEntry, record
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.endings import SUBJECT, move_control
from telecontrol.scheduling.models import AppointmentState
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind
from telecontrol.video import rooms, waiting
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.models import CallRoom, EventKind, Role, WaitingEntry

ROOM_STAYS_OPEN = timedelta(minutes=30)
"""After the scheduled end, for a doctor who runs late (choice). Whoever is inside is not cut at that instant."""
LONGEST_WAIT_ASKED = 120
"""Minutes."""
NOTED_BY_DOCTOR = "noted_by_doctor"
"""The code of a technical problem that the doctor noted, in the call's evidence."""

_CALLED, _SHOWN, _RECEIVED = "appointment.call_made", "appointment.document_shown", "appointment.received"
_DELAYED, _PROBLEM = "appointment.delay_announced", "appointment.technical_problem"
_CAME = "appointment.came_after_all"
PRESSED_TWICE = timedelta(seconds=10)
"""The same act noted again within this is one act (choice): nobody telephones twice in ten seconds."""
_IN_THE_HOUR = (AppointmentState.BOOKED, AppointmentState.IN_PROGRESS, AppointmentState.OVER)


@dataclass(frozen=True, slots=True)
class Noted:
    """What the doctor noted during one appointment. Instants in UTC, in order."""

    calls_made_at: tuple[datetime, ...] = ()
    call_answered: bool | None = None
    """Whether the last call was answered."""
    document: str = ""
    """The kind of identity document that was shown, as the doctor's last choice; empty while nothing was chosen."""
    document_at: datetime | None = None
    received_at: datetime | None = None
    """In person: when the insured came."""


def room_hours(dossier: Dossier) -> tuple[datetime, datetime]:
    """From when to when the room of a video appointment may be entered, in UTC."""
    appointment = dossier.appointment
    opens_at = appointment.starts_at - timedelta(minutes=dossier.rules.join_opens_minutes)
    return opens_at, appointment.ends_at + ROOM_STAYS_OPEN


async def open_room(session: AsyncSession, dossier: Dossier, *, provider: VideoProvider, now: datetime) -> CallRoom:
    """The room of a video appointment that can still be held, made if there is none.

    Raises `WrongState`: `not_video`, or `not_in_the_hour` when the appointment was given up or is concluded.
    """
    _check_held_by(dossier, Mode.VIDEO)
    opens_at, closes_at = room_hours(dossier)
    return await rooms.ensure_room(
        session,
        subject_id=dossier.appointment.id,
        opens_at=opens_at,
        closes_at=closes_at,
        provider=provider,
        now=now,
    )


async def arrive(
    session: AsyncSession, dossier: Dossier, *, provider: VideoProvider, actor: Actor, now: datetime
) -> WaitingEntry:
    """The insured comes into the waiting room; their stay. `dossier` is loaded with `lock=True`: an absence that they had
    announced is withdrawn by coming, before anybody excuses it. Raises what `open_room` raises.
    """
    room = await open_room(session, dossier, provider=provider, now=now)
    stay = await waiting.arrive(session, room_id=room.id, now=now)
    await _withdraw_announced(session, dossier, actor=actor, now=now)
    return stay


async def admit(session: AsyncSession, dossier: Dossier, *, actor: Actor, now: datetime) -> uuid.UUID:
    """The doctor lets the insured into the call; the room's id. A second time changes nothing.

    `dossier` is loaded with `lock=True`, so that a refusal of video and an admission never both win: once admitted, declining
    is over. An absence that was announced is withdrawn by coming. Raises `WrongState` (`not_video`, `not_in_the_hour`,
    `nobody_waits`, and the room's own refusals).
    """
    _check_held_by(dossier, Mode.VIDEO)
    room = await rooms.find_room(session, subject_id=dossier.appointment.id)
    stay = None if room is None else await waiting.current_stay(session, room_id=room.id)
    if room is None or stay is None:
        raise WrongState("nobody waits in this room", code="nobody_waits")
    # A page that was left open for hours is not somebody who waits.
    is_there = now - stay.last_seen_at <= waiting.STILL_THERE
    rooms.check_may_enter(room, now=now, is_running=is_there)
    was_admitted = stay.admitted_at is not None
    await waiting.admit(session, room_id=room.id, by=str(dossier.appointment.doctor_id), now=now)
    await _begin(session, dossier, actor=actor, now=now)
    await close_tasks(
        session,
        TaskKind.INSURED_WAITING,
        subject_id=dossier.appointment.id,
        outcome="admitted",
        by=actor.id,
        now=now,
    )
    if not was_admitted:
        _note(session, dossier, "appointment.admitted", actor=actor, now=now)
    return room.id


async def admit_into(session: AsyncSession, *, room_id: uuid.UUID, by: str, now: datetime) -> None:
    """`admit` as the call's socket asks for it: `by` is the doctor's id, as in their ticket.

    Raises `WrongState`, also for a doctor to whom the appointment no longer belongs.
    """
    room = await rooms.get_room(session, room_id)
    dossier = await load_dossier(session, room.subject_id, lock=True)
    if str(dossier.appointment.doctor_id) != by or dossier.doctor.user_id is None or room.closed_at is not None:
        raise WrongState("nobody waits in this room", code="nobody_waits")
    actor = Actor(ActorKind.STAFF, str(dossier.doctor.user_id), "doctor")
    await admit(session, dossier, actor=actor, now=now)


async def ask_to_wait(
    session: AsyncSession, dossier: Dossier, *, minutes: int, actor: Actor, now: datetime
) -> uuid.UUID:
    """Tell the waiting insured about how many minutes more; the room's id.

    Raises `InvalidInput` (field `minutes`), `WrongState` (`nobody_waits`) when nobody waits or they are in already.
    """
    if not 1 <= minutes <= LONGEST_WAIT_ASKED:
        raise InvalidInput(f"1 to {LONGEST_WAIT_ASKED} minutes", field="minutes", code="out_of_range")
    room = await rooms.find_room(session, subject_id=dossier.appointment.id)
    if room is None:
        raise WrongState("nobody waits in this room", code="nobody_waits")
    stay = await waiting.current_stay(session, room_id=room.id)
    is_waiting = stay is not None and stay.admitted_at is None
    if is_waiting and await _just_noted(session, dossier, _DELAYED, now=now, minutes=minutes):
        return room.id
    await waiting.ask_to_wait(session, room_id=room.id, minutes=minutes, now=now)
    _note(session, dossier, _DELAYED, actor=actor, now=now, minutes=minutes)
    return room.id


async def receive(session: AsyncSession, dossier: Dossier, *, actor: Actor, now: datetime) -> None:
    """In person: the insured has come. A second time changes nothing. Raises `WrongState`."""
    if dossier.appointment.mode is Mode.VIDEO:
        raise WrongState("a video appointment is entered through its waiting room", code="not_in_person")
    _check_in_the_hour(dossier, now=now)
    if (await noted(session, dossier)).received_at is None:
        await _begin(session, dossier, actor=actor, now=now)
        _note(session, dossier, _RECEIVED, actor=actor, now=now)


async def note_call(session: AsyncSession, dossier: Dossier, *, is_answered: bool, actor: Actor, now: datetime) -> None:
    """The doctor tried to reach the insured by telephone. Raises `WrongState`."""
    _check_in_the_hour(dossier, now=now)
    if not await _just_noted(session, dossier, _CALLED, now=now, answered=is_answered):
        _note(session, dossier, _CALLED, actor=actor, now=now, answered=is_answered)


async def note_document(session: AsyncSession, dossier: Dossier, *, document: str, actor: Actor, now: datetime) -> None:
    """The kind of identity document that the insured showed: a code, never a number or a picture. Raises `WrongState`."""
    _check_in_the_hour(dossier, now=now)
    if (await noted(session, dossier)).document != document:
        _note(session, dossier, _SHOWN, actor=actor, now=now, document=document)


async def note_technical_problem(
    session: AsyncSession, dossier: Dossier, *, provider: VideoProvider, actor: Actor, now: datetime
) -> None:
    """The doctor says that something technical goes wrong: from here on nobody can be called absent (PROMISES P17).

    It goes into the call's evidence, where every later decision reads it. Raises `WrongState`.
    """
    _check_in_the_hour(dossier, now=now)
    if await _just_noted(session, dossier, _PROBLEM, now=now):
        return
    room = await open_room(session, dossier, provider=provider, now=now)
    problem = Fact(room.id, Role.DOCTOR, EventKind.TECHNICAL_PROBLEM, now, detail={"code": NOTED_BY_DOCTOR})
    await record_facts(session, [problem])
    _note(session, dossier, _PROBLEM, actor=actor, now=now)


async def noted(session: AsyncSession, dossier: Dossier) -> Noted:
    """What the doctor noted so far at the appointment's present hour. One query."""
    opens_at, _ = room_hours(dossier)
    lines = await session.scalars(
        select(JournalEntry)
        .where(
            JournalEntry.control_id == dossier.control.id,
            JournalEntry.subject_id == str(dossier.appointment.id),
            JournalEntry.action.in_((_CALLED, _SHOWN, _RECEIVED)),
            JournalEntry.at >= opens_at,
        )
        .order_by(JournalEntry.at)
    )
    return _read(lines)


def _read(lines: Iterable[JournalEntry]) -> Noted:
    found = Noted()
    for line in lines:
        match line.action:
            case "appointment.call_made":
                calls = (*found.calls_made_at, line.at)
                found = replace(found, calls_made_at=calls, call_answered=bool(line.detail["answered"]))
            case "appointment.document_shown":
                found = replace(found, document=str(line.detail["document"]), document_at=line.at)
            case "appointment.received":
                found = replace(found, received_at=found.received_at or line.at)
    return found


async def _begin(session: AsyncSession, dossier: Dossier, *, actor: Actor, now: datetime) -> None:
    """Whoever came is not absent: a booked appointment is in progress, and an announced absence is withdrawn."""
    await _withdraw_announced(session, dossier, actor=actor, now=now)
    if dossier.appointment.state is AppointmentState.BOOKED:
        dossier.appointment.state = AppointmentState.IN_PROGRESS


async def _withdraw_announced(session: AsyncSession, dossier: Dossier, *, actor: Actor, now: datetime) -> None:
    if dossier.control.state is ControlState.ABSENCE_TO_QUALIFY:
        await move_control(session, dossier.control, Act.WITHDRAW_ABSENCE, actor=actor, now=now)
        dossier.appointment.announced_at, dossier.appointment.announced_reason = None, ""
        _note(session, dossier, _CAME, actor=actor, now=now)


def _check_held_by(dossier: Dossier, mode: Mode) -> None:
    if dossier.appointment.mode is not mode:
        raise WrongState(f"not an appointment by {mode}", code=f"not_{mode}")
    if dossier.appointment.state not in _IN_THE_HOUR:
        raise WrongState("this appointment is not held", code="not_in_the_hour", state=str(dossier.appointment.state))


def _check_in_the_hour(dossier: Dossier, *, now: datetime) -> None:
    opens_at, _ = room_hours(dossier)
    if dossier.appointment.state not in _IN_THE_HOUR or now < opens_at:
        raise WrongState("this appointment is not held now", code="not_in_the_hour")


async def _just_noted(session: AsyncSession, dossier: Dossier, action: str, *, now: datetime, **detail: object) -> bool:
    """Whether the very same thing was noted a moment ago: a button pressed twice. `dossier` is locked, so rivals wait."""
    found = await session.scalars(
        select(JournalEntry).where(
            JournalEntry.control_id == dossier.control.id,
            JournalEntry.subject_id == str(dossier.appointment.id),
            JournalEntry.action == action,
            JournalEntry.at > now - PRESSED_TWICE,
        )
    )
    return any(line.detail.items() >= detail.items() for line in found)


def _note(
    session: AsyncSession, dossier: Dossier, action: str, *, actor: Actor, now: datetime, **detail: object
) -> None:
    appointment = dossier.appointment
    record(
        session,
        action,
        actor=actor,
        now=now,
        control_id=appointment.control_id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
        **detail,
    )
