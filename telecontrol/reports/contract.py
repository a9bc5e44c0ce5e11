"""The published contract of the insurer's gateway: what a report looks like, what each answer means.

One model serves all: the service checks what it sends, the local insurer and the conformance server check what they receive,
and `docs/insurer-gateway.schema.json` is written from it (`published_schema`). Nothing here knows a database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from telecontrol.controls.results import ReportKind, Result
from telecontrol.reports.canonical import canonical
from telecontrol.reports.circumstances import REMARK_LENGTH, IdentityDocument, Statement, WaitedHow

VERSION = "telecontrol.report/1"
LARGEST_BODY = 256 * 1024
"""Bytes of one report."""
KEY_PATTERN = r"^[A-Za-z0-9._-]{1,128}$"
ACKNOWLEDGEMENT_PATTERN = r"^[A-Za-z0-9._:/-]{1,120}$"

Line = Annotated[str, Field(max_length=300)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ControlPart(_Part):
    """Which control, in both numberings."""

    reference: Annotated[str, Field(min_length=1, max_length=16)]
    external_reference: Annotated[str, Field(max_length=80)]
    procedure: Literal["A", "B", "C"]
    legal_basis: Line


class RequesterPart(_Part):
    """Who asked for the control."""

    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=120)]


class InsuredPart(_Part):
    """Whose leave was to be examined."""

    external_reference: Annotated[str, Field(min_length=1, max_length=80)]
    family_name: Annotated[str, Field(min_length=1, max_length=120)]
    given_name: Annotated[str, Field(max_length=120)]
    birth_on: date | None


class DoctorPart(_Part):
    """Who signed."""

    rpps: Annotated[str, Field(pattern=r"^[0-9]{11}$")]
    family_name: Annotated[str, Field(min_length=1, max_length=120)]
    given_name: Annotated[str, Field(max_length=120)]


class AppointmentPart(_Part):
    """When and how it was to be held. Instants carry the offset of `zone`, where the insured was."""

    mode: Literal["video", "surgery", "home", "phone"]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    zone: Annotated[str, Field(max_length=40)]


class WordingPart(_Part):
    fr: Line
    en: Line


class ConclusionPart(_Part):
    """What the doctor signed, in administrative words. `event_at` is the fact from which the 48 hours run."""

    result: Result
    wording: WordingPart
    examination_took_place: bool
    insured_is_the_cause: bool | None
    """Whether the examination was impossible through the insured; null when the question does not arise."""
    by_phone: bool
    event_at: AwareDatetime
    signed_at: AwareDatetime
    content_hash: Hash


class CircumstancesPart(_Part):
    """Facts with their times (UTC). Never a medical word."""

    identity_document: IdentityDocument
    arrived_at: AwareDatetime | None
    admitted_at: AwareDatetime | None
    waited_until: AwareDatetime | None
    calls_made_at: Annotated[list[AwareDatetime], Field(max_length=50)]
    call_answered: bool | None
    intercom_rung_at: AwareDatetime | None
    passage_notice_left_at: AwareDatetime | None
    technical_problem_at: Annotated[list[AwareDatetime], Field(max_length=200)]
    remark: Annotated[str, Field(max_length=REMARK_LENGTH)]
    # Members below are left out where they say nothing: a report that needs none of them is what it always was.
    seen_without_record: Annotated[
        Statement | None,
        Field(description="The person was seen although no call was recorded: who states it. The remark says how."),
    ] = None
    announced_absent_at: Annotated[
        AwareDatetime | None, Field(description="The insured had said, then, that they could not come.")
    ] = None
    waited_from: Annotated[
        AwareDatetime | None, Field(description="The doctor waited from then on, not from the scheduled start.")
    ] = None
    waited_how: Annotated[
        WaitedHow | None,
        Field(description="How the doctor states that they waited; left out where they were seen to wait in the call."),
    ] = None


class ReportDocument(_Part):
    """The body of `POST /reports`: one report, in one version."""

    contract: Literal["telecontrol.report/1"]
    report_id: UUID
    version: Annotated[int, Field(ge=1)]
    kind: ReportKind
    due_at: AwareDatetime
    control: ControlPart
    requester: RequesterPart
    insured: InsuredPart
    doctor: DoctorPart
    appointment: AppointmentPart
    conclusion: ConclusionPart
    circumstances: CircumstancesPart


class Acknowledgement(BaseModel):
    """The body of a 200, 201 or 202. `status` pending: the report is kept, its acknowledgement comes later."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        json_schema_extra={
            "if": {"properties": {"status": {"const": "accepted"}}},
            "then": {"required": ["acknowledgement_id"], "properties": {"acknowledgement_id": {"type": "string"}}},
        },
    )

    status: Literal["accepted", "pending"]
    acknowledgement_id: Annotated[str, Field(pattern=ACKNOWLEDGEMENT_PATTERN)] | None = None
    idempotency_key: Annotated[str, Field(pattern=KEY_PATTERN)]
    content_digest: Annotated[str, Field(max_length=200)]
    received_at: AwareDatetime


