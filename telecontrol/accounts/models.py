"""Tables of the tenants (asking organisations, insurers), of those who sign in, and of what lets somebody in."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.db.base import Base, HasId, only, words


class Role(StrEnum):
    HANDLER = "handler"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"


class Organisation(HasId, Base):
    """An asking organisation (fund, employer, authority). Every row that belongs to one carries its id."""

    __tablename__ = "organisation"

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    mandate: Mapped[str] = mapped_column(String(300), default="")
    """On whose behalf the person is called, in words for the insured."""
    mandate_en: Mapped[str] = mapped_column(String(300), default="", server_default="")
    """The same in English; empty where nobody wrote it."""
    accent_colour: Mapped[str] = mapped_column(String(7), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    """Where the organisation hears of its requests' stages; empty: it follows them on its own."""
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Insurer(HasId, Base):
    """Who receives the 48-hour report, and by which gateway."""

    __tablename__ = "insurer"

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    gateway_url: Mapped[str] = mapped_column(String(300), default="")
    """Address of the HTTPS JSON gateway (plain http on loopback only); empty: none configured yet."""
    gateway_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class StaffUser(HasId, Base):
    """Somebody who signs in. `organisation_id` restricts a handler to one organisation; empty means the operator's own desk."""

    __tablename__ = "staff_user"
    __table_args__ = (only("role", Role),)

    email: Mapped[str] = mapped_column(String(254), unique=True)
    """Lower case."""
    display_name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(words(Role))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisation.id"))
    password_hash: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(8), default="fr")
    is_active: Mapped[bool] = mapped_column(default=True)
    failed_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class StaffSignIn(HasId, Base):
    """A browser in which somebody signed in. Only the token's hash is kept."""

    __tablename__ = "staff_sign_in"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff_user.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class FailedTry(HasId, Base):
    """A wrong password, or another guess that must not go on for ever. Kept for a day.

    `key` is a hash of the e-mail address (of an account or of none, alike) or the caller's network address.
    """

    __tablename__ = "failed_try"
    __table_args__ = (Index("ix_failed_try_scope_key_at", "scope", "key", "at"),)

    scope: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class ApiKey(HasId, Base):
    """A key of the JSON API, kept as a hash, limited to one organisation and to scopes."""

    __tablename__ = "api_key"

    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ApiRequest(HasId, Base):
    """The answer once given under an `Idempotency-Key`, so that the same request again gets the same answer."""

    __tablename__ = "api_request"
    __table_args__ = (UniqueConstraint("api_key_id", "idempotency_key"),)

    api_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_key.id"))
    idempotency_key: Mapped[str] = mapped_column(String(128))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class LinkPurpose(StrEnum):
    VIEW = "view"
    """In calendar parts: shows, never acts."""
    ACT = "act"


class InsuredLink(HasId, Base):
    """A link that was sent: bound to an appointment, a person and a purpose. Only the token's hash is kept."""

    __tablename__ = "insured_link"
    __table_args__ = (only("purpose", LinkPurpose),)

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    appointment_id: Mapped[uuid.UUID] = mapped_column(index=True)
    insured_id: Mapped[uuid.UUID]
    control_id: Mapped[uuid.UUID]
    purpose: Mapped[LinkPurpose] = mapped_column(words(LinkPurpose))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """The page stays readable until then (30 days after the appointment)."""
    revoked_at: Mapped[datetime | None]
    failed_count: Mapped[int] = mapped_column(default=0)
    """Wrong birth dates and codes given through this link; at the limit, only a human helps."""
    channel: Mapped[str] = mapped_column(String(10), default="", server_default="")
    """The channel of the message that carried it (`mail`, `sms`); empty for a calendar file's and for older ones."""


class InsuredVisit(HasId, Base):
    """A browser that exchanged a link for a cookie. Nothing but the date and organisation shows before `verified_at`."""

    __tablename__ = "insured_visit"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    link_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("insured_link.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]


class AccessCode(HasId, Base):
    """Six digits sent by the channel other than the link's, where no birth date is on file. Only a keyed hash is kept."""

    __tablename__ = "access_code"

    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("insured_visit.id"), index=True)
    """The browser that asked for it: in another one it opens nothing."""
    appointment_id: Mapped[uuid.UUID] = mapped_column(index=True)
    channel: Mapped[str] = mapped_column(String(10))
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
