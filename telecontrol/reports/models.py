"""Tables of conclusions, sealed notes and 48-hour reports: the medical side stands apart from the administrative one."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.controls.results import ReportKind, Result
from telecontrol.db.base import Base, HasId, only, words


class Conclusion(HasId, Base):
    """What a doctor concluded, signed, in one version. Administrative: handlers may read it."""

    __tablename__ = "conclusion"
    __table_args__ = (UniqueConstraint("appointment_id", "version"), only("result", Result))

    control_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("control.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointment.id"))
    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"))
    version: Mapped[int] = mapped_column(default=1)
    result: Mapped[Result] = mapped_column(words(Result))
    event_at: Mapped[datetime]
    """The fact: end of the examination; for an absence the end of the waiting time after the scheduled start."""
    circumstances: Mapped[dict[str, Any]]
    """Facts with times (arrived, waited, calls made, identity document shown): never a medical word."""
    examination_took_place: Mapped[bool]
    by_phone: Mapped[bool] = mapped_column(default=False)
    signed_at: Mapped[datetime]
    signed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff_user.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the canonical JSON of what was signed."""


class SealedNote(HasId, Base):
    """A doctor's medical notes on an appointment, sealed. Never joined to anything a handler can read."""

    __tablename__ = "sealed_note"
    __table_args__ = (UniqueConstraint("appointment_id", "doctor_id"),)

    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointment.id"))
    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"))
    key_id: Mapped[str] = mapped_column(String(32), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)


class ReportState(StrEnum):
    DRAFTED = "drafted"
    """The facts are recorded, the doctor's signature is missing."""
    SIGNED = "signed"
    """Handed to the outbox."""
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """The insurer said no for good: a human must act."""
    WITHDRAWN = "withdrawn"
    """The absence was qualified as excused or technical, by a named person with a reason."""


class Report(HasId, Base):
    """The 48-hour report in one version; due from the fact, whoever is late."""

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("appointment_id", "version"),
        only("kind", ReportKind),
        only("state", ReportState),
        Index("ix_report_state_due_at", "state", "due_at"),
    )

    control_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("control.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    insurer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("insurer.id"))
    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointment.id"))
    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"))
    conclusion_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("conclusion.id"))
    version: Mapped[int] = mapped_column(default=1)
    kind: Mapped[ReportKind] = mapped_column(words(ReportKind))
    state: Mapped[ReportState] = mapped_column(words(ReportState), default=ReportState.DRAFTED)
    event_at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(40))
    due_at: Mapped[datetime]
    drafted_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledgement: Mapped[str] = mapped_column(String(120), default="")
    breached_at: Mapped[datetime | None]
    alert_level: Mapped[int] = mapped_column(default=0)
    """How many of the 24, 36 and 44 h alerts were raised."""
    withdrawn_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff_user.id"))
    withdrawn_reason: Mapped[str] = mapped_column(String(300), default="")
    content_hash: Mapped[str] = mapped_column(String(64), default="")


class Qualification(StrEnum):
    """What an absence turned out to have been."""

    EXCUSED_ABSENCE = "excused_absence"
    TECHNICAL_FAILURE = "technical_failure"
    DOCTOR_UNAVAILABLE = "doctor_unavailable"
    """It was the doctor who was not there."""


class AbsenceQualification(HasId, Base):
    """A named person's decision on an appointment that ended without a conclusion."""

    __tablename__ = "absence_qualification"
    __table_args__ = (only("kind", Qualification),)

    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointment.id"), unique=True)
    kind: Mapped[Qualification] = mapped_column(words(Qualification))
    reason: Mapped[str] = mapped_column(String(300))
    qualified_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff_user.id"))
    qualified_at: Mapped[datetime]


class InboxMode(StrEnum):
    """How the local insurer of the demonstration answers."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    LOSE_REPLY = "lose_reply"
    """It takes the report, then drops the connection."""
    SLOW = "slow"
    """It takes the report, and answers late."""
    ERROR = "error"
    """It takes nothing and answers 500."""


class InsurerInboxMode(Base):
    """The one row that says how the local insurer answers. Not part of the service proper: development and demo only."""

    __tablename__ = "insurer_inbox_mode"
    __table_args__ = (only("mode", InboxMode),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    mode: Mapped[InboxMode] = mapped_column(words(InboxMode))
    remaining: Mapped[int | None]
    """For how many more requests; then it accepts again. Empty: until it is told otherwise."""


class InsurerInboxReport(HasId, Base):
    """A report that the local insurer took: one row per idempotency key, however often it was sent."""

    __tablename__ = "insurer_inbox_report"

    key: Mapped[str] = mapped_column(String(128), unique=True)
    digest: Mapped[str] = mapped_column(String(120))
    acknowledgement_id: Mapped[str] = mapped_column(String(120))
    document: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    times_received: Mapped[int] = mapped_column(default=1)
