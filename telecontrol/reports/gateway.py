"""The insurer as a target of the outbox: each report goes to its insurer's HTTPS JSON gateway until it is acknowledged.

Every request carries the report version's idempotency key, so a retry after a lost reply has no second effect (PROMISES P7).
One insurer's fault never stops another's reports: what only a person can mend (a wrong key, a bad address) is refused as
temporary, tried again at a slow pace, and told to an administrator by the sweep that reads these codes.
"""

from __future__ import annotations

import ssl
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from telecontrol.accounts.models import Insurer
from telecontrol.config import Environment, Settings
from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.errors import Unavailable
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Evidence, Outcome, Outgoing, Rejected
from telecontrol.reports.contract import Acknowledgement, digest_of, key_of, written
from telecontrol.reports.gateway_http import TOTAL_SECONDS, Broken, Gateway, Reply, Unreached, exchange, open_client
from telecontrol.reports.gateway_setup import NAME, OURS, UNFIT, open_gateway
from telecontrol.scheduling.operator import Operator

SLOW_PACE = timedelta(minutes=15)
"""Between two tries while the gateway's configuration is wrong (choice)."""
_BUSY = frozenset({408, 425, 429})
TIMEOUTS_BEFORE_REST = 3
REST_SECONDS = 30.0


@dataclass(slots=True)
class _Patience:
    """How a gateway did lately, on the machine's own steady clock."""

    timeouts: int = 0
    rests_until: float = 0.0


