"""Tables of the agenda and of appointments."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telecontrol.controls.models import Control, Doctor
from telecontrol.controls.policies import Mode
from telecontrol.db.base import Base, HasId, only, words
from telecontrol.scheduling.overlap import attach_overlap_guards


class Site(HasId, Base):
    """A place for in-person appointments."""

    __tablename__ = "site"

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(300))
    postcode: Mapped[str] = mapped_column(String(10))
    city: Mapped[str] = mapped_column(String(80))
    access: Mapped[str] = mapped_column(String(500), default="")
    """How to get in: transport, floor, step-free access."""
    phone: Mapped[str] = mapped_column(String(20), default="")
    zone: Mapped[str] = mapped_column(String(40), default="Europe/Paris")
    departments: Mapped[list[str]] = mapped_column(default=list)
    """Departments that this site also serves, by code."""
    is_active: Mapped[bool] = mapped_column(default=True)


class ConsultingRoom(HasId, Base):
    __tablename__ = "consulting_room"
    __table_args__ = (UniqueConstraint("site_id", "name"),)

    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str] = mapped_column(String(60))
    is_active: Mapped[bool] = mapped_column(default=True)


class SiteHours(HasId, Base):
    """Hours of a site on a weekday (0 = Monday), local to the site."""

    __tablename__ = "site_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("closes > opens", name="in_order"),
    )

    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("site.id"), index=True)
    weekday: Mapped[int]
    opens: Mapped[time] = mapped_column(Time)
    closes: Mapped[time] = mapped_column(Time)


class OpeningRange(HasId, Base):
    """A weekly opening of a doctor, local wall time of the doctor's zone; for video, or in person at one site."""

    __tablename__ = "opening_range"
    __table_args__ = (
        only("mode", Mode),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("closes > opens", name="in_order"),
        CheckConstraint("(mode = 'surgery') = (site_id IS NOT NULL)", name="site_for_surgery"),
    )

    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"), index=True)
    weekday: Mapped[int]
    opens: Mapped[time] = mapped_column(Time)
    closes: Mapped[time] = mapped_column(Time)
    mode: Mapped[Mode] = mapped_column(words(Mode))
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("site.id"))
    valid_from_on: Mapped[date | None]
    valid_until_on: Mapped[date | None]


class AgendaException(HasId, Base):
    """A dated range that opens or closes an agenda against its weekly pattern, local wall time."""

    __tablename__ = "agenda_exception"
    __table_args__ = (only("mode", Mode), CheckConstraint("closes > opens", name="in_order"))

    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"), index=True)
    on: Mapped[date] = mapped_column("on_day")
    opens: Mapped[time] = mapped_column(Time)
    closes: Mapped[time] = mapped_column(Time)
    is_open: Mapped[bool]
    mode: Mapped[Mode] = mapped_column(words(Mode), default=Mode.VIDEO)
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("site.id"))


class DoctorAbsence(HasId, Base):
    """A doctor is away, from one instant to another."""

    __tablename__ = "doctor_absence"
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="in_order"),)

    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class AppointmentState(StrEnum):
    """States say who acted."""

    HELD = "held"
    """Declined by the insured, the slot kept for the grace."""
    BOOKED = "booked"
    RELEASED = "released"
    """The notice missed its limit: nobody's fault."""
    MOVED = "moved"
    """Only in the history: this version was replaced by another hour."""
    CANCELLED_BY_SERVICE = "cancelled_by_service"
    DECLINED_BY_INSURED = "declined_by_insured"
    IN_PROGRESS = "in_progress"
    """The doctor admitted the insured."""
    OVER = "over"
    """Ended without a conclusion."""
    ATTENDED = "attended"
    NOT_ATTENDED = "not_attended"


BLOCKING = (
    AppointmentState.HELD,
    AppointmentState.BOOKED,
    AppointmentState.IN_PROGRESS,
    AppointmentState.OVER,
    AppointmentState.ATTENDED,
    AppointmentState.NOT_ATTENDED,
)
"""States in which an appointment takes its doctor's, insured's and room's time."""

LIVE = (AppointmentState.BOOKED, AppointmentState.IN_PROGRESS)


