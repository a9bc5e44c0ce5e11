"""After an old backup was restored: what may have been sent meanwhile, and the word that lets sending resume."""

from __future__ import annotations

from collections import Counter

import typer
from rich.console import Console

from telecontrol.clock import SystemClock
from telecontrol.config import Settings
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.db.session import Database
from telecontrol.outbox import holds
from telecontrol.outbox.restore_guard import RestoreGuard

COMMAND_LINE = Actor(ActorKind.SERVICE, "", "command line")
_SHOWN = 50


async def reconcile(database: Database, settings: Settings, *, yes: bool, console: Console) -> bool:
    """Say what is in the gap, ask, hand it to the desk; whether something was held back at all."""
    guard = RestoreGuard(settings.data_dir)
    async with database.reading() as session:
        found = [row for row in await holds.standing(session) if row.target == holds.RESTORE]
        doubtful = await guard.in_the_gap(session)
    kept = guard.kept()
    if not found or kept is None:
        console.print("Nothing is held back for a restored database.")
        return False
    console.print(
        f"The work had come to {kept.marked_at:%Y-%m-%d %H:%M:%S} UTC. What was done after the backup is not in it:"
    )
    console.print(
        "bookings, answers, conclusions and messages of that time have to be found elsewhere and entered again."
    )
    console.print(f"[bold]{len(doubtful)}[/] message(s) are unsent in the backup and may have left since:")
    for (kind, channel), count in sorted(Counter((each.kind, each.channel) for each in doubtful).items()):
        console.print(f"  {count} × {kind} by {channel}")
    for each in doubtful[:_SHOWN]:
        console.print(
            f"  {each.not_before:%Y-%m-%d %H:%M} UTC  {each.kind}  {each.channel}  control {each.control_id}",
            highlight=False,
        )
    if len(doubtful) > _SHOWN:
        console.print(f"  … and {len(doubtful) - _SHOWN} more")
    console.print(
        "They will not be sent by themselves: each becomes a task of the desk, which asks the person or sends it again."
    )
    if not (yes or typer.confirm("Resume sending now?")):
        console.print("Sending stays held back.")
        return True
    count = await guard.reconcile(database, actor=COMMAND_LINE, now=SystemClock().now())
    console.print(f"Sending resumes; {count} task(s) wait on the desk.")
    return True
