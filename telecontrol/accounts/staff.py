"""Staff accounts: added, given a password, closed."""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts import passwords
from telecontrol.accounts.models import Role, StaffUser
from telecontrol.accounts.sign_in import sign_out_everywhere, unlock
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, InvalidInput, NotFound

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
    cost: passwords.Cost = passwords.STANDARD,
) -> StaffUser:
    """Open an account. `organisation_id` keeps a handler to one organisation; other roles have none.

    Raises `InvalidInput` (field `email`, `display_name`, `organisation_id` or `password`), and `Conflict` (`user_exists`).
    """
    email, display_name = email.strip().lower(), " ".join(display_name.split())
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise InvalidInput("not an e-mail address", field="email", code="email_malformed")
    if not 0 < len(display_name) <= 120:
        raise InvalidInput("a name of 1 to 120 characters is needed", field="display_name", code="name_missing")
    if organisation_id is not None and role is not Role.HANDLER:
        raise InvalidInput(
            "only a handler belongs to one organisation", field="organisation_id", code="organisation_not_for_role"
        )
    passwords.check_strength(password, email=email)
    user = StaffUser(
        email=email,
        display_name=display_name,
        role=role,
        organisation_id=organisation_id,
        password_hash=await passwords.hash_password(password, cost=cost),
        language=language,
        created_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise Conflict("an account with this e-mail address exists already", code="user_exists") from error
    record(session, "staff.added", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id, role=role)
    return user


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
