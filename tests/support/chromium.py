"""Debian's Chromium and how the tests start it."""

from __future__ import annotations

from pathlib import Path

from tests.support.needs import program

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]


def path() -> Path:
    return program("chromium", "/usr/bin/chromium")
