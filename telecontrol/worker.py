"""The worker: APScheduler wakes the sweeps, rows know what is due.

`Runtime` is what a process holds: settings, clock, database, who runs the installation, where messages go. The web process
and the worker process assemble the same one.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.engine import make_url

from telecontrol import log
from telecontrol.accounts.access_codes import forget_codes
from telecontrol.accounts.api_keys import forget_answers
from telecontrol.accounts.sign_in import forget_old_sign_ins
from telecontrol.clock import Clock, WatchedClock
from telecontrol.config import Settings
from telecontrol.controls.import_drafts import forget_drafts
from telecontrol.db.session import Database
from telecontrol.errors import Misconfigured
from telecontrol.insights.sweeps import survey_invitations
from telecontrol.notify.targets import build_targets
from telecontrol.outbox.clock_guard import ClockGuard
from telecontrol.outbox.policy import CURRENT, SendingPolicy
from telecontrol.outbox.restore_guard import RestoreGuard
from telecontrol.outbox.sweeps import send_due, settle_doubts
from telecontrol.outbox.targets import Target
from telecontrol.reports import sweeps as report_sweeps
from telecontrol.reports.gateway import build_insurer_target
from telecontrol.scheduling import sweeps as appointment_sweeps
from telecontrol.scheduling.digest import desk_digests
from telecontrol.scheduling.operator import Operator
from telecontrol.video.closing import close_rooms_over

logger = log.get("worker")

_STOPS_WITHIN = 22
"""Seconds that a stop may take: less than the 25 s that an orchestrator is told to wait."""
_SILENT_AFTER = timedelta(minutes=5)


@dataclass(slots=True)
class Runtime:
    """What a process holds from start to stop."""

    settings: Settings
    clock: Clock
    database: Database
    operator: Operator
    targets: Mapping[str, Target]
    guard: ClockGuard
    """Says before each sweep whether the hour can be trusted (PROMISES P16)."""
    restored: RestoreGuard
    """Notices a database that is older than what was done (PROMISES §3)."""
    held: str = ""
    """Why sending stands still, as a code; empty while it does not."""
    last_run: dict[str, datetime] = field(default_factory=dict)
    """When each sweep last ended well, by the machine's clock; empty when this process runs no worker."""
    failing: dict[str, str] = field(default_factory=dict)

    def faults(self) -> dict[str, str | None]:
        """Each part of this process with what is wrong with it, or None."""
        if not self.last_run:
            return {}
        latest = max(self.last_run.values())
        if datetime.now(UTC) - latest > _SILENT_AFTER:
            return {"worker": "no sweep has ended for five minutes"}
        failing = "; ".join(f"{name}: {reason}" for name, reason in sorted(self.failing.items()))
        return {"worker": failing or None, "sending": f"held back: {self.held}" if self.held else None}

    async def aclose(self) -> None:
        for target in self.targets.values():
            with contextlib.suppress(OSError):
                await target.close()
        await self.database.dispose()


def assemble(settings: Settings, *, clock: Clock | None = None) -> Runtime:
    """Build a process's runtime. Raises `Misconfigured` when the settings must not start. Opens no connection yet."""
    settings.require_startable()
    clock = clock or WatchedClock()
    database = Database(settings.database_url)
    operator = Operator.from_settings(settings)
    targets = {
        **build_targets(settings, database, clock),
        "insurer": build_insurer_target(settings, database, operator),
    }
    guard = ClockGuard(clock, folder=settings.data_dir)
    restored = RestoreGuard(settings.data_dir)
    return Runtime(settings, clock, database, operator, targets, guard, restored)


Sweep = Callable[[Runtime, asyncio.Event], Awaitable[object]]


async def _decide(runtime: Runtime, _stopping: asyncio.Event) -> None:
    """What must be decided before anything is sent: notices, graces, reminders, appointments over, reports."""
    database, operator = runtime.database, runtime.operator
    await appointment_sweeps.notices(database, operator=operator, now=runtime.clock.now())
    await appointment_sweeps.expired_holds(database, operator=operator, now=runtime.clock.now())
    await appointment_sweeps.reminders(database, operator=operator, now=runtime.clock.now())
    await appointment_sweeps.kept_waiting(database, operator=operator, now=runtime.clock.now())
    await report_sweeps.sweep(database, operator=operator, now=runtime.clock.now())
    await close_rooms_over(database, now=runtime.clock.now())
    await desk_digests(database, operator=operator, now=runtime.clock.now())


async def _survey(runtime: Runtime, _stopping: asyncio.Event) -> None:
    """Ask those who were seen yesterday what they think of it. Nothing is late here: a few times an hour is enough."""
    secret = runtime.settings.secret.get_secret_value()
    await survey_invitations(runtime.database, operator=runtime.operator, secret=secret, now=runtime.clock.now())


