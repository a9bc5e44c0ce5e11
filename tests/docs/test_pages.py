"""What the pages for people say of files, commands and targets is so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from telecontrol.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)|src=\"([^\":]+)\"")
COMMAND = re.compile(r"(?<![\w.])telecontrol ((?:[a-z]+(?:[ |]+(?=[a-z]))?)+)")
TARGET = re.compile(r"(?:^|`) *make ([a-z-]+)\b", re.MULTILINE)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def commands() -> dict[str, set[str]]:
    """The command line's commands, each with its own commands."""
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {name: set(getattr(command, "commands", {})) for name, command in known.items()}


def code_of(page: Path) -> str:
    """What stands in code on a page: blocks and spans."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|^    .*$|`[^`\n]+`", text, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [first or second for first, second in LINK.findall(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_only_commands_that_exist(page: Path) -> None:
    known = commands()
    unknown = []
    for line in code_of(page).splitlines():
        for found in COMMAND.findall(line):
            name, *rest = found.split()
            if name not in known or (known[name] and rest and rest[0].split("|")[0] not in known[name]):
                unknown.append(found)
    assert unknown == []


def test_operations_tells_every_command() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `telecontrol ([a-z]+)", page, re.MULTILINE))
    assert told == set(commands())


def test_help_names_targets_that_exist() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [line.split()[0] for line in shown.stdout.splitlines()]
    assert {"run", "test", "check", "help", "bench"} <= set(names)
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert [name for name in names if name not in targets] == []


@pytest.mark.parametrize(("given", "keeps"), [([], False), (["KEEP=1"], True)])
def test_a_demonstration_begins_anew_unless_it_is_to_be_kept(given: list[str], keeps: bool) -> None:
    shown = subprocess.run(["make", "-n", "run", *given], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ("--keep" in shown.stdout) is keeps
    assert "make run KEEP=1" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_only_targets_that_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert [name for name in TARGET.findall(code_of(page)) if name not in targets] == []
