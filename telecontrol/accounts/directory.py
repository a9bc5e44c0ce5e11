"""The accounts as administrators keep them: found, changed, closed and opened again, let in after too many tries."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts import staff
from telecontrol.accounts.models import Role, StaffUser
from telecontrol.accounts.sign_in import unlock
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, NotFound

A_PAGE = 50


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some accounts, and how many there are in all."""

    users: Sequence[StaffUser]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // A_PAGE))


async def search_users(session: AsyncSession, *, text: str = "", role: Role | None = None, page: int = 1) -> UserPage:
    """Accounts whose name or address holds `text`, open ones first, by name; fifty a page."""
    wanted = [StaffUser.role == role] if role is not None else []
    for word in text.split():
        like = f"%{_literal(word.lower())}%"
        wanted.append(
            or_(
                func.lower(StaffUser.display_name).like(like, escape="\\"),
                StaffUser.email.like(like, escape="\\"),
            )
        )
    total = await session.scalar(select(func.count(StaffUser.id)).where(*wanted)) or 0
    page = min(max(1, page), max(1, -(-total // A_PAGE)))
    users = await session.scalars(
        select(StaffUser)
        .where(*wanted)
        .order_by(StaffUser.is_active.desc(), StaffUser.display_name, StaffUser.id)
        .offset((page - 1) * A_PAGE)
        .limit(A_PAGE)
    )
    return UserPage(list(users), total, page)


def _literal(text: str) -> str:
    """`text` as LIKE finds it itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def user_of_id(session: AsyncSession, user_id: uuid.UUID) -> StaffUser:
    """Raises `NotFound`."""
    user = await session.get(StaffUser, user_id)
    if user is None:
        raise NotFound("no such account", code="user_not_found")
    return user


async def change_user(
    session: AsyncSession,
    user: StaffUser,
    *,
    email: str,
    display_name: str,
    language: str,
    organisation_id: uuid.UUID | None,
    actor: Actor,
    now: datetime,
) -> list[str]:
    """Bring an account up to date; the names of what changed. The role never changes: another role is another account.

    Raises `InvalidInput` naming every field at fault, `Conflict` (`user_exists`) for an address that another account has.
    """
    given = staff.checked_facts(
        email=email, display_name=display_name, role=user.role, organisation_id=organisation_id, language=language
    )
    changed = [name for name, value in given.items() if getattr(user, name) != value]
    if not changed:
        return changed
    try:
        async with session.begin_nested():
            for name in changed:
                setattr(user, name, given[name])
    except IntegrityError as error:
        raise Conflict("another account has this e-mail address", code="user_exists", field="email") from error
    record(
        session,
        "staff.updated",
        actor=actor,
        now=now,
        subject_kind="staff_user",
        subject_id=user.id,
        fields=changed,
    )
    return changed


async def close_account(session: AsyncSession, user: StaffUser, *, actor: Actor, now: datetime) -> None:
    """Close somebody's account. Closing it twice is closing it once.

    Raises `Conflict`: `own_account` for one's own, `last_administrator` when nobody could administer any more.
    """
    if str(user.id) == actor.id:
        raise Conflict("nobody closes their own account", code="own_account")
    if not user.is_active:
        return
    if user.role is Role.ADMINISTRATOR:
        # Two administrators who close each other's account at the same time wait for one another here.
        open_ones = await session.scalars(
            select(StaffUser.id)
            .where(StaffUser.role == Role.ADMINISTRATOR, StaffUser.is_active.is_(True))
            .order_by(StaffUser.id)
            .with_for_update()
        )
        if not set(open_ones) - {user.id}:
            raise Conflict("nobody could administer any more", code="last_administrator")
    await staff.deactivate(session, user, actor=actor, now=now)


async def open_account_again(session: AsyncSession, user: StaffUser, *, actor: Actor, now: datetime) -> None:
    """Open a closed account again; an open one stays as it is."""
    if not user.is_active:
        await staff.reactivate(session, user, actor=actor, now=now)


async def lift_delay(session: AsyncSession, user: StaffUser, *, actor: Actor, now: datetime) -> None:
    """Let somebody who typed too many wrong passwords try again at once."""
    if not user.failed_count and user.locked_until is None:
        return
    await unlock(session, user)
    record(session, "staff.unlocked", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)
