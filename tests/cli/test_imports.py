"""Files imported from the command line."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import func, select

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.cli.imports import run_import
from telecontrol.clock import SystemClock
from telecontrol.controls.models import Control
from telecontrol.controls.policies import seed_policies
from telecontrol.db.session import Database
from telecontrol.errors import NotFound, TelecontrolError
from telecontrol.scheduling.models import Site

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
async def office(database: Database) -> None:
    async with database.transaction() as session:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        session.add_all([Organisation(code="ville", name="Ville", created_at=at)])
        session.add_all([Insurer(code=code, name=code, created_at=at) for code in ("assureur-1", "assureur-2")])
        await seed_policies(session, valid_from_on=date(2026, 1, 1))


async def imported(
    database: Database, kind: str, path: Path, *, language: str = "fr", good_lines: bool = False, insurer: str = ""
) -> tuple[bool, str]:
    out = io.StringIO()
    failed = await run_import(
        database,
        kind,
        path,
        organisation="ville",
        insurer=insurer,
        good_lines=good_lines,
        language=language,
        console=Console(file=out, width=200),
    )
    return failed, out.getvalue()


def controls_file(folder: Path, *persons: str) -> Path:
    """A file of leaves that run today, whatever day that is: the command line takes the machine's clock."""
    today = SystemClock().now().date()
    path = folder / "contrôles.csv"
    lines = [
        f"D-{number};M-{number};{person};{today};{today + timedelta(days=20)}" for number, person in enumerate(persons)
    ]
    path.write_text("\n".join(["référence;matricule;nom;prénom;début de l'arrêt;fin de l'arrêt", *lines]), "utf-8")
    return path


async def test_bad_lines_are_printed_and_nothing_is_saved(database: Database, office: None, tmp_path: Path) -> None:
    path = controls_file(tmp_path, "Moreau;Hélène", ";[red]Léa")
    failed, said = await imported(database, "controls", path, insurer="assureur-2")
    assert failed
    assert "ligne 3, colonne « nom » : valeur obligatoire" in said
    assert "Rien n'a été enregistré : 1 ligne(s) sur 2 à corriger." in said
    async with database.reading() as session:
        assert await session.scalar(select(func.count(Control.id))) == 0
    failed, said = await imported(database, "controls", path, insurer="assureur-2", good_lines=True, language="en")
    assert failed
    assert "2 line(s) read, 1 created" in said
    failed, said = await imported(database, "controls", controls_file(tmp_path, "Moreau;Hélène"), insurer="assureur-2")
    assert not failed
    assert "1 inchangée(s)" in said


async def test_titles_alone_end_as_a_failure(database: Database, office: None, tmp_path: Path) -> None:
    failed, said = await imported(database, "controls", controls_file(tmp_path), insurer="assureur-2")
    assert failed
    assert "il n'y a aucune ligne sous les titres" in said
    assert "Le fichier n'a pas pu être importé ; rien n'a été enregistré." in said


async def test_unknown_codes_and_languages_are_refused(database: Database, office: None, tmp_path: Path) -> None:
    path = controls_file(tmp_path, "Moreau;Hélène")
    with pytest.raises(NotFound):
        await imported(database, "controls", path, insurer="inconnu")
    with pytest.raises(TelecontrolError):
        await imported(database, "controls", path, language="de")
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    with pytest.raises(TelecontrolError) as refused:
        await imported(database, "controls", huge)
    assert refused.value.code == "file_too_large"


async def test_the_examples_of_sites_and_doctors_can_be_imported(database: Database) -> None:
    for kind in ("sites", "doctors"):
        failed, said = await imported(database, kind, EXAMPLES / f"{kind}.csv")
        assert not failed, said
    async with database.reading() as session:
        assert (await session.scalar(select(func.count(Site.id))) or 0) > 1
