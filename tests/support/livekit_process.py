"""LiveKit's real server on this machine, on our own configuration file with free ports of loopback."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.livekit_server import KEY, SECRET
from tests.support.networks import INTERFACE, Place
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
VERSION = "v1.13.5"
BINARY = ROOT / ".cache" / "livekit-server" / VERSION / "livekit-server"
WITHOUT = f"LiveKit's server {VERSION} is not here (make livekit-server)"
"""Why a test is skipped: the one thing that the tests may do without, in CI too. It is built by Go from its module."""


@dataclass(frozen=True, slots=True)
class LivekitProcess:
    port: int
    tcp_port: int
    """For pictures where UDP does not pass."""
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the service needs to know of it."""
        return {
            "TELECONTROL_VIDEO_PROVIDER": "livekit",
            "TELECONTROL_LIVEKIT_URL": self.url,
            "TELECONTROL_LIVEKIT_API_KEY": KEY,
            "TELECONTROL_LIVEKIT_API_SECRET": SECRET,
        }


@contextmanager
def livekit_process(folder: Path, *, hooks: str = "", place: Place | None = None) -> Iterator[LivekitProcess]:
    """The server, until the block ends; it calls back at the address `hooks`. Skips the test where the program is not here.

    In a `place` it listens on every address of that place, and its pictures pass by the one that others reach.
    """
    if not BINARY.is_file():
        pytest.skip(WITHOUT)
    port, tcp_port, udp_port = free_port(), free_port(), free_port()
    given = yaml.safe_load((ROOT / "infra" / "livekit.yaml").read_text(encoding="utf-8"))
    given["port"], given["bind_addresses"] = port, ["127.0.0.1"]
    given["rtc"] |= {"tcp_port": tcp_port, "udp_port": udp_port, "stun_servers": [f"127.0.0.1:{udp_port}"]}
    given["rtc"] |= {"node_ip": "127.0.0.1", "enable_loopback_candidate": True, "interfaces": {"includes": ["lo"]}}
    if place is not None:
        given["bind_addresses"] = ["0.0.0.0"]
        given["rtc"] |= {"node_ip": place.address, "interfaces": {"includes": [INTERFACE]}}
        given["rtc"] |= {"enable_loopback_candidate": False, "stun_servers": [f"{place.address}:{udp_port}"]}
    del given["rtc"]["port_range_start"], given["rtc"]["port_range_end"]
    given["webhook"]["urls"] = [hooks] if hooks else []
    path = folder / "livekit.yaml"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    with (folder / "livekit.log").open("wb") as log:
        process = subprocess.Popen(
            [*(place.inside if place else []), str(BINARY), "--config", str(path)],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "LIVEKIT_KEYS": f"{KEY}: {SECRET}"},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(port, process, folder / "livekit.log", place)
            yield LivekitProcess(port, tcp_port, process)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait(10)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path, place: Place | None) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if place.answers(port) if place else _is_well(port):
            return
        time.sleep(0.05)
    raise RuntimeError(f"LiveKit's server does not start: {log.read_text()[-2000:]}")


def _is_well(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
    except (OSError, urllib.error.HTTPError):
        return False
    return True
