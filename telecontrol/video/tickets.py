"""Tickets: short-lived JWT in LiveKit's format. The only code that issues and verifies them, whatever the provider.

A ticket opens one room to one identity, for camera and microphone only. It never carries a right to record, to
administer the room or to change metadata. Its times are real ones: the SDK reads the machine's clock; whether somebody
has the *right* to a ticket is decided in service time by whoever asks for one.

There are two kinds. `issue` makes the one that opens our own socket, and so the waiting room. `issue_media` makes the one
that opens a room of LiveKit's server; it goes only to somebody who was admitted. Where LiveKit carries the pictures, ours
is signed with another key, so that whoever waits holds nothing that LiveKit would accept.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from telecontrol.clock import as_utc
from telecontrol.config import Settings, VideoProvider
from telecontrol.errors import Forbidden
from telecontrol.video.models import Role

LIFETIME = timedelta(minutes=10)
TEST_LIFETIME = timedelta(minutes=5)
_LEEWAY = timedelta(seconds=10)
_SOURCES = ("camera", "microphone")
_SCREEN = ("screen_share",)
COMPANION = "companion"
"""Somebody with the insured (a companion, an interpreter) on a device of their own."""
_TESTER = "test"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a valid ticket names."""

    room_id: uuid.UUID
    role: Role
    identity: str
    is_companion: bool = False
    """They come with the role's person: seen and heard, without a seat of their own and without a say."""
    label: str = field(default="", repr=False)
    """What the doctor is told of a companion: the name that they gave. Empty for everybody else."""

    @property
    def name(self) -> str:
        """Who they are at the provider."""
        return f"{COMPANION if self.is_companion else self.role}:{self.identity}"


def issue(
    settings: Settings,
    *,
    room_id: uuid.UUID,
    role: Role,
    identity: str,
    now_real: datetime,
    is_companion: bool = False,
    label: str = "",
) -> tuple[str, datetime]:
    """The signed ticket to our socket and the instant it expires.

    `identity` is stable for one person in one room, and not a name. `label` is a companion's name, for the doctor.
    """
    bearer = Bearer(room_id, role, identity, is_companion, label)
    return _signed(settings, _socket_secret(settings), bearer, now_real=now_real, has_data=False, sources=_SOURCES)


def issue_media(settings: Settings, bearer: Bearer, *, now_real: datetime) -> tuple[str, datetime]:
    """The signed ticket to a room of LiveKit's server, for somebody who is admitted, and the instant it expires.

    It may send words besides: the call's chat goes from page to page and is kept nowhere.
    """
    secret = settings.livekit_api_secret.get_secret_value()
    # This one travels in an address: no name is in it.
    bearer = replace(bearer, label="")
    return _signed(settings, secret, bearer, now_real=now_real, has_data=True, sources=(*_SOURCES, *_SCREEN))


def _signed(
    settings: Settings, secret: str, bearer: Bearer, *, now_real: datetime, has_data: bool, sources: tuple[str, ...]
) -> tuple[str, datetime]:
    from livekit.api.access_token import AccessToken, VideoGrants

    if not bearer.identity:
        raise ValueError("a ticket names somebody")
    grants = VideoGrants(
        room_join=True,
        room=str(bearer.room_id),
        can_publish=True,
        can_subscribe=True,
        can_publish_data=has_data,
        can_publish_sources=list(sources),
        can_update_own_metadata=False,
    )
    made = (
        AccessToken(settings.livekit_api_key, secret)
        .with_identity(bearer.name)
        .with_attributes({"role": COMPANION if bearer.is_companion else str(bearer.role)})
        .with_grants(grants)
        .with_ttl(LIFETIME)
    )
    token = (made.with_name(bearer.label) if bearer.label else made).to_jwt()
    return token, as_utc(now_real) + LIFETIME


def verify(settings: Settings, token: str) -> Bearer:
    """Whom a ticket to our socket names. Raises `Forbidden` (`ticket_invalid`): forged, expired, or not a ticket to a room."""
    from livekit.api.access_token import TokenVerifier

    try:
        claims = TokenVerifier(settings.livekit_api_key, _socket_secret(settings), leeway=_LEEWAY).verify(token)
        role_text, _, identity = claims.identity.partition(":")
        if claims.video is None or not claims.video.room_join or not identity:
            raise Forbidden("not a ticket to a room", code="ticket_invalid")
        is_companion = role_text == COMPANION
        role = Role.INSURED if is_companion else Role(role_text)
        label = (claims.name or "") if is_companion else ""
        return Bearer(uuid.UUID(claims.video.room), role, identity, is_companion, label)
    except (_jwt_error(), ValueError, TypeError, AttributeError) as error:
        # What is wrong with it is nobody's business outside, and the text may hold the token.
        raise Forbidden("the ticket is not valid", code="ticket_invalid") from error


def _socket_secret(settings: Settings) -> str:
    """What signs the tickets to our socket."""
    secret = settings.livekit_api_secret.get_secret_value()
    if settings.video_provider is not VideoProvider.LIVEKIT:
        return secret
    return hmac.new(secret.encode(), b"tickets to the socket", hashlib.sha256).hexdigest()


def issue_test(settings: Settings, *, now_real: datetime) -> tuple[str, datetime]:
    """A token that opens the test socket and no room at all, and the instant it expires: anybody may have one."""
    from livekit.api.access_token import AccessToken, VideoGrants

    token = (
        AccessToken(settings.livekit_api_key, _socket_secret(settings))
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
        claims = TokenVerifier(settings.livekit_api_key, _socket_secret(settings), leeway=_LEEWAY).verify(token)
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
