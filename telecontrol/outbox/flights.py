"""One delivery: the last look at the row, then the call to the target, outside every transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.db.session import Database
from telecontrol.outbox.attempts import is_ours
from telecontrol.outbox.outcomes import Finished
from telecontrol.outbox.parcels import Parcel
from telecontrol.outbox.policy import SendingPolicy
from telecontrol.outbox.targets import NOT_OURS, Ambiguous, Outcome, Rejected, Target

_log = log.get("outbox")
_OF_THE_LEASE = 0.9
"""A delivery is cut this far into its lease, so that its outcome is recorded before anybody else may step in."""


async def fly(
    parcel: Parcel, *, target: Target, looked_at: float, database: Database, clock: Clock, policy: SendingPolicy
) -> Finished:
    """Deliver a parcel whose attempt is open. `looked_at` (the loop's monotonic time) is when its row was last read.

    Cancelled on the wire, it is ambiguous; cancelled or refused by the last look before, nothing left.
    """
    has_started = False
    started_at = clock.now()
    last_look = _LastLook(parcel, looked_at, database, clock, policy)
    outcome: Outcome
    try:
        if await last_look.still_ours():
            has_started = True
            async with asyncio.timeout((policy.attempt_lease * _OF_THE_LEASE).total_seconds()):
                outcome = await target.deliver(replace(parcel.outgoing, still_ours=last_look.still_ours))
        else:
            outcome = Rejected(permanent=False, code=NOT_OURS)
    except asyncio.CancelledError:
        outcome = Ambiguous("stopped") if has_started else Rejected(permanent=False, code=NOT_OURS)
    except TimeoutError:
        outcome = Ambiguous("timeout")
    except Exception as error:  # noqa: BLE001  (a defect of a target: nobody knows whether the message left)
        _log.error(
            "target raised", intent_id=str(parcel.claim.intent_id), target=target.name, code=type(error).__name__
        )
        outcome = Ambiguous("defect", reply=type(error).__name__)
    return Finished(
        parcel.claim.intent_id,
        parcel.attempt_id,
        outcome,
        started_at=started_at,
        at=clock.now(),
        started=has_started,
    )


class _LastLook:
    """Whether the message may leave, from a look at its row that is fresh enough."""

    def __init__(
        self, parcel: Parcel, looked_at: float, database: Database, clock: Clock, policy: SendingPolicy
    ) -> None:
        self._parcel, self._looked_at = parcel, looked_at
        self._database, self._clock, self._policy = database, clock, policy

    async def still_ours(self) -> bool:
        """A worker that was paused since its last look reads again, and finds the fence raised. Without an answer from the
        database nothing is sent."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at <= self._policy.fresh_check.total_seconds():
            return True
        try:
            async with self._database.reading() as session:
                is_still_ours = await is_ours(session, self._parcel, now=self._clock.now())
        except (SQLAlchemyError, OSError):
            return False
        if is_still_ours:
            self._looked_at = now
        return is_still_ours
