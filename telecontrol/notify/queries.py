"""Reads of the local channel, for the `/outbox` page."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.errors import NotFound
from telecontrol.notify.models import LocalMessage


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox (by address) or a phone (by number), with what it holds."""

    channel: str
    recipient: str
    count: int
    newest_at: datetime


async def local_messages(
    session: AsyncSession,
    *,
    channel: str = "",
    recipient: str = "",
    intent_id: uuid.UUID | None = None,
    limit: int = 200,
) -> list[LocalMessage]:
    """Messages that the local channel holds, newest first; filtered by channel, recipient or intent where given."""
    query = select(LocalMessage).order_by(LocalMessage.received_at.desc(), LocalMessage.id).limit(limit)
    if channel:
        query = query.where(LocalMessage.channel == channel)
    if recipient:
        query = query.where(LocalMessage.recipient == recipient)
    if intent_id is not None:
        query = query.where(LocalMessage.intent_id == intent_id)
    return list(await session.scalars(query))


async def local_message(session: AsyncSession, message_id: uuid.UUID) -> LocalMessage:
    """One message. Raises `NotFound`."""
    found = await session.get(LocalMessage, message_id)
    if found is None:
        raise NotFound("no such local message")
    return found


async def local_boxes(session: AsyncSession, *, limit: int = 500) -> list[Box]:
    """Every mailbox and phone that received something, the most recently served first."""
    newest = func.max(LocalMessage.received_at).label("newest_at")
    query = (
        select(LocalMessage.channel, LocalMessage.recipient, func.count().label("count"), newest)
        .group_by(LocalMessage.channel, LocalMessage.recipient)
        .order_by(newest.desc(), LocalMessage.recipient)
        .limit(limit)
    )
    return [Box(channel, recipient, count, at) for channel, recipient, count, at in await session.execute(query)]
