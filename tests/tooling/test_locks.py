"""The lock files say what may be installed, never from where (docs/decisions/0001-lock-files.md)."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-node.lock"]
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[a-z,-]+\])?==(?P<version>[^ ;]+)", re.MULTILINE)


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pinned(lock: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in PINNED.finditer(text_of(lock))}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_by_hash_and_nothing_by_address(lock: str) -> None:
    assert "://" not in text_of(lock)
    assert "--index" not in text_of(lock)
    entries = re.split(r"\n(?=[A-Za-z0-9])", text_of(lock).strip())
    assert len(entries) == len(pinned(lock)) > 0
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_what_runs_is_what_is_tested() -> None:
    assert pinned("requirements.lock").items() <= pinned("requirements-dev.lock").items()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    asked = {"requirements.lock": project["project"]["dependencies"]}
    asked |= {"requirements-dev.lock": project["dependency-groups"]["dev"]}
    asked |= {"requirements-node.lock": project["dependency-groups"]["node"]}
    for lock, requirements in asked.items():
        names = {re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements}
        assert names <= set(pinned(lock)), f"make lock ({lock})"


def test_npm_s_lock_has_hashes_and_no_address() -> None:
    lock: dict[str, Any] = json.loads(text_of("package-lock.json"))
    assert "://" not in text_of("package-lock.json")
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
