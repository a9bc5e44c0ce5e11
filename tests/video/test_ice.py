from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from telecontrol.config import Settings
from telecontrol.video.ice import has_relay, ice_servers

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_no_server_is_told_by_default_least_of_all_somebody_elses(settings: Callable[..., Settings]) -> None:
    assert ice_servers(settings(), identity="room-doctor", now_real=NOW) == []
    assert not has_relay(settings())


def test_relay_credentials_are_coturns_and_expire(settings: Callable[..., Settings]) -> None:
    ours = settings(
        turn_urls="turn:relay.example:3478?transport=udp, turns:relay.example:443?transport=tcp,stun:relay.example",
        turn_secret="shared-with-coturn",
    )
    plain, relay = ice_servers(ours, identity="room-doctor", now_real=NOW)
    assert plain == {"urls": ["stun:relay.example"]}
    assert relay["urls"] == ["turn:relay.example:3478?transport=udp", "turns:relay.example:443?transport=tcp"]
    expires, identity = relay["username"].split(":", 1)
    assert (int(expires) - NOW.timestamp(), identity) == (4 * 3600, "room-doctor")
    expected = hmac.new(b"shared-with-coturn", relay["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(relay["credential"]) == expected
    assert has_relay(ours)


def test_a_known_vector(settings: Callable[..., Settings]) -> None:
    """Computed with openssl: printf %s 1772456400:room-doctor | openssl dgst -sha1 -hmac north -binary | base64."""
    ours = settings(turn_urls="turn:relay.example", turn_secret="north")
    (relay,) = ice_servers(ours, identity="room-doctor", now_real=NOW)
    assert relay["username"] == "1772456400:room-doctor"
    assert relay["credential"] == "FfAAAvCuUwVF32bXuVcg2yXmBNM="
