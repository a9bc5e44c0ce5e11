"""Measure, print, keep: one run, medians and ratios. Figures depend on the machine; nothing fails for being slow.

    python -m scripts.bench [slots] [bookings] [reminders]       all three when none is named

The figures go to var/bench.json, with what the machine was doing meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.bench import bookings, reminders, slots
from scripts.bench.ground import Ground, ground
from scripts.bench.running import ROOT

KEPT = ROOT / "var" / "bench.json"
Rows = list[dict[str, Any]]


async def _reminders(base: Ground) -> Rows:
    return [await reminders.measure(base)]


MEASURES: dict[str, tuple[str, Callable[[Ground], Coroutine[Any, Any, Rows]]]] = {
    "slots": (
        "Slot search, 50 doctors over four weeks (goal: p50 under 15 ms, whatever the appointments)",
        slots.measure,
    ),
    "bookings": ("Bookings through the API, and their invitations out", bookings.measure),
    "reminders": (
        "Reminders due at the same minute, two workers on PostgreSQL (goal: 1,000 within 5 s, each once)",
        _reminders,
    ),
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"no such measure: {', '.join(unknown)}; there are {', '.join(MEASURES)}", file=sys.stderr)
        return 2
    console = Console()
    kept: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": os.getloadavg()[0]},
    }
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ground(Path(folder)) as base:
        for name in names or MEASURES:
            title, measure = MEASURES[name]
            kept[name] = asyncio.run(measure(base))
            console.print(_table(title, kept[name]))
    kept["machine"]["load_after"] = os.getloadavg()[0]
    kept["seconds"] = round(time.monotonic() - started, 1)
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    console.print(f"{kept['seconds']} s in all; load {kept['machine']['load_before']:.1f} before; kept in {KEPT}")
    return 0


def _table(title: str, rows: Rows) -> Table:
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
