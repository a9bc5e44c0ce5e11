"""A new key on its way to the one page that shows it: sealed in a cookie of this browser for two minutes, kept nowhere else.

The form answers with 303 like every other, so that reloading the page makes no second key; the database has only the hash.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from telecontrol.config import Settings
from telecontrol.db.sealing import Sealer
from telecontrol.errors import Unavailable
from telecontrol.web.dependencies import RuntimeDep
from telecontrol.web.security import cookie_name, delete_cookie, set_cookie

_COOKIE = "tc_new_key"
_LASTS = 120


@dataclass(frozen=True, slots=True)
class FreshKey:
    """The key to show, or nothing."""

    token: str
    is_there: bool
    settings: Settings

    def forget(self, response: Response) -> None:
        """This answer showed it: no later one will."""
        if self.is_there:
            delete_cookie(response, self.settings, _COOKIE)


def carry_key(response: Response, runtime: RuntimeDep, key_id: uuid.UUID, token: str) -> None:
    """Hand a new key to the page that this answer leads to."""
    sealed = _sealer(runtime).seal(token.encode(), bound_to=_bound(key_id))
    value = f"{key_id}.{base64.urlsafe_b64encode(sealed).decode()}"
    set_cookie(response, runtime.settings, _COOKIE, value, max_age=_LASTS)


def shown_key(request: Request, runtime: RuntimeDep, key_ids: Collection[uuid.UUID]) -> FreshKey:
    """The key that was just made, if it is one of `key_ids`."""
    value = request.cookies.get(cookie_name(runtime.settings, _COOKIE), "")
    name, _, sealed = value.partition(".")
    try:
        key_id = uuid.UUID(name)
        token = _sealer(runtime).open(base64.urlsafe_b64decode(sealed), bound_to=_bound(key_id)).decode()
    except (ValueError, Unavailable):
        return FreshKey("", bool(value), runtime.settings)
    return FreshKey(token, True, runtime.settings) if key_id in key_ids else FreshKey("", False, runtime.settings)


def _sealer(runtime: RuntimeDep) -> Sealer:
    return runtime.operator.messages.for_purpose("new keys")


def _bound(key_id: uuid.UUID) -> str:
    return f"api_key:{key_id}:shown once"
