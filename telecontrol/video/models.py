"""Tables of the call: rooms, who waited, who was present and what happened. They are the evidence of attendance."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.config import VideoProvider as ProviderName
from telecontrol.db.base import Base, HasId, only, words


class Role(StrEnum):
    """The two seats of a room."""

    DOCTOR = "doctor"
    INSURED = "insured"

    @property
    def other(self) -> Role:
        return Role.INSURED if self is Role.DOCTOR else Role.DOCTOR


class EventKind(StrEnum):
    ARRIVED = "arrived"
    """The insured's page reached the room for the first time."""
    WAITING = "waiting"
    ADMITTED = "admitted"
    JOINED = "joined"
    """Seated in the call: the doctor on arrival, the insured once admitted."""
    MEDIA_FLOWING = "media_flowing"
    """The page decodes what the other sends."""
    AWAY = "away"
    """The socket dropped, the page is hidden or being reloaded; the seat is kept."""
    RETURNED = "returned"
    LEFT = "left"
    ADMISSION_REFUSED = "admission_refused"
    """The doctor saw the insured waiting and asked them to wait longer."""
    TECHNICAL_PROBLEM = "technical_problem"


class EventSource(StrEnum):
    SERVER = "server"
    CLIENT = "client"
    WEBHOOK = "webhook"


def _one_open(name: str, *columns: str, closed: str) -> Index:
    """At most one row per `columns` whose `closed` instant is empty."""
    still_open = text(f"{closed} IS NULL")
    return Index(name, *columns, unique=True, postgresql_where=still_open, sqlite_where=still_open)


class CallRoom(HasId, Base):
    """A room for one subject (an upper package's row). Its id is random: nothing can be derived from it."""

    __tablename__ = "call_room"
    __table_args__ = (
        only("provider", ProviderName),
        CheckConstraint("closes_at > opens_at", name="closes_after_opening"),
        _one_open("uq_call_room_open", "subject_id", closed="closed_at"),
        Index("ix_call_room_subject_id", "subject_id"),
    )

    subject_id: Mapped[uuid.UUID]
    provider: Mapped[ProviderName] = mapped_column(words(ProviderName))
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class WaitingEntry(HasId, Base):
    """One stay of somebody in the waiting room, from arrival to leaving. Admission belongs to the stay."""

    __tablename__ = "waiting_entry"
    __table_args__ = (
        only("role", Role),
        _one_open("uq_waiting_entry_open", "room_id", "role", closed="left_at"),
        Index("ix_waiting_entry_room_id", "room_id"),
    )

    room_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call_room.id"))
    role: Mapped[Role] = mapped_column(words(Role))
    arrived_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    admitted_at: Mapped[datetime | None]
    admitted_by: Mapped[str] = mapped_column(String(64), default="")
    delay_minutes: Mapped[int | None]
    """How much longer the doctor asked to wait, when they said so."""
    left_at: Mapped[datetime | None]


class PresenceSpan(HasId, Base):
    """One stay of a role in the call. Without an end (the process died) it lasted until `last_seen_at`."""

    __tablename__ = "presence_span"
    __table_args__ = (
        only("role", Role),
        _one_open("uq_presence_span_open", "room_id", "role", closed="ended_at"),
        Index("ix_presence_span_room_id", "room_id"),
    )

    room_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call_room.id"))
    role: Mapped[Role] = mapped_column(words(Role))
    began_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AttendanceEvent(HasId, Base):
    """Something that happened in a room. `detail` holds codes and numbers: no address, name or free text."""

    __tablename__ = "attendance_event"
    __table_args__ = (
        only("role", Role),
        only("event", EventKind),
        only("source", EventSource),
        Index("ix_attendance_event_room_id_at", "room_id", "at"),
    )

    room_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call_room.id"))
    role: Mapped[Role] = mapped_column(words(Role))
    event: Mapped[EventKind] = mapped_column(words(EventKind))
    at: Mapped[datetime]
    source: Mapped[EventSource] = mapped_column(words(EventSource))
    detail: Mapped[dict[str, Any]]


class DeviceTest(HasId, Base):
    """A test of the device and the connection that somebody made before their call: help for whoever receives them, and no
    evidence of anything. Codes only: no address, no name of a device."""

    __tablename__ = "device_test"
    __table_args__ = (Index("ix_device_test_subject_id_tested_at", "subject_id", "tested_at"),)

    subject_id: Mapped[uuid.UUID]
    tested_at: Mapped[datetime]
    problem: Mapped[str] = mapped_column(String(40), default="")
    """The most serious thing that was found, as a code; empty when everything worked."""
    steps: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """What each step found: `device_tests.Step` → `ok` or a code. Empty in tests of older releases."""
    route: Mapped[str] = mapped_column(String(10), default="", server_default="")
    """How pictures would travel: `direct`, `relay` or `none`; empty when it was not tried."""


class LiveCall(Base):
    """A call whose pages may hang on several processes: the state machine's memory, and what it last asked to be done.

    One row for each room, locked while the machine runs. `posts` are the effects of the latest revisions, each for one socket of
    one process; no ticket, no description and no address is among them.
    """

    __tablename__ = "live_call"
    __table_args__ = (Index("ix_live_call_due_tick", "due_tick"),)

    room_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call_room.id"), primary_key=True)
    revision: Mapped[int]
    state: Mapped[dict[str, Any]]
    posts: Mapped[list[Any]]
    due_tick: Mapped[float | None] = mapped_column(Float())
    """When the machine has something to do by itself, in real seconds since 1970; null when it has not."""
    changed_at: Mapped[datetime]


class ProviderHook(Base):
    """A provider's callback that was received, by the provider's own id of the event: a second one changes nothing."""

    __tablename__ = "provider_hook"
    __table_args__ = (Index("ix_provider_hook_received_at", "received_at"),)

    event_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    room_id: Mapped[uuid.UUID | None]
    """As the event said: perhaps no room of ours."""
    received_at: Mapped[datetime]
