"""Keys of the JSON API, kept as hashes, and the answers once given under an `Idempotency-Key`."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.links import hashed
from telecontrol.accounts.models import ApiKey, ApiRequest, Organisation
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, InvalidInput

PREFIX = "tck_"
"""So that a key found in a file or a log is recognised for what it is."""
ANSWERS_KEPT = timedelta(days=7)
_UNANSWERED = 0
_USED_EVERY = timedelta(minutes=1)


class Scope(StrEnum):
    CONTROLS_READ = "controls:read"
    CONTROLS_WRITE = "controls:write"
    SLOTS_READ = "slots:read"
    APPOINTMENTS_WRITE = "appointments:write"
    CONCLUSIONS_WRITE = "conclusions:write"
    MESSAGES_READ = "messages:read"
    REPORTS_READ = "reports:read"
    """Proof of sending, never the content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, to be answered again."""

    status: int
    body: dict[str, Any]


async def issue_key(
    session: AsyncSession,
    *,
    organisation_id: uuid.UUID,
    name: str,
    scopes: Iterable[str],
    actor: Actor,
    now: datetime,
    key_id: uuid.UUID | None = None,
) -> tuple[ApiKey, str]:
    """A new key's row and the key itself, shown this once. Raises `InvalidInput` for an unknown scope or no name."""
    try:
        wanted = sorted({Scope(scope) for scope in scopes})
    except ValueError as error:
        raise InvalidInput(f"unknown scope: {error}", field="scopes", code="scope_unknown") from error
    name = " ".join(name.split())
    if not 0 < len(name) <= 80 or not wanted:
        raise InvalidInput("a key needs a name of 1 to 80 characters and a scope", field="name", code="key_incomplete")
    token = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        id=key_id or uuid.uuid4(),
        organisation_id=organisation_id,
        name=name,
        key_hash=hashed(token),
        scopes=list(wanted),
        created_at=now,
    )
    session.add(key)
    await session.flush()
    record(session, "api_key.issued", actor=actor, now=now, subject_kind="api_key", subject_id=key.id)
    return key, token


async def find_key(session: AsyncSession, token: str, *, now: datetime) -> ApiKey | None:
    """The standing key of `token`, its last use noted to the minute.

    Nothing for an unknown or revoked one, nor while its organisation is not active.
    """
    if not token.startswith(PREFIX):
        return None
    key: ApiKey | None = await session.scalar(
        select(ApiKey)
        .join(Organisation, Organisation.id == ApiKey.organisation_id)
        .where(ApiKey.key_hash == hashed(token), ApiKey.revoked_at.is_(None), Organisation.is_active.is_(True))
    )
    if key is not None and (key.last_used_at is None or now - key.last_used_at >= _USED_EVERY):
        key.last_used_at = now
    return key


async def keys_of(session: AsyncSession, organisation_id: uuid.UUID) -> list[ApiKey]:
    """An organisation's keys: those that stand first, the newest first among them."""
    found = await session.scalars(
        select(ApiKey)
        .where(ApiKey.organisation_id == organisation_id)
        .order_by(ApiKey.revoked_at.is_not(None), ApiKey.created_at.desc(), ApiKey.id)
    )
    return list(found)


async def revoke_key(session: AsyncSession, key: ApiKey, *, actor: Actor, now: datetime) -> None:
    """End a key at once; ending it twice keeps the first instant."""
    if key.revoked_at is None:
        key.revoked_at = now
        record(session, "api_key.revoked", actor=actor, now=now, subject_kind="api_key", subject_id=key.id)


def request_hash(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same: method, path and body, byte for byte."""
    return hashlib.sha256(b"\0".join((method.upper().encode(), path.encode(), body))).hexdigest()


async def recall(
    session: AsyncSession, *, api_key_id: uuid.UUID, idempotency_key: str, request: str, now: datetime
) -> Answer | None:
    """The answer once given under this key; nothing when the request is new, and then the key is claimed for it.

    The claim belongs to the transaction of the work: a rival with the same key waits for it and then recalls its answer,
    and a rolled-back request leaves no trace. `request` is a `request_hash`. Raises `Conflict` (`idempotency_key_reused`)
    when the key was used for another request, `InvalidInput` when it is not 1 to 128 characters.
    """
    if not 0 < len(idempotency_key) <= 128:
        raise InvalidInput("an idempotency key has 1 to 128 characters", field="Idempotency-Key", code="key_malformed")
    found = await _find(session, api_key_id, idempotency_key)
    if found is None:
        claim = ApiRequest(
            api_key_id=api_key_id,
            idempotency_key=idempotency_key,
            request_hash=request,
            status=_UNANSWERED,
            body={},
            created_at=now,
        )
        try:
            async with session.begin_nested():
                session.add(claim)
        except IntegrityError:
            found = await _find(session, api_key_id, idempotency_key)
    if found is None:
        return None
    if found.request_hash != request:
        raise Conflict("this idempotency key was used for another request", code="idempotency_key_reused")
    if found.status == _UNANSWERED:
        raise Conflict("the request with this idempotency key has not been answered", code="request_in_progress")
    return Answer(found.status, found.body)


async def remember(
    session: AsyncSession, *, api_key_id: uuid.UUID, idempotency_key: str, status: int, body: dict[str, Any]
) -> None:
    """Keep the answer of a request that `recall` claimed, in the transaction of its work."""
    claim = await _find(session, api_key_id, idempotency_key)
    assert claim is not None, "recall claims the key before remember answers"
    claim.status, claim.body = status, body
    await session.flush()


async def forget_answers(session: AsyncSession, *, now: datetime) -> None:
    """Delete answers older than a week; the same key may then name another request."""
    await session.execute(delete(ApiRequest).where(ApiRequest.created_at < now - ANSWERS_KEPT))


async def _find(session: AsyncSession, api_key_id: uuid.UUID, idempotency_key: str) -> ApiRequest | None:
    found: ApiRequest | None = await session.scalar(
        select(ApiRequest).where(ApiRequest.api_key_id == api_key_id, ApiRequest.idempotency_key == idempotency_key)
    )
    return found
