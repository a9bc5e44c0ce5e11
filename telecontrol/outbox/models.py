"""Tables of the outbox: intents, their attempts, what providers said later, targets that are paused."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.db.base import Base, HasId, only, words


class IntentState(StrEnum):
    PENDING = "pending"
    """To be sent, or to be tried again."""
    SENDING = "sending"
    """An attempt is open: committed before the network call, its outcome not recorded yet."""
    UNSETTLED = "unsettled"
    """An attempt is ambiguous; evidence is awaited."""
    ACCEPTED = "accepted"
    FAILED = "failed"
    """Given up: a human task exists."""
    CANCELLED = "cancelled"
    """Voided by the decision that made it useless."""
    WAIVED = "waived"
    """Not sent, with a recorded reason."""


class AttemptState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED_TEMPORARY = "rejected_temporary"
    REJECTED_PERMANENT = "rejected_permanent"
    AMBIGUOUS = "ambiguous"


class DeliveryState(StrEnum):
    """What became of an accepted message, as the provider tells it later; never moves back (PROMISES P10)."""

    UNKNOWN = "unknown"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class Intent(HasId, Base):
    """Something that must be told or sent. Written in the transaction that decides it."""

    __tablename__ = "intent"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "version", "kind", "channel", "recipient"),
        only("state", IntentState),
        only("delivery", DeliveryState),
        Index("ix_intent_state_next_attempt_at", "state", "next_attempt_at"),
        # The sweeps look for what is too late or soon late among many that wait for a far day.
        Index("ix_intent_state_not_after", "state", "not_after"),
        Index("ix_intent_state_deadline_at", "state", "deadline_at"),
        Index("ix_intent_control_id", "control_id"),
    )

    target: Mapped[str] = mapped_column(String(20))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID]
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(60))
    channel: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8))
    organisation_id: Mapped[uuid.UUID | None]
    control_id: Mapped[uuid.UUID | None]

    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    deadline_at: Mapped[datetime]
    """What orders the queue: the limit that this message serves, oldest first."""

    state: Mapped[IntentState] = mapped_column(words(IntentState), default=IntentState.PENDING)
    next_attempt_at: Mapped[datetime]
    """Pending: when it may be tried. Unsettled: when evidence is sought next."""
    voided_at: Mapped[datetime | None]
    """Since when what it says no longer holds: never started, tried or repeated from then on. The state says how far it came."""
    void_reason: Mapped[str] = mapped_column(String(80), default="")
    accepted_at: Mapped[datetime | None]
    provider_id: Mapped[str] = mapped_column(String(254), default="", index=True)
    delivery: Mapped[DeliveryState] = mapped_column(words(DeliveryState), default=DeliveryState.UNKNOWN)
    delivery_at: Mapped[datetime | None]
    failure_code: Mapped[str] = mapped_column(String(80), default="")
    attempts_made: Mapped[int] = mapped_column(default=0)
    temporary_refusals: Mapped[int] = mapped_column(default=0)
    """What the wait before the next try grows with."""
    resends_after_ambiguity: Mapped[int] = mapped_column(default=0)

    late_flagged_at: Mapped[datetime | None]
    """When people were told that it might miss its deadline."""

    lease_until: Mapped[datetime | None]
    """Until when the worker that holds the present `fence` has it in hand."""
    fence: Mapped[int] = mapped_column(default=0)
    """Raised each time somebody takes it in hand: an older number may not send any more."""

    context_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The builder's plain values as sealed JSON: they hold the link, so no page or query shows them."""
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The bytes as sent, sealed, stored before the first attempt."""
    content_hash: Mapped[str] = mapped_column(String(64), default="")


class Attempt(HasId, Base):
    """One try, committed before the network call. Still open when its lease ends, it is ambiguous."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("intent_id", "number"),
        only("state", AttemptState),
        Index(
            "ix_attempt_open",
            "started_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    intent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("intent.id"), index=True)
    number: Mapped[int]
    fence: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    state: Mapped[AttemptState] = mapped_column(words(AttemptState), default=AttemptState.OPEN)
    code: Mapped[str] = mapped_column(String(80), default="")
    phase: Mapped[str] = mapped_column(String(40), default="")
    """Where it broke, for an attempt that was ever ambiguous; kept when evidence settles it (PROMISES P2 counts them)."""
    provider_id: Mapped[str] = mapped_column(String(254), default="", index=True)
    reply: Mapped[str] = mapped_column(String(500), default="")
    content_hash: Mapped[str] = mapped_column(String(64), default="")


class Receipt(HasId, Base):
    """What a provider reported of a message (status callback, bounce), once per event."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("target", "event_key"),)

    target: Mapped[str] = mapped_column(String(20))
    event_key: Mapped[str] = mapped_column(String(200))
    provider_id: Mapped[str] = mapped_column(String(254), index=True)
    intent_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(80), default="")
    received_at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]


class PausedTarget(Base):
    """A target whose queue stands still because of a fault of ours (authentication, certificate, credit)."""

    __tablename__ = "paused_target"

    target: Mapped[str] = mapped_column(String(20), primary_key=True)
    paused_at: Mapped[datetime]
    until_at: Mapped[datetime]
    code: Mapped[str] = mapped_column(String(80))


class WorkMark(Base):
    """How far the work of this database was, as one row that only grows; `restore_guard` keeps the same outside of it."""

    __tablename__ = "work_mark"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lineage: Mapped[str] = mapped_column(String(36))
    number: Mapped[int]
    marked_at: Mapped[datetime]
