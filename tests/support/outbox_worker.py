"""A worker process of its own for the tests that kill, stop and race workers: one pass of `send_due`, on the real clock.

    python -m tests.support.outbox_worker DATABASE_URL PORT [POINT [SIGNAL]]

At POINT (`prepare`, `called`, `answered`) of its first message it says so on standard output and sends itself SIGNAL; without
one it waits there to be killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import replace
from datetime import timedelta

from telecontrol.clock import SystemClock
from telecontrol.db.session import Database
from telecontrol.outbox.policy import CURRENT
from telecontrol.outbox.sweeps import send_due
from telecontrol.outbox.targets import Outgoing
from tests.support.ledger import LedgerTarget
from tests.support.mailing import SEALER


async def main(url: str, port: int, point: str = "", signal_number: str = "") -> None:
    reached = False

    def at(here: str, _outgoing: Outgoing) -> None:
        nonlocal reached
        if here != point or reached:
            return
        reached = True
        print(here, flush=True)
        if signal_number:
            os.kill(os.getpid(), int(signal_number))
        else:
            time.sleep(60)

    database = Database(url)
    target = LedgerTarget(port, at=at, asks_again=True)
    policy = replace(CURRENT, fresh_check=timedelta(seconds=0.05), batch=20)
    sent = await send_due(database, targets={"mail": target}, sealer=SEALER, clock=SystemClock(), policy=policy)
    await database.dispose()
    print(f"sent {sent.accepted}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
