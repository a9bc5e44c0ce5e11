"""The local insurer of the demonstration: the same contract as any insurer's gateway, with a ledger to look at.

Functions only; the web mounts them at `/local-insurer` and carries `Exchange` out. One effect per idempotency key, whatever
mode it is told to play.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.errors import InvalidInput
from telecontrol.reports import contract
from telecontrol.reports.contract import Answer, Kept, Submission
from telecontrol.reports.models import InboxMode, InsurerInboxMode, InsurerInboxReport

PATH = "/local-insurer"
SLOW = timedelta(seconds=20)
"""Under the sender's patience, so that slow is not yet lost."""
_ONLY_ROW = 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """What to do on the wire, once the transaction is committed: wait `delay`, then answer, or drop the connection."""

    answer: Answer
    delay: timedelta = timedelta(0)
    drop_connection: bool = False


async def set_mode(session: AsyncSession, mode: InboxMode, *, times: int | None = None) -> None:
    """Play `mode` for the next `times` reports, or until told otherwise. Raises `InvalidInput` below one."""
    if times is not None and times < 1:
        raise InvalidInput("at least one time", field="times")
    row = await session.get(InsurerInboxMode, _ONLY_ROW)
    if row is None:
        session.add(InsurerInboxMode(id=_ONLY_ROW, mode=mode, remaining=times))
    else:
        row.mode, row.remaining = mode, times
    await session.flush()


async def mode_of(session: AsyncSession) -> InboxMode:
    """What the local insurer plays now."""
    row = await session.get(InsurerInboxMode, _ONLY_ROW)
    return InboxMode.ACCEPT if row is None else row.mode


async def take_mode(session: AsyncSession) -> InboxMode:
    """The mode for the report at hand; a mode with a number of times is used up by one."""
    row = await session.get(InsurerInboxMode, _ONLY_ROW, with_for_update=True)
    if row is None:
        return InboxMode.ACCEPT
    mode = row.mode
    if row.remaining is not None:
        row.remaining -= 1
        if row.remaining <= 0:
            row.mode, row.remaining = InboxMode.ACCEPT, None
    return mode


async def receive(
    session: AsyncSession,
    *,
    headers: Mapping[str, str],
    body: bytes,
    bearer: str,
    mode: InboxMode,
    now: datetime,
) -> Exchange:
    """`POST /reports`. `headers` have lower-case names; `bearer` is the key that the sender must know."""
    refusal = contract.authorised(headers, bearer=bearer)
    if refusal is not None:
        return Exchange(refusal)
    submission = contract.examine(headers, body)
    if isinstance(submission, Answer):
        return Exchange(submission)
    if mode is InboxMode.ERROR:
        return Exchange(Answer.problem(500, "told_to_fail", "The local insurer was told to fail."))
    known = await _known(session, submission.key, lock=True)
    if known is None and mode is InboxMode.REFUSE:
        return Exchange(Answer.problem(422, "told_to_refuse", "The local insurer was told to refuse."))
    if known is None:
        taken = await _take(session, submission, now=now)
        if taken is not None:
            return _played(contract.acknowledged(_kept(taken), status=201), mode)
        # Somebody else brought the same key in the same moment, and was first.
        known = await _known(session, submission.key, lock=True)
    assert known is not None
    known.times_received += 1
    return _played(contract.again(submission, _kept(known)), mode)


async def look_up(session: AsyncSession, *, key: str, headers: Mapping[str, str], bearer: str) -> Answer:
    """`GET /reports/{key}`."""
    refusal = contract.authorised(headers, bearer=bearer)
    if refusal is not None:
        return refusal
    known = await _known(session, key)
    return contract.unknown_key() if known is None else contract.acknowledged(_kept(known), status=200)


def health(headers: Mapping[str, str], *, bearer: str) -> Answer:
    """`GET /health`."""
    return contract.authorised(headers, bearer=bearer) or contract.health()


async def received(session: AsyncSession, *, limit: int = 100) -> list[InsurerInboxReport]:
    """The reports taken, newest first: what the local insurer's page shows."""
    newest = select(InsurerInboxReport).order_by(InsurerInboxReport.received_at.desc(), InsurerInboxReport.key)
    return list(await session.scalars(newest.limit(limit)))


async def _known(session: AsyncSession, key: str, *, lock: bool = False) -> InsurerInboxReport | None:
    wanted = select(InsurerInboxReport).where(InsurerInboxReport.key == key)
    found: InsurerInboxReport | None = await session.scalar(wanted.with_for_update() if lock else wanted)
    return found


async def _take(session: AsyncSession, submission: Submission, *, now: datetime) -> InsurerInboxReport | None:
    """The new row; None when another request of the same key made it first (its commit is waited for)."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {
        "id": uuid.uuid4(),
        "key": submission.key,
        "digest": submission.digest,
        "acknowledgement_id": f"LOCAL-{uuid.uuid4().hex[:12].upper()}",
        "document": json.loads(submission.body),
        "received_at": now,
        "times_received": 1,
    }
    statement = dialect.insert(InsurerInboxReport).values(values).on_conflict_do_nothing()
    made: InsurerInboxReport | None = await session.scalar(statement.returning(InsurerInboxReport))
    return made


def _played(answer: Answer, mode: InboxMode) -> Exchange:
    if mode is InboxMode.SLOW:
        return Exchange(answer, delay=SLOW)
    return Exchange(answer, drop_connection=mode is InboxMode.LOSE_REPLY)


def _kept(row: InsurerInboxReport) -> Kept:
    return Kept(row.key, row.digest, row.acknowledgement_id, row.received_at)