class Health(BaseModel):
    """The body of `GET /health`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["ok"]
    contracts: list[str]


class Fault(_Part):
    """One thing that is wrong with a report: where (a JSON pointer) and what, as a code."""

    pointer: Annotated[str, Field(max_length=200)]
    code: Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,60}$")]


class Problem(BaseModel):
    """The body of a refusal (RFC 9457). Only `code` and `errors` are read by the service; texts are for people."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str = ""
    status: int = 0
    code: Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,60}$")] = "refused"
    errors: Annotated[list[Fault], Field(max_length=100)] = []


def key_of(report_id: UUID | str, version: int) -> str:
    """The idempotency key of a report in one version: the same through every retry."""
    return f"{report_id}.{version}"


def digest_of(body: bytes) -> str:
    """The `Content-Digest` of a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that follows the contract."""

    key: str
    digest: str
    document: ReportDocument
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of a gateway, before anything sends it."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, status: int, values: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
        kind = "application/problem+json" if status >= 400 else "application/json"
        return cls(status, json.dumps(values, ensure_ascii=False).encode(), {"content-type": kind, **(headers or {})})

    @classmethod
    def problem(
        cls,
        status: int,
        code: str,
        title: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        told = [fault.model_dump() for fault in errors]
        values = {"type": "about:blank", "title": title, "status": status, "code": code, "errors": told}
        return cls.of(status, values, headers=headers)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a gateway remembers of a report that it took."""

    key: str
    digest: str
    acknowledgement_id: str
    received_at: datetime


def authorised(headers: Mapping[str, str], *, bearer: str) -> Answer | None:
    """None when the request carries the gateway's key, else the refusal. `headers` have lower-case names."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), bearer.encode()):
        return None
    challenge = {"www-authenticate": "Bearer"}
    return Answer.problem(401, "not_authorised", "The bearer key is missing or wrong.", headers=challenge)


def examine(headers: Mapping[str, str], body: bytes) -> Submission | Answer:
    """The request as a submission, or the refusal that says what is wrong. `headers` have lower-case names."""
    if len(body) > LARGEST_BODY:
        return Answer.problem(413, "too_large", f"At most {LARGEST_BODY} bytes.")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Answer.problem(415, "not_json", "Content-Type must be application/json.")
    key = headers.get("idempotency-key", "")
    if not re.fullmatch(KEY_PATTERN, key):
        return Answer.problem(400, "key_missing", "Idempotency-Key is missing or malformed.")
    if headers.get("content-digest", "") != digest_of(body):
        return Answer.problem(400, "digest_mismatch", "Content-Digest is missing or is not that of the body.")
    try:
        document = ReportDocument.model_validate_json(body)
    except ValidationError as error:
        wrong = faults_of(error)
        return Answer.problem(422, "invalid_report", "The report does not follow the contract.", errors=wrong)
    if key != key_of(document.report_id, document.version):
        wrong = [Fault(pointer="/report_id", code="key_differs")]
        return Answer.problem(422, "invalid_report", "The key is not that of the report and version.", errors=wrong)
    return Submission(key, digest_of(body), document, body)


def again(submission: Submission, kept: Kept) -> Answer:
    """The answer to a key that was seen before: the first acknowledgement, or a conflict when the content differs."""
    if submission.digest == kept.digest:
        return acknowledged(kept, status=200)
    return Answer.problem(409, "content_mismatch", "This key was used for another content.")


def acknowledged(kept: Kept, *, status: int) -> Answer:
    """The acknowledgement of a report that was taken."""
    return Answer.of(
        status,
        {
            "status": "accepted",
            "acknowledgement_id": kept.acknowledgement_id,
            "idempotency_key": kept.key,
            "content_digest": kept.digest,
            "received_at": kept.received_at.isoformat(),
        },
    )


def pending(kept: Kept) -> Answer:
    """202: the report is kept, its acknowledgement comes later."""
    return Answer.of(
        202,
        {
            "status": "pending",
            "idempotency_key": kept.key,
            "content_digest": kept.digest,
            "received_at": kept.received_at.isoformat(),
        },
    )


def unknown_key() -> Answer:
    return Answer.problem(404, "unknown_key", "No report was received under this key.")


def health() -> Answer:
    return Answer.of(200, {"status": "ok", "contracts": [VERSION]})


def faults_of(error: ValidationError) -> list[Fault]:
    """Where a document breaks the contract: pointers and codes, never the values."""
    return [
        Fault(
            pointer="/" + "/".join(str(part) for part in found["loc"])[:198],
            code=re.sub(r"[^a-z0-9_.]", "_", found["type"])[:60],
        )
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ][:100]


def written(document: Mapping[str, Any]) -> bytes:
    """The bytes of a report: checked against the contract, then in canonical form. Raises `pydantic.ValidationError`."""
    body = canonical(dict(document))
    ReportDocument.model_validate_json(body)
    return body
