"""A code by the other channel: what is asked at the insured's door where no birth date is on file (PROMISES §4.3).

Whoever holds a link holds one message; the code goes by the other channel, so that one message alone opens nothing. It is bound
to the browser that asked for it, lives ten minutes, and shares its tries with every link of the appointment.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.links import Blocked, Verified, Wrong, lock_tries
from telecontrol.accounts.models import AccessCode, InsuredLink, InsuredVisit

LIFETIME = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)
"""Between two codes of one browser: the first may still be on its way."""
MOST_A_DAY = 5
"""Codes of one appointment: nobody is flooded by whoever found a link."""
_OTHER = {"mail": "sms", "sms": "mail"}


@dataclass(frozen=True, slots=True)
class Expired:
    """No code of this browser is still valid: another may be asked for. No try is spent."""


@dataclass(frozen=True, slots=True)
class Made:
    """A fresh code. `digits` is given this once, to be sent and forgotten."""

    id: uuid.UUID
    digits: str
    expires_at: datetime


def other_channel(link: InsuredLink) -> str:
    """The channel that did not carry this link; empty when it is not known which one did."""
    return _OTHER.get(link.channel, "")


async def present_code(session: AsyncSession, visit: InsuredVisit, *, now: datetime) -> AccessCode | None:
    """The code of this browser that may still be typed: the newest one."""
    found: AccessCode | None = await session.scalar(
        select(AccessCode)
        .where(AccessCode.visit_id == visit.id, AccessCode.expires_at > now, AccessCode.used_at.is_(None))
        .order_by(AccessCode.created_at.desc())
        .limit(1)
    )
    return found


async def codes_left(session: AsyncSession, *, appointment_id: uuid.UUID, now: datetime) -> int:
    """How many more codes may be sent for this appointment today."""
    sent = await session.scalar(
        select(func.count(AccessCode.id)).where(
            AccessCode.appointment_id == appointment_id, AccessCode.created_at > now - timedelta(days=1)
        )
    )
    return max(0, MOST_A_DAY - int(sent or 0))


async def make_code(
    session: AsyncSession, visit: InsuredVisit, link: InsuredLink, *, secret: str, channel: str, now: datetime
) -> Made | None:
    """A code for this browser, to be sent by `channel`. None when one was sent less than a minute ago, or too many today.

    `secret` keys the hash: six digits alone would be guessed from a copy of the database.
    """
    await lock_tries(session, link)
    latest = await present_code(session, visit, now=now)
    if latest is not None and now - latest.created_at < PAUSE:
        return None
    if await codes_left(session, appointment_id=link.appointment_id, now=now) == 0:
        return None
    digits = f"{secrets.randbelow(1_000_000):06d}"
    code = AccessCode(
        visit_id=visit.id,
        appointment_id=link.appointment_id,
        channel=channel,
        code_hash=_hashed(secret, visit.id, digits),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(code)
    await session.flush()
    return Made(code.id, digits, code.expires_at)


async def verify_code(
    session: AsyncSession, visit: InsuredVisit, link: InsuredLink, *, given: str, secret: str, tries: int, now: datetime
) -> Verified | Wrong | Blocked | Expired:
    """Check the code before anything personal is shown. As with a birth date, wrong ones are counted over every link of the
    appointment, and the caller commits in every case: raising would lose the count."""
    if visit.verified_at is not None:
        return Verified()
    spent = await lock_tries(session, link)
    if spent >= tries:
        return Blocked()
    code = await present_code(session, visit, now=now)
    if code is None:
        return Expired()
    if hmac.compare_digest(code.code_hash, _hashed(secret, visit.id, given)):
        code.used_at = visit.verified_at = now
        await session.flush()
        return Verified()
    link.failed_count += 1
    await session.flush()
    left = tries - spent - 1
    return Wrong(left) if left > 0 else Blocked()


def _hashed(secret: str, visit_id: uuid.UUID, digits: str) -> str:
    key = hashlib.sha256(b"access code:" + secret.encode()).digest()
    return hmac.new(key, visit_id.bytes + digits.encode(), hashlib.sha256).hexdigest()
