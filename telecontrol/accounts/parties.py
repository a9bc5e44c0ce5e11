"""Organisations and insurers: added, changed, listed. Their codes are what files and commands name them by."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

import phonenumbers
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, InvalidInput, NotFound

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_EMAIL = re.compile(r"[^@\s<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z0-9]{2,}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_Party = TypeVar("_Party", Organisation, Insurer)


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    """What is kept of an organisation, as typed. `mandate` is a sentence that the insured read, in French and, where
    `mandate_en` is given, in English."""

    code: str
    name: str
    mandate: str = ""
    mandate_en: str = ""
    phone: str = ""
    email: str = ""
    accent_colour: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class InsurerFacts:
    """What is kept of an insurer, its gateway apart (`reports.gateway_setup`)."""

    code: str
    name: str
    is_active: bool = True


async def add_organisation(
    session: AsyncSession, facts: OrganisationFacts, *, actor: Actor, now: datetime, row_id: uuid.UUID | None = None
) -> Organisation:
    """A new organisation. Raises `InvalidInput` naming every field at fault, `Conflict` (`code_taken`)."""
    row = Organisation(id=row_id or uuid.uuid4(), created_at=now, **asdict(_checked_organisation(facts)))
    return await _kept(session, row, act="organisation.created", actor=actor, now=now)


async def change_organisation(
    session: AsyncSession, row: Organisation, facts: OrganisationFacts, *, actor: Actor, now: datetime
) -> list[str]:
    """Bring an organisation up to date; the names of what changed. Raises as `add_organisation`."""
    return await _changed(session, row, _checked_organisation(facts), act="organisation.updated", actor=actor, now=now)


async def add_insurer(
    session: AsyncSession, facts: InsurerFacts, *, actor: Actor, now: datetime, row_id: uuid.UUID | None = None
) -> Insurer:
    """A new insurer. Raises `InvalidInput` naming every field at fault, `Conflict` (`code_taken`)."""
    row = Insurer(id=row_id or uuid.uuid4(), created_at=now, **asdict(_checked_insurer(facts)))
    return await _kept(session, row, act="insurer.created", actor=actor, now=now)


async def change_insurer(
    session: AsyncSession, row: Insurer, facts: InsurerFacts, *, actor: Actor, now: datetime
) -> list[str]:
    """Bring an insurer up to date; the names of what changed. Raises as `add_insurer`."""
    return await _changed(session, row, _checked_insurer(facts), act="insurer.updated", actor=actor, now=now)


async def find_organisation(session: AsyncSession, organisation_id: uuid.UUID) -> Organisation:
    """Raises `NotFound`."""
    return await _found(session, Organisation, organisation_id)


async def find_insurer(session: AsyncSession, insurer_id: uuid.UUID) -> Insurer:
    """Raises `NotFound`."""
    return await _found(session, Insurer, insurer_id)


async def list_organisations(session: AsyncSession, *, active_only: bool = False) -> Sequence[Organisation]:
    """The organisations, active ones first, by name."""
    return await _listed(session, Organisation, active_only=active_only)


async def list_insurers(session: AsyncSession, *, active_only: bool = False) -> Sequence[Insurer]:
    """The insurers, active ones first, by name."""
    return await _listed(session, Insurer, active_only=active_only)


async def _listed(session: AsyncSession, kind: type[_Party], *, active_only: bool) -> Sequence[_Party]:
    wanted = [kind.is_active.is_(True)] if active_only else []
    found = await session.scalars(
        select(kind).where(*wanted).order_by(kind.is_active.desc(), kind.name, kind.id).limit(1000)
    )
    return list(found)


async def _found(session: AsyncSession, kind: type[_Party], row_id: uuid.UUID) -> _Party:
    row = await session.get(kind, row_id)
    if row is None:
        raise NotFound(f"no such {kind.__tablename__}")
    return row


async def _kept(session: AsyncSession, row: _Party, *, act: str, actor: Actor, now: datetime) -> _Party:
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("another one has this code already", code="code_taken", field="code") from error
    record(session, act, actor=actor, now=now, subject_kind=row.__tablename__, subject_id=row.id)
    return row


async def _changed(
    session: AsyncSession,
    row: Organisation | Insurer,
    facts: OrganisationFacts | InsurerFacts,
    *,
    act: str,
    actor: Actor,
    now: datetime,
) -> list[str]:
    given = asdict(facts)
    changed = [name for name, value in given.items() if getattr(row, name) != value]
    if not changed:
        return changed
    try:
        async with session.begin_nested():
            for name in changed:
                setattr(row, name, given[name])
    except IntegrityError as error:
        raise Conflict("another one has this code already", code="code_taken", field="code") from error
    record(session, act, actor=actor, now=now, subject_kind=row.__tablename__, subject_id=row.id, fields=changed)
    return changed


def _checked_organisation(facts: OrganisationFacts) -> OrganisationFacts:
    problems: list[InvalidInput] = []

    def let(check: Callable[[str], str], text: str) -> str:
        try:
            return check(text)
        except InvalidInput as problem:
            problems.append(problem)
            return text

    checked = OrganisationFacts(
        code=let(_code, facts.code),
        name=let(lambda text: one_line(text, field="name", longest=120, is_needed=True), facts.name),
        mandate=let(lambda text: one_line(text, field="mandate", longest=300), facts.mandate),
        mandate_en=let(lambda text: one_line(text, field="mandate_en", longest=300), facts.mandate_en),
        phone=let(_phone, facts.phone),
        email=let(_email, facts.email),
        accent_colour=let(_colour, facts.accent_colour),
        is_active=facts.is_active,
    )
    if problems:
        raise InvalidInput.of_all(problems)
    return checked


def _checked_insurer(facts: InsurerFacts) -> InsurerFacts:
    checked = _checked_organisation(OrganisationFacts(facts.code, facts.name, is_active=facts.is_active))
    return InsurerFacts(checked.code, checked.name, checked.is_active)


def one_line(text: str, *, field: str, longest: int, is_needed: bool = False) -> str:
    """Text on one line, composed, without control signs. Raises `InvalidInput`."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") for sign in line):
        raise InvalidInput("control characters are not accepted", field=field, code="control_characters")
    if is_needed and not line:
        raise InvalidInput("a value is needed", field=field, code="value_missing")
    if len(line) > longest:
        raise InvalidInput(f"longer than {longest} characters", field=field, code="too_long", most=longest)
    return line


def _code(text: str) -> str:
    code = text.strip()
    if not code:
        raise InvalidInput("a value is needed", field="code", code="value_missing")
    if not _CODE.fullmatch(code):
        raise InvalidInput("letters, digits and hyphens, at most 40", field="code", code="code_malformed")
    return code


def _phone(text: str) -> str:
    """A number of any type in E.164, read as French where it names no country; empty stays empty."""
    if not text.strip():
        return ""
    try:
        number = phonenumbers.parse(text.strip(), "FR")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise InvalidInput("not a phone number", field="phone", code="phone_unreadable")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(text: str) -> str:
    """An address that mail can carry; empty stays empty."""
    address = text.strip()
    if address and (len(address) > 254 or not address.isascii() or not _EMAIL.fullmatch(address)):
        raise InvalidInput("not an e-mail address", field="email", code="email_malformed")
    return address


def _colour(text: str) -> str:
    colour = text.strip().lower()
    if colour and not _COLOUR.fullmatch(colour):
        raise InvalidInput("an accent colour is written #rrggbb", field="accent_colour", code="colour_malformed")
    return colour
