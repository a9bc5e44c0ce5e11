"""Tables of the file: insured, doctor and approvals, procedure policy, control."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.controls.states import ControlState
from telecontrol.db.base import Base, HasId, only, words


class Procedure(StrEnum):
    """The three procedures of `DOMAIN.md` §2."""

    A = "A"
    """Télécontrôle asked by the health-insurance fund."""
    B = "B"
    """Contre-visite asked by a private employer."""
    C = "C"
    """Control asked by a public employer."""


class Insured(HasId, Base):
    """The person on sick leave, as one organisation knows them."""

    __tablename__ = "insured"
    __table_args__ = (UniqueConstraint("organisation_id", "external_reference"),)

    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    external_reference: Mapped[str] = mapped_column(String(80))
    family_name: Mapped[str] = mapped_column(String(120))
    given_name: Mapped[str] = mapped_column(String(120))
    search_name: Mapped[str] = mapped_column(String(250), index=True)
    """Names without accents, in lower case, sorted by word: what a search compares."""
    birth_on: Mapped[date | None]
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(20), default="", index=True)
    """E.164, mobile; empty when there is none."""
    language: Mapped[str] = mapped_column(String(8), default="fr")
    address: Mapped[str] = mapped_column(String(300), default="")
    postcode: Mapped[str] = mapped_column(String(10), default="")
    city: Mapped[str] = mapped_column(String(80), default="")
    zone: Mapped[str] = mapped_column(String(40), default="Europe/Paris")
    """IANA zone of the place of rest."""
    email_refused_at: Mapped[datetime | None]
    """When the address was refused for good or bounced; cleared when it is corrected."""
    phone_refused_at: Mapped[datetime | None]


class Doctor(HasId, Base):
    """A consulting doctor."""

    __tablename__ = "doctor"

    rpps: Mapped[str] = mapped_column(String(11), unique=True)
    """National number, 11 digits with a Luhn key."""
    family_name: Mapped[str] = mapped_column(String(120))
    given_name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff_user.id"), unique=True)
    zone: Mapped[str] = mapped_column(String(40), default="Europe/Paris")
    """IANA zone of the doctor's agenda: openings are local to it."""
    works_on_holidays: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


class DoctorApproval(HasId, Base):
    """Leave to examine under a procedure, between two dates (inclusive; an open end is empty)."""

    __tablename__ = "doctor_approval"
    __table_args__ = (only("procedure", Procedure), Index("ix_doctor_approval_procedure", "procedure", "doctor_id"))

    doctor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("doctor.id"))
    procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    valid_from_on: Mapped[date]
    valid_until_on: Mapped[date | None]


class ProcedurePolicy(HasId, Base):
    """A version of a procedure's rules. Never changed: a new version is added and controls keep the one they began under."""

    __tablename__ = "procedure_policy"
    __table_args__ = (UniqueConstraint("procedure", "version"), only("procedure", Procedure))

    procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    version: Mapped[int]
    valid_from_on: Mapped[date]
    rules: Mapped[dict[str, Any]]


class Control(HasId, Base):
    """One control of one leave of one person."""

    __tablename__ = "control"
    __table_args__ = (
        UniqueConstraint("organisation_id", "external_reference"),
        only("state", ControlState),
        only("procedure", Procedure),
        CheckConstraint("leave_ends_on >= leave_starts_on", name="leave_in_order"),
        Index("ix_control_state_organisation_id", "state", "organisation_id"),
    )

    reference: Mapped[str] = mapped_column(String(16), unique=True)
    """Short, readable, printed in every message so that its genuineness can be checked (`TC-7KQ2-M4XD`)."""
    external_reference: Mapped[str] = mapped_column(String(80))
    """The asking organisation's own number of the request."""
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    insurer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("insurer.id"))
    insured_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("insured.id"), index=True)
    procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    policy_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("procedure_policy.id"))
    state: Mapped[ControlState] = mapped_column(words(ControlState), default=ControlState.REQUESTED)
    leave_starts_on: Mapped[date]
    leave_ends_on: Mapped[date]
    prescriber_name: Mapped[str] = mapped_column(String(120), default="")
    prescriber_rpps: Mapped[str] = mapped_column(String(11), default="")
    treating_rpps: Mapped[str] = mapped_column(String(11), default="")
    requested_at: Mapped[datetime]
    state_since_at: Mapped[datetime]
    needs_in_person: Mapped[bool] = mapped_column(default=False)
    """Video was declined, or not enough: only an in-person appointment may be booked."""
    identity_failures: Mapped[int] = mapped_column(default=0)
    moves_by_insured: Mapped[int] = mapped_column(default=0)

    insured: Mapped[Insured] = relationship(lazy="raise")
    organisation: Mapped[Organisation] = relationship(lazy="raise")
    insurer: Mapped[Insurer] = relationship(lazy="raise")
    policy: Mapped[ProcedurePolicy] = relationship(lazy="raise")


class ImportKind(StrEnum):
    CONTROLS = "controls"
    DOCTORS = "doctors"
    SITES = "sites"


class ImportState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    """The file could not be read at all, or all-or-nothing met a bad line: nothing was created."""
    INTERRUPTED = "interrupted"
    """The process stopped before the end: the same file may be imported again, nothing is created twice."""


class DraftState(StrEnum):
    REHEARSING = "rehearsing"
    REHEARSED = "rehearsed"
    """Read without writing anything; somebody chooses what becomes of it."""
    INTERRUPTED = "interrupted"
    """The process stopped before the end of the rehearsal."""


class ImportDraft(HasId, Base):
    """A file that was sent and not imported yet, with what a rehearsal found in it.

    The file waits here sealed, rather than on a disk: it holds names and addresses, any process of the service can go on with
    it, and it vanishes with the row, when it is imported or given up, after a day at the latest.
    """

    __tablename__ = "import_draft"
    __table_args__ = (only("kind", ImportKind), only("state", DraftState))

    kind: Mapped[ImportKind] = mapped_column(words(ImportKind))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    insurer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("insurer.id"))
    """For lines that name no insurer."""
    file_name: Mapped[str] = mapped_column(String(200))
    file_hash: Mapped[str] = mapped_column(String(64))
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    state: Mapped[DraftState] = mapped_column(words(DraftState), default=DraftState.REHEARSING)
    report: Mapped[dict[str, Any]]
    sent_by: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime] = mapped_column(index=True)


class ImportJob(HasId, Base):
    """An import started on screen, so that its page can show how far it is. The file itself is not kept."""

    __tablename__ = "import_job"
    __table_args__ = (only("kind", ImportKind), only("state", ImportState))

    kind: Mapped[ImportKind] = mapped_column(words(ImportKind))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    """Whose controls; empty for doctors and sites, which belong to the operator."""
    file_name: Mapped[str] = mapped_column(String(200))
    file_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[ImportState] = mapped_column(words(ImportState), default=ImportState.RUNNING)
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]]
    started_by: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
