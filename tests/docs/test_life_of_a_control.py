"""Every name on the page exists: each function, each table."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from telecontrol.controls.states import as_mermaid
from telecontrol.db.base import Base
from tests.support import schema

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/life-of-a-control.md").read_text("utf-8")
NAMES = re.findall(r"`([A-Za-z_.]+)`", PAGE)
FUNCTIONS = sorted({name for name in NAMES if name.startswith("telecontrol.")})
TABLES = sorted({name for name in NAMES if not name.startswith("telecontrol.")})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_function_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize("name", TABLES)
def test_the_table_exists(name: str) -> None:
    schema.import_models()
    assert name in Base.metadata.tables


def test_the_page_names_enough_to_follow_a_control() -> None:
    assert len(FUNCTIONS) > 30
    assert len(TABLES) > 15


def test_the_drawing_of_the_states_is_the_table() -> None:
    drawn = (ROOT / "docs/states.md").read_text("utf-8")
    assert f"```mermaid\n{as_mermaid()}```" in drawn, "run `python -m scripts.draw_states`"
