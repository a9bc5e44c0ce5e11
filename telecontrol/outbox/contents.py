"""The sealed parts of an intent: the builder's values, and the bytes as sent. Both hold the link."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.db.sealing import Sealer
from telecontrol.errors import NotFound
from telecontrol.outbox.models import Intent


async def read_context(session: AsyncSession, intent_id: uuid.UUID, *, sealer: Sealer) -> dict[str, Any]:
    """The builder's values. They hold the link: for the sending code only."""
    sealed = await session.scalar(select(Intent.context_sealed).where(Intent.id == intent_id))
    if sealed is None:
        raise NotFound("no such message")
    return open_context(intent_id, sealed, sealer)


async def read_content(session: AsyncSession, intent_id: uuid.UUID, *, sealer: Sealer) -> bytes:
    """The bytes as sent; empty before the first attempt. They hold the link: the caller masks it before anybody looks."""
    found = (await session.execute(select(Intent.content_sealed).where(Intent.id == intent_id))).one_or_none()
    if found is None:
        raise NotFound("no such message")
    return open_content(intent_id, found.content_sealed, sealer)


def open_context(intent_id: uuid.UUID, sealed: bytes, sealer: Sealer) -> dict[str, Any]:
    """Raises `Unavailable` when the key is missing or the value was altered."""
    values: dict[str, Any] = json.loads(sealer.open(sealed, bound_to=_context_of(intent_id)))
    return values


def open_content(intent_id: uuid.UUID, sealed: bytes | None, sealer: Sealer) -> bytes:
    return b"" if sealed is None else sealer.open(sealed, bound_to=_content_of(intent_id))


def seal_content(intent_id: uuid.UUID, content: bytes, sealer: Sealer) -> bytes:
    return sealer.seal(content, bound_to=_content_of(intent_id))


def _context_of(intent_id: uuid.UUID) -> str:
    return f"intent:{intent_id}:context"


def _content_of(intent_id: uuid.UUID) -> str:
    return f"intent:{intent_id}:content"


def seal_context(intent_id: uuid.UUID, context: dict[str, Any], sealer: Sealer) -> bytes:
    """Raises `TypeError` for values that are not plain JSON."""
    return sealer.seal(json.dumps(context, separators=(",", ":")).encode(), bound_to=_context_of(intent_id))
