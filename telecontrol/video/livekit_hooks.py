"""LiveKit's callbacks: checked, kept once, and taken for what they are, a reason to look (`telecontrol.video.livekit_look`)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.config import Settings
from telecontrol.errors import Forbidden, Unauthorised
from telecontrol.video.models import ProviderHook

MOST_BYTES = 256 * 1024
KEPT = timedelta(days=7)
"""LiveKit repeats an event for seconds at most; a week is for whoever looks into a failure."""


@dataclass(frozen=True, slots=True)
class Hook:
    """An event that LiveKit's server told. `room_id` is None where the name is none that we give."""

    event_id: str
    kind: str
    room_id: uuid.UUID | None


def verify(settings: Settings, body: bytes, authorization: str) -> Hook:
    """The event in `body`. Raises `Unauthorised` without a signature, `Forbidden` (`bad_signature`) with a wrong one.

    The header is the bare token, without `Bearer`; it carries the hash of the body. An event that we do not know is an event.
    """
    import jwt
    from livekit.api.access_token import TokenVerifier

    if not authorization:
        raise Unauthorised("a callback is signed", code="signature_missing")
    try:
        key, secret = settings.livekit_api_key, settings.livekit_api_secret.get_secret_value()
        claims = TokenVerifier(key, secret).verify(authorization)
        told = base64.b64decode(claims.sha256 or "", validate=True)
    except (jwt.PyJWTError, binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise Forbidden("the signature is not LiveKit's", code="bad_signature") from error
    if not hmac.compare_digest(told, hashlib.sha256(body).digest()):
        raise Forbidden("the signature is of another body", code="bad_signature")
    return _read(body)


def _read(body: bytes) -> Hook:
    try:
        event = json.loads(body)
    except ValueError:
        event = {}
    event = event if isinstance(event, dict) else {}
    room = event.get("room")
    name = room.get("name") if isinstance(room, dict) else None
    event_id = _text(event.get("id")) or hashlib.sha256(body).hexdigest()
    return Hook(event_id=event_id[:80], kind=_text(event.get("event"))[:40], room_id=_room(name))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _room(name: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(_text(name))
    except ValueError:
        return None


async def keep(session: AsyncSession, hook: Hook, *, now: datetime) -> bool:
    """Write the event down; False when it was there already."""
    try:
        async with session.begin_nested():
            session.add(ProviderHook(event_id=hook.event_id, kind=hook.kind, room_id=hook.room_id, received_at=now))
    except IntegrityError:
        return False
    return True


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    await session.execute(delete(ProviderHook).where(ProviderHook.received_at < now - KEPT))