class InsurerTarget:
    """Implements `outbox.targets.Target`. An intent's recipient is the insurer's id; its context holds the `document`."""

    name = NAME
    takes_idempotency_key = True

    def __init__(
        self,
        database: Database,
        *,
        sealer: Sealer,
        allow_loopback: bool,
        verify: ssl.SSLContext | bool = True,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._allow_loopback = allow_loopback
        self._client = open_client(verify=verify)
        self._seconds = seconds
        self._patience: dict[str, _Patience] = {}

    def prepare(self, outgoing: Outgoing) -> bytes:
        """The report in canonical form. Raises `pydantic.ValidationError` when it breaks the contract."""
        return written(outgoing.context["document"])

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        """Send the report; every answer of the gateway, and the absence of one, has its outcome."""
        patience = self._patience.setdefault(outgoing.recipient, _Patience())
        if time.monotonic() < patience.rests_until:
            # A gateway that hangs would keep every hand busy while other insurers' reports wait.
            return Rejected(permanent=False, code="resting", retry_after=timedelta(seconds=REST_SECONDS))
        gateway = await self._gateway(outgoing.recipient)
        if gateway is None:
            return Rejected(permanent=False, code=f"{OURS}missing", retry_after=SLOW_PACE)
        if not await outgoing.still_ours():
            return Rejected(permanent=False, code=NOT_OURS)
        headers = {
            "content-type": "application/json",
            "content-digest": digest_of(outgoing.content),
            "idempotency-key": _key(outgoing),
        }
        came = await self._ask(gateway, "POST", "/reports", body=outgoing.content, headers=headers)
        _note(patience, came)
        match came:
            case Unreached():
                return _unreached(came)
            case Broken(phase):
                return Ambiguous(phase)
            case Reply(status=409):
                return await self._settle_conflict(gateway, outgoing)
        return _read(came, digest=digest_of(outgoing.content))

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        """Ask by the idempotency key. Only an acknowledgement of the same content is evidence that it was taken."""
        gateway = await self._gateway(outgoing.recipient)
        if gateway is None:
            return Evidence(None, detail=f"{OURS}missing")
        came = await self._ask(gateway, "GET", f"/reports/{_key(outgoing)}")
        match came:
            case Reply(status=404) if came.problem().code == "unknown_key":
                return Evidence(False)
            case Reply():
                said = _read(came, digest=digest_of(outgoing.content))
                if isinstance(said, Accepted):
                    return Evidence(True, said.provider_id)
                return Evidence(None, detail=said.code if isinstance(said, Rejected) else said.phase)
        return Evidence(None, detail="unreached")

    async def close(self) -> None:
        await self._client.aclose()

    async def _settle_conflict(self, gateway: Gateway, outgoing: Outgoing) -> Outcome:
        """409: the key is known. The same content is our own earlier try; another one is refused for good."""
        came = await self._ask(gateway, "GET", f"/reports/{_key(outgoing)}")
        match came:
            case Reply(status=200 | 202):
                return _read(came, digest=digest_of(outgoing.content))
            case Reply(status=404) if came.problem().code == "unknown_key":
                return Rejected(permanent=False, code="conflict_unknown")
        return Ambiguous("conflict")

    async def _ask(self, gateway: Gateway, method: str, path: str, **given: Any) -> Reply | Unreached | Broken:
        return await exchange(
            self._client,
            gateway,
            method=method,
            path=path,
            allow_loopback=self._allow_loopback,
            seconds=self._seconds,
            **given,
        )

    async def _gateway(self, recipient: str) -> Gateway | None:
        async with self._database.reading() as session:
            insurer = await session.get(Insurer, uuid.UUID(recipient))
        try:
            return None if insurer is None else open_gateway(insurer, sealer=self._sealer)
        except Unavailable:
            return None


def _read(reply: Reply, *, digest: str) -> Outcome:
    """The outcome of an answer, by the published table (`docs/insurer-gateway.md`)."""
    status = reply.status
    if status in (200, 201, 202):
        return _acknowledged(reply, digest=digest)
    if status in UNFIT or 300 <= status < 400:
        return Rejected(permanent=False, code=f"{OURS}{status}", retry_after=SLOW_PACE)
    if status in _BUSY or status == 503:
        return Rejected(permanent=False, code=f"http_{status}", retry_after=reply.retry_after())
    if 400 <= status < 500:
        problem = reply.problem()
        told = " ".join(f"{fault.pointer}:{fault.code}" for fault in problem.errors)
        return Rejected(
            permanent=True, code=f"refused_{problem.code}", reply=f"{status} {problem.code} {told}"[:500].strip()
        )
    return Ambiguous(f"http_{status}")


def _acknowledged(reply: Reply, *, digest: str) -> Outcome:
    try:
        told = Acknowledgement.model_validate(reply.values())
    except ValidationError:
        return Ambiguous("acknowledgement_unreadable")
    if told.content_digest != digest:
        return Rejected(permanent=True, code="refused_content_mismatch", reply=f"{reply.status} content_mismatch")
    if told.status == "pending":
        return Ambiguous("pending")
    if told.acknowledgement_id is None:
        return Ambiguous("acknowledgement_unreadable")
    return Accepted(told.acknowledgement_id, reply=str(reply.status))


def _unreached(came: Unreached) -> Rejected:
    if came.ours:
        return Rejected(permanent=False, code=f"{OURS}{came.code.removeprefix(OURS)}", retry_after=SLOW_PACE)
    return Rejected(permanent=False, code=came.code)


def _note(patience: _Patience, came: Reply | Unreached | Broken) -> None:
    if came == Broken("timeout"):
        patience.timeouts += 1
        if patience.timeouts >= TIMEOUTS_BEFORE_REST:
            patience.rests_until = time.monotonic() + REST_SECONDS
    else:
        patience.timeouts = 0


def _key(outgoing: Outgoing) -> str:
    document = outgoing.context["document"]
    return key_of(document["report_id"], document["version"])


def build_insurer_target(settings: Settings, database: Database, operator: Operator) -> InsurerTarget:
    """The target as this installation's settings have it. Loopback gateways are for development and the demo."""
    return InsurerTarget(
        database,
        sealer=operator.messages,
        allow_loopback=settings.environment is not Environment.PRODUCTION,
    )
