"""ICE servers that browsers are told: only ours, with TURN credentials that expire. No third party by default."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict

from telecontrol.clock import as_utc
from telecontrol.config import Settings

CREDENTIAL_LIFETIME = timedelta(hours=4)
"""Longer than any call: a relay is asked again for credentials when it is refreshed."""


TEST_CREDENTIAL_LIFETIME = timedelta(minutes=5)
"""For the test page, which anybody may open: long enough for one test, too short to be worth taking."""


class IceServer(TypedDict):
    """One entry of the browser's RTCConfiguration.iceServers."""

    urls: list[str]
    username: NotRequired[str]
    credential: NotRequired[str]


def ice_servers(
    settings: Settings, *, identity: str, now_real: datetime, lifetime: timedelta = CREDENTIAL_LIFETIME
) -> list[IceServer]:
    """The servers of `TELECONTROL_TURN_URLS`; those of kind stun: go without credentials.

    Credentials are coturn's REST ones: username = expiry in Unix seconds : identity, password = base64 of the HMAC-SHA1
    of the username under the shared secret. `identity` reaches the relay's log: it must not name anybody.
    """
    urls = [url.strip() for url in settings.turn_urls.split(",") if url.strip()]
    plain = [url for url in urls if url.startswith(("stun:", "stuns:"))]
    relays = [url for url in urls if url.startswith(("turn:", "turns:"))]
    servers: list[IceServer] = []
    if plain:
        servers.append({"urls": plain})
    if relays:
        expires_at = int((as_utc(now_real) + lifetime).timestamp())
        username = f"{expires_at}:{identity}"
        secret = settings.turn_secret.get_secret_value().encode()
        digest = hmac.new(secret, username.encode(), hashlib.sha1).digest()
        servers.append({"urls": relays, "username": username, "credential": base64.b64encode(digest).decode()})
    return servers


def has_relay(settings: Settings) -> bool:
    """Whether a relay is configured: relay-only attempts make sense."""
    return any(url.strip().startswith(("turn:", "turns:")) for url in settings.turn_urls.split(","))
