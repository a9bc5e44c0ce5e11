"""A control's whole story, top to bottom, from everything that was recorded: for the desk, so without a medical word.

Entries carry codes and plain values; pages put them into words. Messages appear by kind and channel with what became of
them, never with their text or link.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Doctor
from telecontrol.db.journal import ActorKind, JournalEntry, of_control
from telecontrol.outbox.queries import Story
from telecontrol.outbox.queries import of_control as messages_of_control
from telecontrol.reports.absences import AFTER_LIMIT
from telecontrol.reports.models import AbsenceQualification
from telecontrol.scheduling.models import Appointment, NoticeDecision
from telecontrol.video.models import AttendanceEvent, CallRoom, EventKind, Role

# Told by a neighbouring line already, of no use to a colleague a year later, or not theirs to know.
_LEFT_OUT = frozenset(
    {
        "control.book",
        "control.decline_video",
        "control.undo_decline",
        "control.announce_absence",
        "control.withdraw_absence",
        "control.keep_appointment",
        "message.enqueued",
        "message.accepted",
        "message.cancelled",
        "message.unsettled",
        # That a doctor keeps notes is nobody else's business.
        "note.begun",
    }
)
_SHOWN_EVENTS = frozenset(
    {EventKind.ARRIVED, EventKind.ADMITTED, EventKind.LEFT, EventKind.TECHNICAL_PROBLEM, EventKind.MEDIA_FLOWING}
)
_RANK = {
    code: rank
    for rank, code in enumerate(
        (
            "control.requested",
            "control.opened_for_booking",
            "conclusion.signed",
            "appointment.booked",
            "appointment.over",
            "appointment.qualified",
            "appointment.absence_answered",
            "appointment.attended",
            "appointment.not_attended",
            "appointment.cancelled_by_service",
            "appointment.released",
            "report.withdrawn",
            "report.drafted",
            "report.signed",
        )
    )
}
_TARGETS_TOLD = frozenset({"mail", "sms", "post"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the story. `who` is a staff member's name, or a role; empty for the service itself."""

    at: datetime
    code: str
    who: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    said: str = ""
    """The reason that somebody typed."""


async def timeline_of(
    session: AsyncSession, control_id: uuid.UUID, *, stories: list[Story] | None = None
) -> list[Entry]:
    """What happened, oldest first. The caller has found the control as a viewer may. Nine queries, whatever its length."""
    entries = await of_control(session, control_id)
    names = await _names(session, entries)
    reasons = await _reasons(session, control_id)
    told = [_from_journal(entry, names, reasons) for entry in entries if entry.action not in _LEFT_OUT]
    for story in stories if stories is not None else await messages_of_control(session, control_id):
        told += _from_message(story)
    told += await _from_attendance(session, control_id)
    # Lines of one transaction share their instant: they are told in the order in which things follow from each other.
    return sorted(told, key=lambda entry: (entry.at, _RANK.get(entry.code, len(_RANK))))


async def _names(session: AsyncSession, entries: list[JournalEntry]) -> dict[str, str]:
    ids = {entry.actor_id for entry in entries if entry.actor_kind is ActorKind.STAFF and entry.actor_id}
    if not ids:
        return {}
    rows = await session.execute(
        select(StaffUser.id, StaffUser.display_name).where(StaffUser.id.in_([uuid.UUID(value) for value in ids]))
    )
    return {str(user_id): name for user_id, name in rows}


async def _reasons(session: AsyncSession, control_id: uuid.UUID) -> dict[tuple[str, str], str]:
    """What was typed, by (action, what it is about): the journal itself keeps codes only."""
    qualified = await session.execute(
        select(AbsenceQualification.appointment_id, AbsenceQualification.reason)
        .join(Appointment, Appointment.id == AbsenceQualification.appointment_id)
        .where(Appointment.control_id == control_id)
    )
    found = {("appointment.qualified", str(about)): reason for about, reason in qualified}
    decided = await session.execute(
        select(NoticeDecision)
        .join(Appointment, Appointment.id == NoticeDecision.appointment_id)
        .where(Appointment.control_id == control_id)
    )
    for (decision,) in decided:
        is_late = decision.kind in AFTER_LIMIT
        about = f"{decision.appointment_id} {decision.channel}"
        found["notice.decided_after_limit" if is_late else "notice.decided", about] = decision.reason
    waived = await session.execute(
        select(Appointment.id, Appointment.waiver_reason).where(
            Appointment.control_id == control_id, Appointment.waiver_at.is_not(None)
        )
    )
    found |= {("appointment.booked", str(about)): reason for about, reason in waived}
    return found


def _reason_of(entry: JournalEntry, reasons: dict[tuple[str, str], str]) -> str:
    if entry.action == "appointment.booked" and not entry.detail.get("waived"):
        return ""
    abouts = [entry.subject_id]
    if entry.action.startswith("notice.decided"):
        channels = entry.detail.get("channels") or [entry.detail.get("channel")]
        abouts = [f"{entry.subject_id} {channel}" for channel in channels]
    return next((reasons[entry.action, about] for about in abouts if (entry.action, about) in reasons), "")


def _from_journal(entry: JournalEntry, names: dict[str, str], reasons: dict[tuple[str, str], str]) -> Entry:
    who = names.get(entry.actor_id, "") or ("" if entry.actor_kind is ActorKind.SERVICE else str(entry.actor_kind))
    values = {**entry.detail}
    if "message" in values:
        values["kind"] = values.pop("message")
    return Entry(entry.at, entry.action, who, values, _reason_of(entry, reasons))


def _from_message(story: Story) -> list[Entry]:
    intent = story.intent
    if intent.target not in _TARGETS_TOLD or intent.accepted_at is None:
        return []
    values = {"kind": intent.kind, "channel": intent.channel, "attempts": len(story.attempts)}
    told = [Entry(intent.accepted_at, "message.accepted", "", values)]
    if intent.delivery_at is not None:
        told.append(Entry(intent.delivery_at, f"message.{intent.delivery}", "", values))
    return told


async def _from_attendance(session: AsyncSession, control_id: uuid.UUID) -> list[Entry]:
    rows = await session.execute(
        select(AttendanceEvent, Doctor)
        .join(CallRoom, CallRoom.id == AttendanceEvent.room_id)
        .join(Appointment, Appointment.id == CallRoom.subject_id)
        .join(Doctor, Doctor.id == Appointment.doctor_id)
        .where(Appointment.control_id == control_id, AttendanceEvent.event.in_(_SHOWN_EVENTS))
        .order_by(AttendanceEvent.at)
    )
    return [
        Entry(
            event.at,
            f"call.{event.event}",
            doctor.name if event.role is Role.DOCTOR else str(event.role),
            {"role": str(event.role)},
        )
        for event, doctor in rows
    ]
