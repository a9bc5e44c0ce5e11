"""What a test needs from the machine: missing, it fails the test under CI and is a named skip elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

T = TypeVar("T")


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing(what: str) -> NoReturn:
    """End the test for want of `what`: a failure under CI, a skip that names it elsewhere."""
    if in_ci():
        pytest.fail(f"missing on this machine: {what}", pytrace=False)
    pytest.skip(f"missing on this machine: {what}")


def require(found: T | None, what: str) -> T:
    """`found`, unless it is None: then the test ends as `missing` says."""
    if found is None:
        missing(what)
    return found


def program(name: str, *places: str) -> Path:
    """Where the program `name` is: in one of `places` (full paths), else on PATH."""
    for place in places:
        if Path(place).is_file():
            return Path(place)
    found = shutil.which(name)
    return Path(require(found, f"the program {name}"))
