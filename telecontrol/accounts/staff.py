"""Staff accounts: added, given a password, closed."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts import passwords
from telecontrol.accounts.models import Role, StaffUser
from telecontrol.accounts.sign_in import sign_out_everywhere, unlock
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, InvalidInput, NotFound

LANGUAGES = ("fr", "en")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")


async def add_user(
    session: AsyncSession,
    *,
    email: str,
    display_name: str,
    role: Role,
    password: str,
    actor: Actor,
    now: datetime,
    organisation_id: uuid.UUID | None = None,
    language: str = "fr",
    user_id: uuid.UUID | None = None,
    cost: passwords.Cost = passwords.STANDARD,
) -> StaffUser:
    """Open an account. `organisation_id` keeps a handler to one organisation; other roles have none.

    Raises `InvalidInput` naming every field at fault, and `Conflict` (`user_exists`).
    """
    facts = checked_facts(
        email=email,
        display_name=display_name,
        role=role,
        organisation_id=organisation_id,
        language=language,
        password=password,
    )
    user = StaffUser(
        id=user_id or uuid.uuid4(),
        **facts,
        role=role,
        password_hash=await passwords.hash_password(password, cost=cost),
        created_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise Conflict(
            "an account with this e-mail address exists already", code="user_exists", field="email"
        ) from error
    record(session, "staff.added", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id, role=role)
    return user


def checked_facts(
    *,
    email: str,
    display_name: str,
    role: Role,
    organisation_id: uuid.UUID | None,
    language: str,
    password: str | None = None,
) -> dict[str, Any]:
    """What is kept of an account, as it is kept; the password is only judged. Raises `InvalidInput` naming every fault."""
    email, display_name = email.strip().lower(), " ".join(display_name.split())
    problems = []
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        problems.append(InvalidInput("not an e-mail address", field="email", code="email_malformed"))
    if not 0 < len(display_name) <= 120:
        problems.append(
            InvalidInput("a name of 1 to 120 characters is needed", field="display_name", code="name_missing")
        )
    if organisation_id is not None and role is not Role.HANDLER:
        problems.append(
            InvalidInput(
                "only a handler belongs to one organisation", field="organisation_id", code="organisation_not_for_role"
            )
        )
    if language not in LANGUAGES:
        problems.append(InvalidInput("pages exist in French and English", field="language", code="language_unknown"))
    if password is not None:
        try:
            passwords.check_strength(password, email=email)
        except InvalidInput as problem:
            problems.append(problem)
    if problems:
        raise InvalidInput.of_all(problems)
    return {
        "email": email,
        "display_name": display_name,
        "organisation_id": organisation_id,
        "language": language,
    }


async def set_password(
    session: AsyncSession,
    user: StaffUser,
    *,
    password: str,
    actor: Actor,
    now: datetime,
    cost: passwords.Cost = passwords.STANDARD,
) -> None:
    """Give a new password: ends every sign-in of the account and lifts its delay. Raises `InvalidInput`."""
    passwords.check_strength(password, email=user.email)
    user.password_hash = await passwords.hash_password(password, cost=cost)
    await unlock(session, user)
    await sign_out_everywhere(session, user.id, now=now)
    record(session, "staff.password_set", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)


async def deactivate(session: AsyncSession, user: StaffUser, *, actor: Actor, now: datetime) -> None:
    """Close an account at once, everywhere. Its past acts keep its name."""
    user.is_active = False
    await sign_out_everywhere(session, user.id, now=now)
    record(session, "staff.deactivated", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)


async def reactivate(session: AsyncSession, user: StaffUser, *, actor: Actor, now: datetime) -> None:
    """Open a closed account again."""
    user.is_active = True
    record(session, "staff.reactivated", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)


async def find_user(session: AsyncSession, email: str) -> StaffUser:
    """The account of an e-mail address. Raises `NotFound`."""
    user: StaffUser | None = await session.scalar(select(StaffUser).where(StaffUser.email == email.strip().lower()))
    if user is None:
        raise NotFound("no account with this e-mail address", code="user_not_found")
    return user


async def list_users(session: AsyncSession) -> list[StaffUser]:
    """Every account, open ones first, by name."""
    found = await session.scalars(
        select(StaffUser).order_by(StaffUser.is_active.desc(), StaffUser.display_name, StaffUser.id)
    )
    return list(found)
