"""An insurer's gateway as administrators configure and try it."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer
from telecontrol.db.journal import Actor, record
from telecontrol.db.sealing import Sealer
from telecontrol.errors import InvalidInput
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.reports.contract import VERSION, Health
from telecontrol.reports.gateway_address import checked_address
from telecontrol.reports.gateway_http import Broken, Gateway, Reply, Unreached, exchange, open_client

NAME = "insurer"
"""The target's name in the outbox, and the channel of its intents."""
OURS = "gateway_"
"""Beginning of the codes of what an administrator must mend: the gateway's address, key or certificate."""
UNFIT = frozenset({401, 403, 404, 405, 407, 421})
"""Answers about our key or address, not about the report."""


def open_gateway(insurer: Insurer, *, sealer: Sealer) -> Gateway | None:
    """The gateway with its key opened; None when the insurer has none."""
    if not insurer.gateway_url or insurer.gateway_key_sealed is None or not insurer.is_active:
        return None
    key = sealer.for_purpose("gateways").open(insurer.gateway_key_sealed, bound_to=_bound(insurer)).decode()
    return Gateway(insurer.gateway_url, key)


async def set_gateway(
    session: AsyncSession,
    insurer: Insurer,
    *,
    sealer: Sealer,
    url: str,
    key: str | None,
    allow_loopback: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Configure an insurer's gateway; `key` None keeps the present one. What waits for it is tried at once.

    Raises `InvalidInput` naming the field.
    """
    url = url.strip().rstrip("/")
    if url:
        checked_address(url, allow_loopback=allow_loopback)
    if len(url) > 300:
        raise InvalidInput("at most 300 characters", field="gateway_url", code="too_long")
    if key is not None:
        if not (16 <= len(key) <= 512 and key.isascii() and key.isprintable() and " " not in key):
            raise InvalidInput(
                "16 to 512 printable characters without space", field="gateway_key", code="gateway_key_invalid"
            )
        insurer.gateway_key_sealed = sealer.for_purpose("gateways").seal(key.encode(), bound_to=_bound(insurer))
    is_new = key is not None or url != insurer.gateway_url
    insurer.gateway_url = url
    waiting = (Intent.target == NAME, Intent.recipient == str(insurer.id), Intent.state == IntentState.PENDING)
    await session.execute(update(Intent).where(*waiting, Intent.next_attempt_at > now).values(next_attempt_at=now))
    if is_new:
        record(
            session,
            "insurer.gateway_set",
            actor=actor,
            now=now,
            subject_kind="insurer",
            subject_id=insurer.id,
            new_key=key is not None,
        )


@dataclass(frozen=True, slots=True)
class GatewayCheck:
    """What the administration's test button shows. `code` is `ok` or says what is wrong."""

    ok: bool
    code: str
    milliseconds: int


async def check_gateway(
    gateway: Gateway | None, *, allow_loopback: bool, verify: ssl.SSLContext | bool = True
) -> GatewayCheck:
    """Ask `GET /health` once: is it reachable, is our key taken, does it speak our contract? Nothing is created there."""
    if gateway is None:
        return GatewayCheck(False, f"{OURS}missing", 0)
    began = time.monotonic()
    async with open_client(verify=verify) as client:
        came = await exchange(client, gateway, method="GET", path="/health", allow_loopback=allow_loopback, seconds=10)
    code = _health_code(came)
    return GatewayCheck(code == "ok", code, round((time.monotonic() - began) * 1000))


def _health_code(came: Reply | Unreached | Broken) -> str:
    match came:
        case Unreached(code=code):
            return f"{OURS}{code.removeprefix(OURS)}"
        case Broken(phase):
            return phase
        case Reply(status=200):
            try:
                health = Health.model_validate(came.values())
            except ValidationError:
                return "not_the_contract"
            return "ok" if VERSION in health.contracts else "other_contract"
        case Reply(status=status):
            return f"{OURS}{status}" if status in UNFIT or 300 <= status < 400 else f"http_{status}"


def _bound(insurer: Insurer) -> str:
    return f"insurer:{insurer.id}:gateway_key"
