"""Which intents are meant, and holding their rows until the transaction ends."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from telecontrol.errors import NotFound
from telecontrol.outbox.models import Intent

AGAIN = ".again"
"""Ends the kind of an intent that repeats one whose message was accepted and surely not delivered."""
NO_SECRETS = (defer(Intent.context_sealed, raiseload=True), defer(Intent.content_sealed, raiseload=True))
"""Loads intents without the sealed bytes: what everything but the sending needs."""


def matching(
    subject_kind: str,
    subject_id: uuid.UUID,
    *,
    kinds: Collection[str] | None,
    version: int | None,
    versions_below: int | None,
) -> list[ColumnElement[bool]]:
    """The condition for the intents of a subject, repetitions (`AGAIN`) of the named kinds included."""
    wanted: list[ColumnElement[bool]] = [Intent.subject_kind == subject_kind, Intent.subject_id == subject_id]
    if kinds is not None:
        wanted.append(Intent.kind.in_([*kinds, *(kind + AGAIN for kind in kinds)]))
    if version is not None:
        wanted.append(Intent.version == version)
    if versions_below is not None:
        wanted.append(Intent.version < versions_below)
    return wanted


async def locked(session: AsyncSession, *wanted: ColumnElement[bool]) -> Sequence[Intent]:
    """These intents, read afresh and locked in one order everywhere, so that no two transactions wait for each other."""
    statement = select(Intent).where(*wanted).order_by(Intent.id).with_for_update()
    found = await session.scalars(statement.options(*NO_SECRETS).execution_options(populate_existing=True))
    return found.all()


async def lock(session: AsyncSession, intent_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Intent]:
    """These intents by id, locked."""
    return {intent.id: intent for intent in await locked(session, Intent.id.in_(intent_ids))}


async def lock_one(session: AsyncSession, intent_id: uuid.UUID) -> Intent:
    """Raises `NotFound`."""
    found = (await lock(session, [intent_id])).get(intent_id)
    if found is None:
        raise NotFound("no such message")
    return found
