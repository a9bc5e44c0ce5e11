"""What the API takes and gives. Instants are RFC 3339 with an offset, answered in UTC (`times.py`)."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from telecontrol.controls.models import Control, Procedure
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.controls.states import ControlState
from telecontrol.reports.circumstances import IdentityDocument
from telecontrol.scheduling.answers import CannotCome
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.web.api.times import Day, Instant


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class InsuredIn(Body):
    external_reference: Annotated[str, Field(min_length=1, max_length=80)]
    family_name: Annotated[str, Field(min_length=1, max_length=120)]
    given_name: Annotated[str, Field(min_length=1, max_length=120)]
    birth_on: Day | None = None
    email: Annotated[str, Field(max_length=254)] = ""
    phone: Annotated[str, Field(max_length=32)] = ""
    language: Literal["", "fr", "en"] = ""
    address: Annotated[str, Field(max_length=300)] = ""
    postcode: Annotated[str, Field(max_length=10)] = ""
    city: Annotated[str, Field(max_length=80)] = ""
    zone: Annotated[
        str, Field(max_length=40, description="IANA zone of the place of rest; the postcode's by default.")
    ] = ""


class ControlIn(Body):
    external_reference: Annotated[
        str, Field(min_length=1, max_length=80, description="Your own number of the request.")
    ]
    procedure: Procedure
    insurer: Annotated[str, Field(min_length=1, max_length=40, description="Code of the insurer.")]
    leave_starts_on: Day
    leave_ends_on: Day
    insured: InsuredIn
    prescriber_name: Annotated[str, Field(max_length=120)] = ""
    prescriber_rpps: Annotated[str, Field(max_length=11)] = ""
    treating_rpps: Annotated[str, Field(max_length=11)] = ""


class AppointmentOut(BaseModel):
    id: uuid.UUID
    control_id: uuid.UUID
    state: AppointmentState
    mode: Mode
    version: int
    starts_at: datetime
    ends_at: datetime
    zone: Annotated[str, Field(description="Legal zone of the insured: deadlines are counted in it.")]
    doctor_id: uuid.UUID
    site_id: uuid.UUID | None
    hard_limit_at: datetime

    @classmethod
    def of(cls, row: Appointment) -> AppointmentOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ControlOut(BaseModel):
    id: uuid.UUID
    reference: str
    external_reference: str
    procedure: Procedure
    state: ControlState
    state_since_at: datetime
    requested_at: datetime
    leave_starts_on: date
    leave_ends_on: date
    needs_in_person: bool

    @classmethod
    def of(cls, row: Control) -> ControlOut:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ConclusionOut(BaseModel):
    """Administrative words only."""

    id: uuid.UUID
    appointment_id: uuid.UUID
    result: Result
    words: str
    event_at: datetime
    signed_at: datetime
    examination_took_place: bool
    content_hash: str


class ControlDetail(ControlOut):
    appointments: list[AppointmentOut]
    conclusion: ConclusionOut | None = None


class ControlList(BaseModel):
    controls: list[ControlOut]
    after: Annotated[str | None, Field(description="Give it back as `after` for the next ones; null at the end.")]


class SlotOut(BaseModel):
    doctor_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    mode: Mode
    site_id: uuid.UUID | None


class SlotList(BaseModel):
    slots: list[SlotOut]
    first_possible_at: Annotated[datetime, Field(description="First start that can still be convoked in time.")]


class AppointmentIn(Body):
    control_id: uuid.UUID
    doctor_id: uuid.UUID
    starts_at: Instant
    mode: Mode | None = None
    site_id: uuid.UUID | None = None


class MoveIn(Body):
    starts_at: Instant
    doctor_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None


class CancelIn(Body):
    reason: Literal["", "doctor_unavailable", "request_withdrawn", "technical"] = ""
    ends_control: Annotated[bool, Field(description="True when the control itself is withdrawn.")] = False


class AnswerKind(StrEnum):
    DECLINE_VIDEO = "decline_video"
    UNDO_DECLINE = "undo_decline"
    CANNOT_COME = "cannot_come"
    WITHDRAW_ABSENCE = "withdraw_absence"
    ANOTHER_HOUR = "another_hour"


class AnswerIn(Body):
    """What the insured told you, on their behalf."""

    answer: AnswerKind
    reason: Annotated[CannotCome | None, Field(description="For `cannot_come`.")] = None
    starts_at: Annotated[Instant | None, Field(description="For `another_hour`.")] = None
    doctor_id: Annotated[uuid.UUID | None, Field(description="For `another_hour`; the same doctor by default.")] = None


class ConclusionIn(Body):
    """Signed by the doctor of the appointment in your own system; circumstances hold facts, never a medical word."""

    result: Result
    event_at: Instant | None = None
    identity_document: IdentityDocument = IdentityDocument.NOT_SHOWN
    arrived_at: Instant | None = None
    waited_until: Instant | None = None
    calls_made_at: list[Instant] = []
    remark: Annotated[str, Field(max_length=300)] = ""
    by_phone: bool = False
    seen: Annotated[
        bool,
        Field(
            description="For a result that says something of the person: that the doctor saw them, where no call was recorded here."
            " The report then tells it as a statement of your system."
        ),
    ] = True
    signed_by_rpps: Annotated[str, Field(pattern=r"^\d{11}$")]


class MessageOut(BaseModel):
    id: uuid.UUID
    kind: str
    channel: str
    recipient: Annotated[str, Field(description="Masked.")]
    version: int
    state: str
    delivery: str
    not_before: datetime
    not_after: datetime
    accepted_at: datetime | None
    failure_code: str
    attempts: int
    content_hash: str


class MessageList(BaseModel):
    messages: list[MessageOut]


class ReportOut(BaseModel):
    """Proof of sending; the report itself goes to the insurer alone."""

    id: uuid.UUID
    kind: str
    state: str
    event_at: datetime
    due_at: datetime
    signed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledgement: str
    breached_at: datetime | None
    content_hash: str


class ReportList(BaseModel):
    reports: list[ReportOut]


class ProblemOut(BaseModel):
    """RFC 9457. `code` is stable; more members depend on it (`field`, `errors`, `first_possible`, `slots`)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "model": ProblemOut}
    for status, text in {
        400: "What was sent is not JSON",
        401: "No key, or one that is not in use",
        403: "The key lacks the scope",
        404: "No such thing, or not yours",
        409: "The state of things forbids it now",
        415: "The body is not said to be JSON: send `Content-Type: application/json`",
        422: "What was given cannot be accepted",
    }.items()
}
