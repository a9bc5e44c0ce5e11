"""The desk's digest: once each working morning, to each handler for whom something is at risk (`DOMAIN.md` §4, 10)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.accounts.models import Organisation, Role, StaffUser
from telecontrol.db.session import Database
from telecontrol.notify.contexts import DeskDigest, DeskLine
from telecontrol.notify.messages import check
from telecontrol.outbox.intents import enqueue
from telecontrol.outbox.models import Intent
from telecontrol.scheduling.calendar import KNOWN_YEARS, Territory, is_public_holiday
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.models import Owner, Task

logger = log.get("scheduling.digest")

SUBJECT = "desk_digest"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DigestPolicy:
    """When the digest leaves, and what it calls at risk (choice)."""

    zone: str = "Europe/Paris"
    """The desk's own."""
    opens: time = time(7, 30)
    closes: time = time(10, 0)
    """After a night's downtime it still leaves until then; later in the day the desk itself shows what there is."""
    due_within: timedelta = timedelta(hours=24)
    """A task that is due by then, or overdue, is at risk; one that was alerted already always is."""


CURRENT = DigestPolicy()


def digest_window(now: datetime, *, policy: DigestPolicy = CURRENT) -> tuple[datetime, datetime] | None:
    """From when to when the digest of the local day of `now` may leave; None on a weekend or a public holiday. Pure."""
    zone = ZoneInfo(policy.zone)
    day = now.astimezone(zone).date()
    is_holiday = day.year in KNOWN_YEARS and is_public_holiday(day, Territory.METROPOLE)
    if day.weekday() >= _SATURDAY or is_holiday:
        return None
    return datetime.combine(day, policy.opens, zone), datetime.combine(day, policy.closes, zone)


async def desk_digests(database: Database, *, operator: Operator, now: datetime, policy: DigestPolicy = CURRENT) -> int:
    """Write this morning's digest to the handlers who have none yet and for whom something is at risk; to how many."""
    window = digest_window(now, policy=policy)
    if window is None or not window[0] <= now < window[1]:
        return 0
    version = window[0].date().toordinal()
    async with database.reading() as session:
        written = select(Intent.subject_id).where(Intent.subject_kind == SUBJECT, Intent.version == version)
        handlers = await session.scalars(
            select(StaffUser.id)
            .where(StaffUser.role == Role.HANDLER, StaffUser.is_active, StaffUser.id.not_in(written))
            .order_by(StaffUser.email)
        )
        waiting = list(handlers)
    told = 0
    for user_id in waiting:
        try:
            async with database.transaction() as session:
                user = await session.get_one(StaffUser, user_id)
                told += await _tell(session, operator, user, version, until=window[1], now=now, policy=policy)
        except Exception:
            # One handler's digest must not keep the next one's from leaving; it is met again next time.
            logger.exception("digest_failed", user_id=str(user_id))
    return told


async def lines_at_risk(
    session: AsyncSession, *, organisation_id: uuid.UUID | None, now: datetime, policy: DigestPolicy = CURRENT
) -> tuple[DeskLine, ...]:
    """What is at risk on the desk, a line a kind of task, the most pressing first; for one organisation, or for all."""
    conditions = [
        Task.owner == Owner.HANDLER,
        Task.done_at.is_(None),
        or_(Task.due_at <= now + policy.due_within, Task.level > 0),
    ]
    if organisation_id is not None:
        conditions.append(Task.organisation_id == organisation_id)
    rows = await session.execute(
        select(Task.kind, func.count(), func.min(Task.due_at)).where(*conditions).group_by(Task.kind)
    )
    lines = [DeskLine(task=str(kind), count=count, oldest_due_at=due_at) for kind, count, due_at in rows]
    return tuple(sorted(lines, key=lambda line: (line.oldest_due_at is None, line.oldest_due_at or now, line.task)))


async def _tell(
    session: AsyncSession,
    operator: Operator,
    user: StaffUser,
    version: int,
    *,
    until: datetime,
    now: datetime,
    policy: DigestPolicy,
) -> int:
    lines = await lines_at_risk(session, organisation_id=user.organisation_id, now=now, policy=policy)
    if not lines:
        return 0
    organisation = await session.get(Organisation, user.organisation_id) if user.organisation_id else None
    context = DeskDigest(
        organisation=organisation.name if organisation else operator.name,
        operator=operator.name,
        mail_from=operator.mail_from,
        contact=operator.contact_email,
        support_phone=operator.phone,
        accent=organisation.accent_colour if organisation else "",
        lines=lines,
        as_of_at=now,
        zone=policy.zone,
        link=f"{operator.public_url}/desk",
    )
    check(context, channels=("mail",), language=user.language)
    await enqueue(
        session,
        sealer=operator.messages,
        target="mail",
        subject_kind=SUBJECT,
        subject_id=user.id,
        version=version,
        kind=context.KIND,
        channel="mail",
        recipient=user.email,
        language=user.language,
        context=context.to_json(),
        now=now,
        not_before=now,
        not_after=until + policy.due_within / 4,
        deadline_at=until,
        organisation_id=user.organisation_id,
    )
    return 1
