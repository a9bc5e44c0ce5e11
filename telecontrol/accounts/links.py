"""The insured's links: minted, found, exchanged for a visit, guarded by the birth date (PROMISES §4.3).

A token is 128 random bits written in 22 characters, short enough for an SMS. Only its SHA-256 hash is kept, so a reader of
the database holds no working link. Unknown, revoked and expired tokens give the same answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import InsuredLink, InsuredVisit, LinkPurpose

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_TOKEN_IN_ADDRESS = re.compile(r"/(i|with)/[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True, slots=True)
class Verified:
    """The visit is now allowed to see the name, to answer and to join."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not the birth date on file, or not the code that was sent. `tries_left` counts over every link of the appointment."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """No more tries, or no birth date on file: a person must help."""


def hashed(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def mint_link(
    session: AsyncSession,
    *,
    appointment_id: uuid.UUID,
    insured_id: uuid.UUID,
    control_id: uuid.UUID,
    purpose: LinkPurpose,
    now: datetime,
    expires_at: datetime,
    channel: str = "",
) -> str:
    """A new link's token, given this once. Earlier links of the appointment keep working. `channel` is the one that carries it:
    where no birth date is on file, a code goes by the other."""
    token = secrets.token_urlsafe(16)
    session.add(
        InsuredLink(
            token_hash=hashed(token),
            appointment_id=appointment_id,
            insured_id=insured_id,
            control_id=control_id,
            purpose=purpose,
            created_at=now,
            expires_at=expires_at,
            channel=channel,
        )
    )
    await session.flush()
    return token


def calendar_token(secret: str, appointment_id: uuid.UUID) -> str:
    """The token of the view link that calendar files of the page carry: derived from the service's secret, so that a file can
    be downloaded without anything being written (P9). 132 bits of an HMAC; `ensure_calendar_link` makes it work."""
    key = secret.encode()
    digest = hmac.new(key, b"calendar link:" + appointment_id.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:22]


async def ensure_calendar_link(
    session: AsyncSession,
    secret: str,
    *,
    appointment_id: uuid.UUID,
    insured_id: uuid.UUID,
    control_id: uuid.UUID,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Have `calendar_token` lead to this appointment until `expires_at`, to show it and nothing more."""
    token_hash = hashed(calendar_token(secret, appointment_id))
    known = await session.scalar(select(InsuredLink).where(InsuredLink.token_hash == token_hash))
    if known is not None:
        known.expires_at = max(known.expires_at, expires_at)
        return
    try:
        async with session.begin_nested():
            session.add(
                InsuredLink(
                    token_hash=token_hash,
                    appointment_id=appointment_id,
                    insured_id=insured_id,
                    control_id=control_id,
                    purpose=LinkPurpose.VIEW,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
    except IntegrityError:
        # The person's other window made it between our look and our insert.
        return


async def find_link(session: AsyncSession, token: str, *, now: datetime) -> InsuredLink | None:
    """The link of `token`; nothing for one that is unknown, revoked or expired, which are not told apart."""
    if not _TOKEN.fullmatch(token):
        return None
    found: InsuredLink | None = await session.scalar(
        select(InsuredLink).where(
            InsuredLink.token_hash == hashed(token), InsuredLink.revoked_at.is_(None), InsuredLink.expires_at > now
        )
    )
    return found


async def open_visit(
    session: AsyncSession,
    link: InsuredLink,
    *,
    now: datetime,
    lifetime: timedelta,
    verified_at: datetime | None = None,
) -> str:
    """Exchange a link for a cookie's token. The visit ends after `lifetime`, and never after its link.

    `verified_at` carries over what this browser's earlier visit of the same person already proved.
    """
    token = secrets.token_urlsafe(32)
    session.add(
        InsuredVisit(
            token_hash=hashed(token),
            link_id=link.id,
            created_at=now,
            expires_at=min(now + lifetime, link.expires_at),
            verified_at=verified_at,
        )
    )
    await session.flush()
    return token


async def find_visit(
    session: AsyncSession, cookie_token: str, *, now: datetime
) -> tuple[InsuredVisit, InsuredLink] | None:
    """The visit of a cookie and the link it came from, while both stand."""
    row = (
        await session.execute(
            select(InsuredVisit, InsuredLink)
            .join(InsuredLink, InsuredLink.id == InsuredVisit.link_id)
            .where(
                InsuredVisit.token_hash == hashed(cookie_token),
                InsuredVisit.expires_at > now,
                InsuredLink.expires_at > now,
                InsuredLink.revoked_at.is_(None),
            )
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


async def verify_birth_date(
    session: AsyncSession,
    visit: InsuredVisit,
    link: InsuredLink,
    *,
    given: date,
    expected: date | None,
    tries: int,
    now: datetime,
) -> Verified | Wrong | Blocked:
    """Check the birth date before anything personal is shown.

    Wrong answers are counted on the link and summed over all links of the appointment, so that several links give no more
    tries. Once `tries` are spent even the right date is refused until `forgive_wrong_dates`. The caller commits in every
    case: raising would lose the count.
    """
    if visit.verified_at is not None:
        return Verified()
    spent = await lock_tries(session, link)
    is_right = hmac.compare_digest(given.isoformat(), "" if expected is None else expected.isoformat())
    if spent >= tries or expected is None:
        return Blocked()
    if is_right:
        visit.verified_at = now
        await session.flush()
        return Verified()
    link.failed_count += 1
    await session.flush()
    left = tries - spent - 1
    return Wrong(left) if left > 0 else Blocked()


async def lock_tries(session: AsyncSession, link: InsuredLink) -> int:
    """How many tries are spent over all links of the appointment. They are locked until the transaction ends, so that
    simultaneous guesses queue up instead of sharing one try."""
    links = await session.scalars(
        select(InsuredLink)
        .where(InsuredLink.appointment_id == link.appointment_id)
        .order_by(InsuredLink.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return sum(other.failed_count for other in links)


async def wrong_dates_given(session: AsyncSession, *, appointment_id: uuid.UUID) -> int:
    """How many wrong birth dates were given through the links of an appointment, all together."""
    spent = await session.scalar(
        select(func.sum(InsuredLink.failed_count)).where(InsuredLink.appointment_id == appointment_id)
    )
    return int(spent or 0)


async def forgive_wrong_dates(session: AsyncSession, *, appointment_id: uuid.UUID) -> None:
    """Give the tries back: what a handler does who has spoken with the person."""
    await session.execute(
        update(InsuredLink)
        .where(InsuredLink.appointment_id == appointment_id)
        .values(failed_count=0)
        .execution_options(synchronize_session="fetch")
    )


async def revoke_for_appointment(session: AsyncSession, *, appointment_id: uuid.UUID, now: datetime) -> int:
    """End every link of an appointment, and with them its visits; how many stood."""
    revoked = await session.execute(
        update(InsuredLink)
        .where(InsuredLink.appointment_id == appointment_id, InsuredLink.revoked_at.is_(None))
        .values(revoked_at=now)
        .execution_options(synchronize_session="fetch")
    )
    return int(revoked.rowcount)  # type: ignore[attr-defined]


def link_url(public_url: str, token: str) -> str:
    """The address that a message carries."""
    return f"{public_url.rstrip('/')}/i/{token}"


def masked(text: str) -> str:
    """`text` with the token of every link hidden: what staff pages, API answers and evidence show."""
    return _TOKEN_IN_ADDRESS.sub(r"/\1/••••••", text)
