"""The link that the insured gives to whoever comes with them: to the door of one call, and to nothing else (PROMISES §4.3).

It is derived from the service's secret, so that a page can show it without writing anything (P9) and none is stored. It stands
for one appointment at one hour and for the one companion who was announced: another hour, another companion or the end of the
appointment leave it without worth. It opens nothing by itself: the doctor sees a name and lets them in or not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.policies import Mode
from telecontrol.errors import NotFound
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.insured_page import Stage, state_of
from telecontrol.scheduling.preparations import Companion, announced_companion

_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{22})")
_TO_COME = (Stage.BEFORE, Stage.NEAR, Stage.IN_CALL)


def companion_token(secret: str, dossier: Dossier, companion: Companion) -> str:
    """22 characters that name the appointment, and 132 bits of an HMAC."""
    appointment = dossier.appointment
    about = f"{appointment.id}:{int(appointment.starts_at.timestamp())}:{companion.role}:{companion.name}"
    digest = hmac.new(secret.encode(), f"companion link:{about}".encode(), hashlib.sha256).digest()
    return _written(appointment.id.bytes) + _written(digest)[:22]


async def find_by_companion_token(session: AsyncSession, secret: str, token: str, *, now: datetime) -> Dossier | None:
    """The appointment to which `token` leads, while it is to come or going on; forged and outdated ones are not told apart."""
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        return None
    try:
        dossier = await load_dossier(session, uuid.UUID(bytes=base64.urlsafe_b64decode(parts[1] + "==")))
    except (NotFound, ValueError, binascii.Error):
        return None
    companion = await announced_companion(session, dossier)
    if companion is None or not hmac.compare_digest(companion_token(secret, dossier, companion), token):
        return None
    is_to_come = dossier.appointment.mode is Mode.VIDEO and state_of(dossier, now=now, may_act=True).stage in _TO_COME
    return dossier if is_to_come else None


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