class Appointment(HasId, Base):
    """An appointment in its present version. Its id stays through moves; `version` counts them (iTIP SEQUENCE)."""

    __tablename__ = "appointment"
    __table_args__ = (
        only("state", AppointmentState),
        only("mode", Mode),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("busy_until >= ends_at", name="busy_after_end"),
        CheckConstraint("(mode = 'surgery') = (site_id IS NOT NULL)", name="site_for_surgery"),
        Index("ix_appointment_doctor_id_starts_at", "doctor_id", "starts_at"),
        Index("ix_appointment_state_starts_at", "state", "starts_at"),
        Index("ix_appointment_room_id_starts_at", "room_id", "starts_at"),
    )

    control_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("control.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    insured_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("insured.id"), index=True)
    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"))
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("site.id"))
    room_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consulting_room.id"))
    mode: Mapped[Mode] = mapped_column(words(Mode))
    state: Mapped[AppointmentState] = mapped_column(words(AppointmentState), default=AppointmentState.BOOKED)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    busy_until: Mapped[datetime]
    """End of the buffer; the doctor is taken over [starts_at, busy_until)."""
    zone: Mapped[str] = mapped_column(String(40))
    """Legal zone of the place where the insured is: deadlines and texts are counted in it."""
    version: Mapped[int] = mapped_column(default=1)
    notice_since_version: Mapped[int] = mapped_column(default=1)
    """The first version with the present hour: an invitation accepted for it, or later, counts as its notice."""
    booked_at: Mapped[datetime]
    booked_by: Mapped[str] = mapped_column(String(64))
    hard_limit_at: Mapped[datetime]
    """The invitation must be accepted before this instant (kept for the sweeps; `deadlines` computes it)."""
    notice_settled_at: Mapped[datetime | None]
    """When the notice was found good (both channels, or what replaces them)."""
    notice_flagged_at: Mapped[datetime | None]
    waiver_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff_user.id"))
    waiver_at: Mapped[datetime | None]
    waiver_reason: Mapped[str] = mapped_column(String(300), default="")
    declined_at: Mapped[datetime | None]
    hold_until: Mapped[datetime | None]
    announced_at: Mapped[datetime | None]
    """When the insured said that they cannot come."""
    announced_reason: Mapped[str] = mapped_column(String(40), default="")
    announced_decision: Mapped[str] = mapped_column(String(20), default="")
    ended_at: Mapped[datetime | None]
    reminded_version: Mapped[int] = mapped_column(default=0)
    """The version whose reminder is settled (queued, or recorded as missed or not due)."""

    control: Mapped[Control] = relationship(lazy="raise")
    doctor: Mapped[Doctor] = relationship(lazy="raise")
    site: Mapped[Site | None] = relationship(lazy="raise")


attach_overlap_guards(Appointment.__table__, blocking=[str(state) for state in BLOCKING])


class CompanionRole(StrEnum):
    """Who comes with the insured, as far as anybody needs to know."""

    RELATIVE = "relative"
    INTERPRETER = "interpreter"
    SIGN_LANGUAGE_INTERPRETER = "sign_language_interpreter"
    OTHER = "other"
    """Another person of their choice."""


class Preparation(HasId, Base):
    """What the insured said beforehand, of their control: it goes on with another hour or another appointment."""

    __tablename__ = "preparation"
    __table_args__ = (
        CheckConstraint(
            "companion_role IS NULL OR companion_role IN ("
            + ", ".join(f"'{role.value}'" for role in CompanionRole)
            + ")",
            name="companion_role_known",
        ),
        CheckConstraint("(companion_role IS NULL) = (companion_name = '')", name="companion_named"),
    )

    control_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("control.id"), unique=True)
    has_documents: Mapped[bool] = mapped_column(default=False)
    """What they will show is at hand."""
    has_quiet_place: Mapped[bool] = mapped_column(default=False)
    needs: Mapped[list[str]] = mapped_column(default=list)
    """Codes of `preparations.Need`: ways of going about it, never a reason for them."""
    language: Mapped[str] = mapped_column(String(8), default="")
    """The language in which they would rather speak, `fr` or `en`; empty while they said nothing."""
    interpreter: Mapped[str] = mapped_column(String(20), default="")
    """A code of `preparations.InterpreterLanguage` when they need one."""
    companion_name: Mapped[str] = mapped_column(String(80), default="")
    companion_role: Mapped[CompanionRole | None] = mapped_column(words(CompanionRole))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PastVersion(HasId, Base):
    """A version of an appointment that another replaced."""

    __tablename__ = "past_version"
    __table_args__ = (UniqueConstraint("appointment_id", "version"), only("state", AppointmentState))

    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointment.id"))
    version: Mapped[int]
    state: Mapped[AppointmentState] = mapped_column(words(AppointmentState), default=AppointmentState.MOVED)
    doctor_id: Mapped[uuid.UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    replaced_at: Mapped[datetime]
    replaced_by: Mapped[str] = mapped_column(String(64))


class NoticeDecision(HasId, Base):
    """A named handler's decision that stands for one channel of a notice (`DOMAIN.md` §3)."""

    __tablename__ = "notice_decision"
    __table_args__ = (UniqueConstraint("appointment_id", "version", "channel"),)

    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointment.id"))
    version: Mapped[int]
    channel: Mapped[str] = mapped_column(String(20))
    decided_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff_user.id"))
    decided_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    """`other_address`, `letter_with_proof` or `told_in_person`; past the limit `counts_after_limit` or `does_not_count`."""
    reason: Mapped[str] = mapped_column(String(300))
