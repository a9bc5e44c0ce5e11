"""The import contract covers what it names, and the pure modules are as pure as the architecture says."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REQUIRED = {
    "telecontrol.accounts.access",
    "telecontrol.controls.states",
    "telecontrol.reports.deadlines",
    "telecontrol.scheduling.calendar",
    "telecontrol.scheduling.deadlines",
    "telecontrol.scheduling.slots",
}


def contracts() -> dict[str, dict[str, Any]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return {contract["id"]: contract for contract in tomllib.load(file)["tool"]["importlinter"]["contracts"]}


PURE: list[str] = contracts()["pure"]["source_modules"]


def test_every_module_that_must_be_pure_is_under_the_contract() -> None:
    assert set(PURE) >= REQUIRED


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_loads_nothing_but_the_standard_library_and_other_pure_modules(module: str) -> None:
    code = (
        f"import json, sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules); import {module}; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert module in loaded
    foreign = {name for name in loaded if not is_standard(name)}
    assert foreign - {"telecontrol", "telecontrol.errors", *PURE} <= {name.rpartition(".")[0] for name in PURE}


def is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names or module.startswith("_sysconfigdata")


def test_every_package_has_its_place_in_the_house() -> None:
    named = {
        part.strip(" ()") for layer in contracts()["layers"]["layers"] for part in layer.replace(":", "|").split("|")
    }
    present = {path.parent.name for path in (ROOT / "telecontrol").glob("*/__init__.py")}
    assert present <= named
    assert "migrations" not in present, "the migrations stand outside the contract: no __init__.py"
