"""The call as two people meet it, with each provider, in real browsers on this machine. One run; nothing fails for being slow.

    python -m scripts.bench.calls [ROUNDS]        5 rounds when no number is given

Printed and kept in var/bench-calls.json. Cameras are Chromium's fake ones and the network is loopback: what is measured is ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, async_playwright
from rich.console import Console
from rich.table import Table

from scripts.bench.running import ROOT
from telecontrol.config import VideoProvider
from tests.browser.call.pages import CallServer, Side, build
from tests.support import chromium
from tests.support.livekit_process import BINARY, WITHOUT, livekit_process
from tests.support.schema import create_schema

KEPT = ROOT / "var" / "bench-calls.json"
Times = dict[str, list[float]]

# The longest time, in ms, without a new frame of the other side during two seconds.
_LONGEST_STILL = """() => new Promise((resolve) => {
  const video = document.querySelector(".call__remote");
  let last = performance.now(), longest = 0;
  const began = last;
  const step = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (now - began > 2000) resolve(longest); else video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
})"""


async def _round(server: CallServer, contexts: list[BrowserContext], times: Times) -> None:
    room = await server.room()
    doctor = await Side.prepare(contexts[0], room, "doctor")
    insured = await Side.prepare(contexts[1], room, "insured")
    await doctor.enter()
    await doctor.reaches("waiting")

    async def first() -> None:
        await insured.enter()
        await doctor.admit()
        await insured.reaches("live")

    async def reload() -> None:
        await insured.page.reload(wait_until="commit")
        await insured.reaches("live")

    async def take_over() -> None:
        await second.enter()
        await second.reaches("live")

    await _timed(times, "page to first frame, s", first)
    await doctor.reaches("live")
    await _timed(times, "reload to picture, s", reload)
    await doctor.reaches("live")
    still = asyncio.create_task(insured.page.evaluate(_LONGEST_STILL))
    await asyncio.sleep(0.3)
    await insured.cut_socket()
    times.setdefault("socket lost: picture still for, s", []).append(await still / 1000)
    second = await Side.prepare(contexts[1], room, "insured")
    await _timed(times, "takeover to picture, s", take_over)
    for side in (doctor, insured, second):
        await side.page.close()


async def _timed(times: Times, name: str, act: Callable[[], Awaitable[None]]) -> None:
    started = time.monotonic()
    await act()
    times.setdefault(name, []).append(time.monotonic() - started)


async def _measure(provider: VideoProvider, browser: Browser, folder: Path, assets: Path, rounds: int) -> Times:
    shutil.copyfile(folder / "template.sqlite", folder / f"{provider}.sqlite")
    server = CallServer(f"sqlite+aiosqlite:///{folder / f'{provider}.sqlite'}", assets, provider=provider)
    times: Times = {}
    async with AsyncExitStack() as stack:
        if provider is VideoProvider.LIVEKIT:
            livekit = stack.enter_context(livekit_process(folder, hooks=f"{server.url}/hooks/livekit"))
            server.environment |= livekit.environment
        stack.push_async_callback(server.database.dispose)
        stack.callback(server.kill)
        await server.start()
        contexts = [await browser.new_context(permissions=["camera", "microphone"]) for _ in range(2)]
        for _ in range(rounds):
            await _round(server, contexts, times)
        for context in contexts:
            await context.close()
    return times


async def measure(rounds: int, console: Console) -> dict[str, Times]:
    """The times of each provider that can be had here."""
    providers = [each for each in VideoProvider if each is not VideoProvider.LIVEKIT or BINARY.is_file()]
    if len(providers) < len(VideoProvider):
        console.print(WITHOUT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create_schema(f"sqlite+aiosqlite:///{folder / 'template.sqlite'}")
        (folder / "assets").mkdir()
        assets = build(folder / "assets")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=str(chromium.path()), args=chromium.ARGUMENTS)
            found = {str(each): await _measure(each, browser, folder, assets, rounds) for each in providers}
            await browser.close()
    return found


def main(arguments: list[str]) -> int:
    rounds = int(arguments[0]) if arguments else 5
    console = Console()
    load = os.getloadavg()[0]
    found = asyncio.run(measure(rounds, console))
    table = Table(title=f"The call, {rounds} rounds (median, longest)", title_justify="left")
    table.add_column("")
    for provider in found:
        table.add_column(provider, justify="right")
    for name in next(iter(found.values())):
        cells = [f"{statistics.median(each[name]):.2f}  {max(each[name]):.2f}" for each in found.values()]
        table.add_row(name, *cells)
    console.print(table)
    kept: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": load, "times": found}
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    console.print(f"load {load:.1f} before, {os.cpu_count()} cores; kept in {KEPT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
