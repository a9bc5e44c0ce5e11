"""The page about imports says what the imports do, and its examples can be imported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from telecontrol.controls.csv_reading import Column
from telecontrol.controls.import_report import ImportMode
from telecontrol.controls.intake import COLUMNS, import_controls
from telecontrol.controls.models import Insured
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database
from telecontrol.scheduling.doctor_filing import DOCTOR_COLUMNS
from telecontrol.scheduling.site_filing import SITE_COLUMNS

DOCS = Path(__file__).parents[2] / "docs"


def table(title: str) -> list[tuple[str, tuple[str, ...], bool]]:
    page = (DOCS / "import.md").read_text("utf-8")
    section = page.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    return [
        (header.strip("`"), tuple(alias for alias in aliases.split(", ") if alias), needed == "yes")
        for header, aliases, needed, *_ in rows
    ]


@pytest.mark.parametrize(
    ("title", "columns"), [("Controls", COLUMNS), ("Sites", SITE_COLUMNS), ("Doctors", DOCTOR_COLUMNS)]
)
def test_the_page_lists_every_column_with_its_other_names(title: str, columns: tuple[Column, ...]) -> None:
    assert table(title) == [(column.header, column.aliases, column.is_required) for column in columns]


async def test_the_example_of_controls_can_be_imported(database: Database, office: Any) -> None:
    report = await import_controls(
        database,
        (DOCS / "examples" / "controls.csv").read_bytes(),
        organisation_id=office.organisation.id,
        mode=ImportMode.ALL_OR_NOTHING,
        actor=SERVICE,
        now=datetime(2026, 3, 2, 9, tzinfo=UTC),
    )
    assert (report.errors, report.created, report.ignored_columns) == ([], 3, [])
    async with database.reading() as session:
        found = dict((await session.execute(select(Insured.external_reference, Insured.zone))).all())
    assert found["AGENT-0002"] == "Indian/Reunion"
