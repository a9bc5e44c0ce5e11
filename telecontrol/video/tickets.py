"""Tickets: short-lived JWT in LiveKit's format. The only code that issues and verifies them, whatever the provider.

A ticket opens one room to one identity, for camera and microphone only. It never carries a right to record, to
administer the room, to change metadata or to send anything else. Its times are real ones: the SDK reads the machine's
clock; whether somebody has the *right* to a ticket is decided in service time by whoever asks for one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from telecontrol.clock import as_utc
from telecontrol.config import Settings
from telecontrol.errors import Forbidden
from telecontrol.video.models import Role

LIFETIME = timedelta(minutes=10)
TEST_LIFETIME = timedelta(minutes=5)
_LEEWAY = timedelta(seconds=10)
_SOURCES = ("camera", "microphone")
_TESTER = "test"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a valid ticket names."""

    room_id: uuid.UUID
    role: Role
    identity: str


def issue(
    settings: Settings, *, room_id: uuid.UUID, role: Role, identity: str, now_real: datetime
) -> tuple[str, datetime]:
    """The signed ticket and the instant it expires. `identity` is stable for one person in one room, and not a name."""
    from livekit.api.access_token import AccessToken, VideoGrants

    if not identity:
        raise ValueError("a ticket names somebody")
    grants = VideoGrants(
        room_join=True,
        room=str(room_id),
        can_publish=True,
        can_subscribe=True,
        can_publish_data=False,
        can_publish_sources=list(_SOURCES),
        can_update_own_metadata=False,
    )
    token = (
        AccessToken(settings.livekit_api_key, settings.livekit_api_secret.get_secret_value())
        .with_identity(f"{role}:{identity}")
        .with_attributes({"role": str(role)})
        .with_grants(grants)
        .with_ttl(LIFETIME)
        .to_jwt()
    )
    return token, as_utc(now_real) + LIFETIME


def verify(settings: Settings, token: str) -> Bearer:
    """Whom `token` names. Raises `Forbidden` (`ticket_invalid`): forged, expired, or not a ticket to a room."""
    from livekit.api.access_token import TokenVerifier

    try:
        claims = TokenVerifier(
            settings.livekit_api_key, settings.livekit_api_secret.get_secret_value(), leeway=_LEEWAY
        ).verify(token)
        role_text, _, identity = claims.identity.partition(":")
        if claims.video is None or not claims.video.room_join or not identity:
            raise Forbidden("not a ticket to a room", code="ticket_invalid")
        return Bearer(uuid.UUID(claims.video.room), Role(role_text), identity)
    except (_jwt_error(), ValueError, TypeError, AttributeError) as error:
        # What is wrong with it is nobody's business outside, and the text may hold the token.
        raise Forbidden("the ticket is not valid", code="ticket_invalid") from error


def issue_test(settings: Settings, *, now_real: datetime) -> tuple[str, datetime]:
    """A token that opens the test socket and no room at all, and the instant it expires: anybody may have one."""
    from livekit.api.access_token import AccessToken, VideoGrants

    token = (
        AccessToken(settings.livekit_api_key, settings.livekit_api_secret.get_secret_value())
        .with_identity(f"{_TESTER}:{uuid.uuid4().hex}")
        .with_grants(VideoGrants(room_join=False, can_publish=False, can_subscribe=False, can_publish_data=False))
        .with_ttl(TEST_LIFETIME)
        .to_jwt()
    )
    return token, as_utc(now_real) + TEST_LIFETIME


def verify_test(settings: Settings, token: str) -> None:
    """Raises `Forbidden` (`ticket_invalid`) for what is not the token of a test that goes on now."""
    from livekit.api.access_token import TokenVerifier

    try:
        claims = TokenVerifier(
            settings.livekit_api_key, settings.livekit_api_secret.get_secret_value(), leeway=_LEEWAY
        ).verify(token)
    except (_jwt_error(), ValueError, TypeError) as error:
        raise Forbidden("the token is not valid", code="ticket_invalid") from error
    if not claims.identity.startswith(f"{_TESTER}:"):
        raise Forbidden("not the token of a test", code="ticket_invalid")


def load() -> None:
    """Import the SDK now (half a second), not in the first person's request."""
    import livekit.api.access_token  # noqa: F401


@cache
def _jwt_error() -> type[Exception]:
    import jwt

    return jwt.PyJWTError
