"""A signature: somebody who is signed in proves again, by their password, that it is they who sign what is shown to them.

Throttled by account apart from signing in: a screen left open is no way to guess, and a wrong key at the end of an examination
does not shut the doctor out of the service.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts import passwords, throttle
from telecontrol.accounts.models import StaffUser
from telecontrol.accounts.sign_in import Refused, Throttled
from telecontrol.db.journal import Actor, ActorKind, record

LIMIT = throttle.Limit(free=5, first=timedelta(seconds=30), longest=timedelta(minutes=15))
_SCOPE = "signature"


async def prove(
    session: AsyncSession,
    user: StaffUser,
    password: str,
    *,
    now: datetime,
    cost: passwords.Cost = passwords.STANDARD,
) -> Refused | Throttled | None:
    """Check the password of `user`; None when it is right.

    Refusals are returned, not raised, so that the caller's commit keeps the failure that was counted.
    """
    key = str(user.id)
    await throttle.take_turns(session, f"{_SCOPE}:{key}")
    wait = await throttle.seconds_to_wait(session, scope=_SCOPE, key=key, limit=LIMIT, now=now)
    if wait:
        return Throttled(wait)
    if await passwords.is_right(password, user.password_hash, cost=cost):
        await throttle.forget_failures(session, scope=_SCOPE, key=key)
        return None
    await throttle.count_failure(session, scope=_SCOPE, key=key, now=now)
    actor = Actor(ActorKind.STAFF, key, user.role)
    record(session, "staff.signature_refused", actor=actor, now=now, subject_kind="staff_user", subject_id=user.id)
    return Refused()