async def _send(runtime: Runtime, stopping: asyncio.Event) -> None:
    await send_due(
        runtime.database,
        targets=runtime.targets,
        sealer=runtime.operator.messages,
        clock=runtime.clock,
        policy=_policy(runtime),
        stopping=stopping,
    )


def _policy(runtime: Runtime) -> SendingPolicy:
    """Waiting for a connection of the pool would count in a delivery's lease: no more mails at once than connections."""
    return replace(CURRENT, concurrency_by_target={"mail": runtime.settings.smtp_pool_size})


async def _tidy(runtime: Runtime, _stopping: asyncio.Event) -> None:
    """Forget what is only kept for a while: old sign-ins, the API's old answers, codes of the door, files that nobody imported."""
    async with runtime.database.transaction() as session:
        await forget_old_sign_ins(session, now=runtime.clock.now())
        await forget_answers(session, now=runtime.clock.now())
        await forget_codes(session, now=runtime.clock.now())
        await forget_drafts(session, now=runtime.clock.now())


async def _settle(runtime: Runtime, _stopping: asyncio.Event) -> None:
    await settle_doubts(
        runtime.database, targets=runtime.targets, sealer=runtime.operator.messages, clock=runtime.clock
    )


_SWEEPS: dict[str, tuple[Sweep, float]] = {
    "decide": (_decide, 10),
    "send": (_send, 1),
    "settle": (_settle, 15),
    "survey": (_survey, 600),
    "tidy": (_tidy, 86_400),
}
"""Each sweep with the seconds between two of its runs."""


async def run_once(runtime: Runtime) -> None:
    """All that is due now, in the right order, until what was decided has been sent: the demo's time bar, and tests."""
    never = asyncio.Event()
    if await may_not_work(runtime):
        return
    for sweep in (_decide, _survey, _settle, _send, _decide, _send):
        await sweep(runtime, never)


async def may_not_work(runtime: Runtime) -> str:
    """Why nothing timed may be decided or sent now, as a code; empty when it may. Looked at before each sweep."""
    runtime.held = await runtime.guard.reason(runtime.database) or ""
    return runtime.held


class Worker:
    """Runs the sweeps until it is stopped. On SQLite only one process may: the lock says who holds it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stopping = asyncio.Event()
        self._lock: IO[str] | None = None
        self._busy: set[asyncio.Task[None]] = set()
        # The defaults of APScheduler drop a tick that comes a second late; ours may be late, never lost.
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )

    def start(self) -> None:
        """Begin. Raises `Misconfigured` when another process already works on this SQLite file."""
        if self._runtime.database.is_sqlite:
            self._lock = _take_lock(self._runtime.settings.database_url)
        for name, (sweep, seconds) in _SWEEPS.items():
            self._runtime.last_run[name] = datetime.now(UTC)
            self._scheduler.add_job(
                self._run, "interval", seconds=seconds, args=[name, sweep], id=name, next_run_time=datetime.now(UTC)
            )
        self._scheduler.start()
        logger.info("worker_started")

    async def stop(self) -> None:
        """Stop claiming, finish or mark what is in hand, give the lock back; at most 22 s."""
        self._stopping.set()
        self._scheduler.shutdown(wait=False)
        if self._busy:
            _done, late = await asyncio.wait(self._busy, timeout=_STOPS_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._lock is not None:
            self._lock.close()
        logger.info("worker_stopped")

    async def _run(self, name: str, sweep: Sweep) -> None:
        # Shielded: the scheduler's shutdown cancels its own waiting, never a delivery that is on the wire.
        task = asyncio.create_task(self._guarded(name, sweep))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)

    async def _guarded(self, name: str, sweep: Sweep) -> None:
        try:
            await self._runtime.restored.check(self._runtime.database, now=self._runtime.clock.now())
            if not await may_not_work(self._runtime):
                await sweep(self._runtime, self._stopping)
        except Exception as error:
            # The database may be down or the disk full: the rows are still there, the next tick catches up.
            self._runtime.failing[name] = type(error).__name__
            logger.exception("sweep_failed", kind=name)
        else:
            self._runtime.failing.pop(name, None)
            self._runtime.last_run[name] = datetime.now(UTC)


def require_free_lock(database_url: str) -> None:
    """Raises `Misconfigured` when another process works on this SQLite file: said before anything is served."""
    if make_url(database_url).get_backend_name() == "sqlite" and (lock := _take_lock(database_url)) is not None:
        lock.close()


def _take_lock(database_url: str) -> IO[str] | None:
    path = make_url(database_url).database
    if not path or path == ":memory:":
        return None
    lock = Path(f"{path}.worker").open("a+", encoding="ascii")  # noqa: SIM115  (held for as long as the worker runs)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise Misconfigured(
            f"process {holder} already works on this SQLite file: SQLite takes one worker "
            "(`serve` runs it inside). Use PostgreSQL to run several.",
            code="second_worker",
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
