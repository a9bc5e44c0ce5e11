"""Signing in and out: throttled, with one answer for every wrong pair, and tokens kept as hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts import passwords, throttle
from telecontrol.accounts.links import hashed
from telecontrol.accounts.models import StaffSignIn, StaffUser
from telecontrol.db.journal import Actor, ActorKind, record

IDLE = timedelta(hours=2)
"""A browser left alone is signed out (choice)."""
LIFETIME = timedelta(hours=12)
"""Nobody stays signed in longer than a working day (choice)."""
SEEN_EVERY = timedelta(minutes=5)
"""How exactly the last use is known: finer would write at every page."""

PER_ACCOUNT = throttle.Limit(free=5, first=timedelta(seconds=30), longest=timedelta(minutes=15))
PER_ADDRESS = throttle.Limit(free=50, first=timedelta(seconds=30), longest=timedelta(minutes=15))
"""An office behind one address shares it, hence the wider margin."""

_ACCOUNT, _ADDRESS = "sign_in_account", "sign_in_address"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` goes into the cookie, this once."""

    token: str
    user: StaffUser
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Wrong pair, unknown or closed account: never told apart."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """Too many failures; `retry_after` in seconds."""

    retry_after: int


async def sign_in(
    session: AsyncSession,
    *,
    email: str,
    password: str,
    address: str,
    now: datetime,
    cost: passwords.Cost = passwords.STANDARD,
) -> SignedIn | Refused | Throttled:
    """Check a password and open a browser's sign-in.

    Refusals are returned, not raised, so that the caller's commit keeps the failure that was counted. Unknown addresses are
    counted, delayed and hashed against like known ones.
    """
    email = email.strip().lower()
    account, caller = throttle.secret_key(email), throttle.address_key(address)
    await throttle.take_turns(session, account)
    wait = max(
        await throttle.seconds_to_wait(session, scope=_ACCOUNT, key=account, limit=PER_ACCOUNT, now=now),
        await throttle.seconds_to_wait(session, scope=_ADDRESS, key=caller, limit=PER_ADDRESS, now=now),
    )
    if wait:
        return Throttled(wait)
    user = await session.scalar(select(StaffUser).where(StaffUser.email == email))
    is_right = await passwords.is_right(password, user.password_hash if user else None, cost=cost)
    if user is None or not is_right or not user.is_active:
        await _count_failure(session, user, account=account, caller=caller, now=now)
        return Refused()
    await throttle.forget_failures(session, scope=_ACCOUNT, key=account)
    user.failed_count, user.locked_until = 0, None
    if passwords.is_outdated(user.password_hash, cost=cost):
        user.password_hash = await passwords.hash_password(password, cost=cost)
    return await _open(session, user, now=now)


async def _count_failure(
    session: AsyncSession, user: StaffUser | None, *, account: str, caller: str, now: datetime
) -> None:
    failures = await throttle.count_failure(session, scope=_ACCOUNT, key=account, now=now)
    await throttle.count_failure(session, scope=_ADDRESS, key=caller, now=now)
    if user is not None:
        # Shown on the page of users; the counted failures alone decide.
        wait = PER_ACCOUNT.wait_after(failures)
        user.failed_count, user.locked_until = failures, now + wait if wait else None
        actor = Actor(ActorKind.STAFF, str(user.id), user.role)
        record(session, "staff.sign_in_refused", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)


async def _open(session: AsyncSession, user: StaffUser, *, now: datetime) -> SignedIn:
    token = secrets.token_urlsafe(32)
    opened = StaffSignIn(
        token_hash=hashed(token), user_id=user.id, created_at=now, last_seen_at=now, expires_at=now + LIFETIME
    )
    session.add(opened)
    actor = Actor(ActorKind.STAFF, str(user.id), user.role)
    record(session, "staff.signed_in", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)
    await session.flush()
    return SignedIn(token, user, opened.expires_at)


async def find_sign_in(session: AsyncSession, token: str, *, now: datetime) -> tuple[StaffSignIn, StaffUser] | None:
    """The sign-in of a cookie and its user, while it is neither idle, ended nor revoked and the account is open. Reads only."""
    row = (
        await session.execute(
            select(StaffSignIn, StaffUser)
            .join(StaffUser, StaffUser.id == StaffSignIn.user_id)
            .where(
                StaffSignIn.token_hash == hashed(token),
                StaffSignIn.revoked_at.is_(None),
                StaffSignIn.expires_at > now,
                StaffSignIn.last_seen_at > now - IDLE,
                StaffUser.is_active.is_(True),
            )
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def is_due_to_be_seen(found: StaffSignIn, *, now: datetime) -> bool:
    """Whether the last use is old enough to be worth a write (`note_seen`)."""
    return now - found.last_seen_at >= SEEN_EVERY


async def note_seen(session: AsyncSession, sign_in_id: uuid.UUID, *, now: datetime) -> None:
    """Put off the idle limit."""
    await session.execute(update(StaffSignIn).where(StaffSignIn.id == sign_in_id).values(last_seen_at=now))


async def sign_out(session: AsyncSession, token: str, *, now: datetime) -> None:
    """End the sign-in of a cookie; an unknown one is no error."""
    await session.execute(
        update(StaffSignIn)
        .where(StaffSignIn.token_hash == hashed(token), StaffSignIn.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session="fetch")
    )


async def sign_out_everywhere(session: AsyncSession, user_id: uuid.UUID, *, now: datetime) -> None:
    """End every sign-in of a user: password changed, account closed."""
    await session.execute(
        update(StaffSignIn)
        .where(StaffSignIn.user_id == user_id, StaffSignIn.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session="fetch")
    )


async def forget_old_sign_ins(session: AsyncSession, *, now: datetime) -> None:
    """Delete the rows that ended more than a day ago; the journal keeps who signed in."""
    before = now - timedelta(days=1)
    await session.execute(
        delete(StaffSignIn).where(or_(StaffSignIn.expires_at < before, StaffSignIn.revoked_at < before))
    )


async def unlock(session: AsyncSession, user: StaffUser) -> None:
    """Let somebody try again at once: after an administrator set their password."""
    await throttle.forget_failures(session, scope=_ACCOUNT, key=throttle.secret_key(user.email))
    user.failed_count, user.locked_until = 0, None


def csrf_token(cookie_token: str, *, secret: str) -> str:
    """The token that every form of this browser carries: bound to its cookie, not to be made without the secret.

    Serves staff sign-ins and insured's visits alike.
    """
    made = hmac.digest(secret.encode(), b"csrf:" + cookie_token.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def is_csrf_token(given: str, cookie_token: str, *, secret: str) -> bool:
    """Whether `given` is the form token of this cookie, compared in constant time."""
    return hmac.compare_digest(given.encode(), csrf_token(cookie_token, secret=secret).encode())
