"""Who is at the companion's door: the link that a browser came by and the name that was given there, in a signed cookie.

Nothing is written down: a companion leaves no trace but in the doctor's page, while the call lasts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from telecontrol.config import Settings
from telecontrol.errors import Forbidden
from telecontrol.web.dependencies import RuntimeDep
from telecontrol.web.security import cookie_name, set_cookie

COOKIE = "tc_companion"
LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Accompanying:
    """A browser that came by `token`. `id` is random, the same through reloads; `name` as they wrote it."""

    token: str
    id: str
    name: str


def come_in(response: Response, settings: Settings, *, token: str, name: str) -> None:
    """Remember who asks to come in."""
    given = {"token": token, "id": secrets.token_urlsafe(12), "name": name}
    packed = base64.urlsafe_b64encode(json.dumps(given).encode()).decode()
    value = f"{packed}.{_mac(settings, packed)}"
    set_cookie(response, settings, COOKIE, value, max_age=int(LASTS.total_seconds()))


async def _accompanying(request: Request, runtime: RuntimeDep) -> Accompanying:
    value = request.cookies.get(cookie_name(runtime.settings, COOKIE), "")
    packed, _, mac = value.partition(".")
    if not hmac.compare_digest(_mac(runtime.settings, packed).encode(), mac.encode()):
        raise Forbidden("nobody came in by this browser", code="no_visit")
    return Accompanying(**json.loads(base64.urlsafe_b64decode(packed)))


def _mac(settings: Settings, packed: str) -> str:
    key = settings.secret.get_secret_value().encode()
    return hmac.new(key, f"companion:{packed}".encode(), hashlib.sha256).hexdigest()


AccompanyingDep = Annotated[Accompanying, Depends(_accompanying)]
"""Somebody who wrote their name at the door. Others are told to open their link again."""
