from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from livekit.api import AccessToken, VideoGrants

from telecontrol.config import Settings
from telecontrol.errors import Forbidden
from telecontrol.video import tickets
from telecontrol.video.models import Role

MakeSettings = Callable[..., Settings]


def issue(settings: Settings, **values: Any) -> str:
    given: dict[str, Any] = {
        "room_id": uuid.uuid4(),
        "role": Role.INSURED,
        "identity": "a-row-id",
        "now_real": datetime.now(UTC),
    }
    return tickets.issue(settings, **{**given, **values})[0]


@pytest.mark.parametrize("role", list(Role))
def test_every_ticket_carries_one_room_camera_and_microphone_and_nothing_else(
    settings: MakeSettings, role: Role
) -> None:
    room_id = uuid.uuid4()
    now = datetime.now(UTC)
    token, expires_at = tickets.issue(settings(), room_id=room_id, role=role, identity="a-row-id", now_real=now)

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["video"] == {
        "roomJoin": True,
        "room": str(room_id),
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": False,
        "canPublishSources": ["camera", "microphone"],
        "canUpdateOwnMetadata": False,
    }
    assert set(claims) == {"sub", "iss", "nbf", "exp", "video", "attributes"}, "no name, no metadata, no other grant"
    assert claims["attributes"] == {"role": str(role)}
    assert claims["sub"] == f"{role}:a-row-id"
    assert timedelta(minutes=9) < datetime.fromtimestamp(claims["exp"], UTC) - now <= timedelta(minutes=10)
    assert expires_at - now == timedelta(minutes=10)


def test_a_ticket_names_who_holds_it(settings: MakeSettings) -> None:
    room_id = uuid.uuid4()
    token = issue(settings(), room_id=room_id, role=Role.DOCTOR, identity="42:with:colons")
    assert tickets.verify(settings(), token) == tickets.Bearer(room_id, Role.DOCTOR, "42:with:colons")


def forged(settings: Settings, **changes: object) -> str:
    claims = jwt.decode(issue(settings), options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, settings.livekit_api_secret.get_secret_value(), algorithm="HS256")


def test_tickets_that_open_nothing(settings: MakeSettings) -> None:
    ours = settings()
    other = settings(livekit_api_secret="another-secret-that-is-also-longer-than-32-characters")
    past = int(datetime.now(UTC).timestamp()) - 3600
    grants = VideoGrants(room_create=True)
    not_to_a_room = (
        AccessToken(ours.livekit_api_key, ours.livekit_api_secret.get_secret_value())
        .with_identity("insured:x")
        .with_grants(grants)
        .to_jwt()
    )
    claims = jwt.decode(issue(ours), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none")
    for token in (
        "",
        "not-a-ticket-at-all-really",
        unsigned,
        issue(other),
        issue(ours)[:-3] + "AAA",
        forged(ours, exp=past),
        forged(ours, iss="somebody-else"),
        forged(ours, sub="insured"),
        forged(ours, sub="administrator:x"),
        forged(ours, video={"roomJoin": True, "room": "not-a-uuid"}),
        forged(ours, video="everything"),
        not_to_a_room,
    ):
        with pytest.raises(Forbidden) as refused:
            tickets.verify(ours, token)
        assert refused.value.code == "ticket_invalid"
        assert not token or token not in str(refused.value)


def test_a_ticket_names_somebody(settings: MakeSettings) -> None:
    with pytest.raises(ValueError, match="names somebody"):
        issue(settings(), identity="")
