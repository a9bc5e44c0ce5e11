"""Importing on screen: sent, rehearsed, chosen, followed, told line by line; never twice, and only one's own."""

from __future__ import annotations

import asyncio
import csv
import io
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text

from telecontrol.accounts.models import Insurer, Organisation, Role, StaffUser
from telecontrol.accounts.staff import add_user
from telecontrol.controls.csv_reading import LARGEST
from telecontrol.controls.models import Control, Doctor, DraftState, ImportDraft, ImportJob, ImportState
from telecontrol.db.base import Base
from telecontrol.db.journal import SERVICE, JournalEntry
from telecontrol.scheduling.models import Site
from tests.support.insured import Page, Visitor
from tests.support.seeding import PASSWORD, Seeded, seed
from tests.support.service import Service, serving
from tests.support.staffing import signed_in

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HEADER = "référence;procédure;matricule;nom;prénom;date de naissance;courriel;mobile;code postal;ville;début de l'arrêt;fin de l'arrêt"
GOOD = "F-{0};A;P-{0};Lefèvre;Zoé;03/04/1980;zoe{0}@example.org;06 11 11 {0} 10;69003;Lyon;20/02/2026;10/04/2026"


def controls(*numbers: int, bad: int = 0) -> str:
    """A file of good lines, and of `bad` lines without a family name."""
    lines = [GOOD.format(number) for number in numbers]
    lines += [GOOD.format(90 + number).replace("Lefèvre", "") for number in range(bad)]
    return "\n".join([HEADER, *lines]) + "\n"


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def seeded(service: Service) -> Seeded:
    return await seed(service)


@asynccontextmanager
async def browsing(service: Service, email: str) -> AsyncIterator[Visitor]:
    async with service.runtime.database.reading() as session:
        user = (await session.scalars(select(StaffUser).where(StaffUser.email == email))).one()
    async with signed_in(service, user, password=PASSWORD) as visitor:
        yield visitor


@pytest_asyncio.fixture
async def handler(service: Service, seeded: Seeded) -> AsyncIterator[Visitor]:
    async with browsing(service, seeded.world.handler.email) as visitor:
        yield visitor


@pytest_asyncio.fixture
async def administrator(service: Service, seeded: Seeded) -> AsyncIterator[Visitor]:
    async with browsing(service, "admin@essai.example") as visitor:
        yield visitor


async def send(
    visitor: Visitor, data: str | bytes, *, name: str = "contrôles.csv", kind: str = "", **given: str
) -> Page:
    """Send a file by the form as it stands, and wait until it was read."""
    page = await visitor.get("/desk/import" + (f"?kind={kind}" if kind else ""))
    fields = {**(page.form("/desk/import") or {}), **given}
    fields.pop("file", None)
    content = data.encode() if isinstance(data, str) else data
    answer = await visitor.http.post("/desk/import", data=fields, files={"file": (name, content, "text/csv")})
    return await settled(visitor, Page(answer))


async def settled(visitor: Visitor, page: Page) -> Page:
    async with asyncio.timeout(30):
        while 'id="progress"' in page.html:
            await asyncio.sleep(0.05)
            page = await visitor.get(page.path)
    return page


async def choose(visitor: Visitor, page: Page, mode: str) -> Page:
    return await settled(visitor, await visitor.press(page, f"{page.path}/confirm", mode=mode))


async def count(service: Service, table: type[Base]) -> int:
    async with service.runtime.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
async def test_a_good_file_is_rehearsed_then_imported_once(service: Service, handler: Visitor, encoding: str) -> None:
    rehearsed = await send(handler, controls(10, 11).encode(encoding))
    assert "Toutes les lignes sont bonnes" in rehearsed.words
    assert "Rien n'est encore enregistré" in rehearsed.words
    assert (await count(service, Control), await count(service, ImportDraft), await count(service, ImportJob)) == (
        1,
        1,
        0,
    )

    done = await choose(handler, rehearsed, "all_or_nothing")
    assert "L'import est terminé" in done.words
    assert done.path == rehearsed.path, "one address from the rehearsal to the report"
    assert (await count(service, Control), await count(service, ImportDraft), await count(service, ImportJob)) == (
        3,
        0,
        1,
    )

    empty = await send(handler, controls().encode(encoding))
    assert "aucune ligne sous les titres : rien à importer" in empty.words.lower()
    assert "déjà enregistré" not in empty.words

    again = await send(handler, controls(10, 11).encode(encoding))
    assert "Il n'y a rien à importer" in again.words
    assert f"{again.path}/confirm" not in again.html
    assert await count(service, Control) == 3


async def test_bad_lines_are_named_and_the_good_ones_can_be_taken(service: Service, handler: Visitor) -> None:
    rehearsed = await send(handler, controls(10, 11, bad=2))
    assert "2 lignes sont à corriger" in rehearsed.words
    assert "ligne 4 nom Valeur obligatoire" in rehearsed.words
    done = await choose(handler, rehearsed, "good_lines")
    assert "Les bonnes lignes sont importées" in done.words
    assert "2 lignes refusées restent à corriger" in done.words
    assert await count(service, Control) == 3


async def test_what_is_worth_knowing_is_told_beside_what_is_refused(handler: Visitor) -> None:
    page = await send(handler, controls(10, bad=1).replace(";03/04/1980;zoe10", ";;zoe10"))
    assert "ligne 2 date de naissance Sans date de naissance, la personne devra téléphoner" in page.words
    assert "1 ligne est à corriger" in page.words
    answer = await handler.http.get(f"{page.path}/errors.csv")
    assert [row.split(";")[2] for row in answer.text.splitlines()[1:]] == ["à savoir", "à corriger"]


async def test_all_or_nothing_writes_nothing_where_a_line_is_refused(service: Service, handler: Visitor) -> None:
    """The page does not offer it then; whoever sends it all the same, or meets a line that became bad, loses nothing."""
    rehearsed = await send(handler, controls(10, bad=1))
    ended = await choose(handler, rehearsed, "all_or_nothing")
    assert "Rien n'a été importé" in ended.words
    assert await count(service, Control) == 1


async def test_the_list_of_errors_holds_no_formula(handler: Visitor) -> None:
    text_ = controls(10).replace("prénom", '"=HYPERLINK(""http://x"")"', 1).replace("référence", "reference")
    rehearsed = await send(handler, text_ + '"@SUM(A1)";A;P-20;Nom;X;;;;;;20/02/2026;=1+1\n')
    assert "colonnes manquantes" in rehearsed.words.lower()
    bad = controls(10, bad=1).replace("nom;", '"=nom";', 1).replace("=nom", "nom")
    rehearsed = await send(handler, bad)
    answer = await handler.http.get(f"{rehearsed.path}/errors.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["ligne", "colonne", "nature", "motif"]
    assert rows[1] == ["3", "nom", "à corriger", "valeur obligatoire"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Ce fichier est vide."),
        (b"   \n\n", "fichier est vide"),
        (b"%PDF-1.7\0\0\0", "Ce n'est pas un fichier CSV"),
        (b"\xff\xfe\x00", "Ce n'est pas un fichier CSV"),
        (b"a;b\n1;2\n", "Colonnes manquantes"),
        ((HEADER + '\n"jamais fermé').encode(), "guillemet"),
    ],
)
async def test_what_is_no_file_of_controls_is_said(service: Service, handler: Visitor, data: bytes, said: str) -> None:
    page = await send(handler, data)
    assert said in page.words
    assert page.status in (200, 422)
    assert await count(service, Control) == 1


async def test_no_file_at_all_keeps_what_was_chosen(service: Service, handler: Visitor, seeded: Seeded) -> None:
    async with service.runtime.database.transaction() as session:
        session.add(Organisation(code="autre", name="Autre caisse", created_at=NOW))
        session.add(Insurer(code="autre", name="Autre assureur", created_at=NOW))
    page = await send(handler, b"", name="", organisation=str(seeded.world.organisation.id))
    assert page.status == 422
    assert "Choisissez un fichier." in page.words
    assert f'<option value="{seeded.world.organisation.id}" selected>' in page.html


async def test_a_file_that_is_too_large_is_refused_and_kept_nowhere(service: Service, handler: Visitor) -> None:
    page = await send(handler, b"x" * (LARGEST + 1))
    assert "dépasse 20 Mo" in page.words
    assert page.path == "/desk/import"
    assert await count(service, ImportDraft) == 0


async def test_a_flood_without_a_length_is_cut(handler: Visitor) -> None:
    """What really comes is measured, whatever was said of it."""

    async def flood() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
        for _ in range(LARGEST // 1_000_000 + 3):
            yield b"y" * 1_000_000

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await handler.http.post("/desk/import", content=flood(), headers=headers)
    assert "dépasse 20 Mo" in Page(answer).words


async def test_the_same_form_twice_makes_one_draft_and_one_import(service: Service, handler: Visitor) -> None:
    first = await send(handler, controls(10))
    second = await send(handler, controls(10))
    assert await count(service, ImportDraft) == 1
    gone = await handler.get(first.path)
    assert gone.status == (200 if first.path == second.path else 404)

    done = await choose(handler, second, "all_or_nothing")
    fields = second.form(f"{second.path}/confirm")
    assert fields is not None
    again = await settled(handler, await handler.post(f"{second.path}/confirm", {**fields, "mode": "good_lines"}))
    assert again.words == done.words
    assert (await count(service, Control), await count(service, ImportJob)) == (2, 1)
    async with service.runtime.database.reading() as session:
        acts = list(await session.scalars(select(JournalEntry.action).where(JournalEntry.subject_kind == "import")))
    assert sorted(acts) == ["import.sent", "import.sent", "import.started"]


async def test_two_presses_at_the_same_time_import_once(service: Service, handler: Visitor) -> None:
    rehearsed = await send(handler, controls(*range(10, 40)))
    fields = {**(rehearsed.form(f"{rehearsed.path}/confirm") or {}), "mode": "all_or_nothing"}
    pages = await asyncio.gather(*(handler.post(f"{rehearsed.path}/confirm", fields) for _ in range(4)))
    assert {page.status for page in pages} == {200}
    await settled(handler, pages[0])
    assert (await count(service, Control), await count(service, ImportJob)) == (31, 1)


async def test_a_file_can_be_given_up(service: Service, handler: Visitor) -> None:
    rehearsed = await send(handler, controls(10))
    fields = rehearsed.form(f"{rehearsed.path}/confirm")
    assert fields is not None
    page = await handler.post(f"{rehearsed.path}/cancel", fields)
    assert "Le fichier est oublié" in page.words
    assert await count(service, ImportDraft) == 0
    assert (await handler.get(rehearsed.path)).status == 404
    assert (await handler.post(f"{rehearsed.path}/cancel", fields)).path == "/desk/import", "twice is once"


async def test_a_file_waits_sealed_and_is_forgotten_after_a_day(service: Service, handler: Visitor) -> None:
    await send(handler, controls(10))
    async with service.runtime.database.reading() as session:
        rows = (await session.execute(text("SELECT content_sealed FROM import_draft"))).all()
    assert b"zoe10" not in bytes(rows[0][0])
    assert "contrôles.csv" in (await handler.get("/desk/import")).words
    service.clock.advance(timedelta(hours=25))
    async with browsing(service, "gestion@essai.example") as later:
        assert "En attente de votre choix" not in (await later.get("/desk/import")).words
        await send(later, controls(20), name="autre.csv")
    assert await count(service, ImportDraft) == 1


async def test_progress_is_a_bar_that_works_without_script(service: Service, handler: Visitor, seeded: Seeded) -> None:
    """Held back by a lock on the way, the import shows its bar, by htmx and by reading the page again."""
    rehearsed = await send(handler, controls(*range(10, 99)))
    jobs = service.app.state.imports
    async with jobs._turn:
        if not service.runtime.database.is_sqlite:
            await jobs._turn.acquire()
            await jobs._turn.acquire()
        running = await handler.press(rehearsed, f"{rehearsed.path}/confirm", mode="good_lines")
        assert 'hx-trigger="every 1s"' in running.html
        assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in running.html
        assert "<progress" in running.html
        part = await handler.get(f"{running.path}/progress")
        assert part.status == 200
        assert "<html" not in part.html
        if not service.runtime.database.is_sqlite:
            jobs._turn.release()
            jobs._turn.release()
    done = await settled(handler, running)
    assert "L'import est terminé" in done.words
    answer = await handler.http.get(f"{running.path}/progress")
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


async def test_an_import_cut_by_a_stop_says_so_and_can_be_done_again(
    service: Service, handler: Visitor, seeded: Seeded
) -> None:
    rehearsed = await send(handler, controls(10))
    async with service.runtime.database.transaction() as session:
        draft = (await session.scalars(select(ImportDraft))).one()
        draft.state = DraftState.REHEARSING
        job = ImportJob(
            kind=draft.kind,
            organisation_id=seeded.world.organisation.id,
            file_name="coupé.csv",
            file_hash="0" * 64,
            report={},
            started_by="",
            started_at=NOW,
        )
        session.add(job)
    await service.app.state.imports.take_over()
    for address in (rehearsed.path, f"/desk/import/{job.id}"):
        page = await handler.get(address)
        assert "Le service s'est arrêté avant la fin" in page.words
    async with service.runtime.database.reading() as session:
        assert (await session.get_one(ImportJob, job.id)).state is ImportState.INTERRUPTED
    assert "Toutes les lignes sont bonnes" in (await send(handler, controls(10))).words


async def test_administrators_import_doctors_and_sites_and_no_controls(
    service: Service, administrator: Visitor
) -> None:
    sites = "code;nom;adresse;code postal;ville;salles;horaires\nREU1;Barachois;2 rue de Nice;97400;Saint-Denis;Salle 1;lun-ven 08:00-12:00\n"
    rehearsed = await send(administrator, sites, name="sites.csv", kind="sites")
    assert "Importer des sites" not in rehearsed.title
    await choose(administrator, rehearsed, "all_or_nothing")
    assert await count(service, Site) == 2

    doctors = "RPPS;nom;prénom;procédures;ouvertures\n10100000016;Faure;Hélène;A 2026-01-01..;lun 09:00-12:00 REU1\n"
    rehearsed = await send(administrator, doctors, name="d.csv", kind="doctors")
    done = await choose(administrator, rehearsed, "good_lines")
    assert "Voir les médecins" in done.words
    assert await count(service, Doctor) == 3
    changed = doctors.replace("Hélène", "Hélèna")
    rehearsed = await send(administrator, changed, name="d.csv", kind="doctors")
    assert "1 à mettre à jour" in rehearsed.words

    page = await administrator.get("/desk/import?kind=controls")
    assert page.status == 404
    fields = (await administrator.get("/desk/import?kind=sites")).form("/desk/import") or {}
    fields.pop("file", None)
    answer = await administrator.http.post(
        "/desk/import",
        data={**fields, "kind": "controls"},
        files={"file": ("c.csv", controls(10).encode(), "text/csv")},
    )
    assert answer.status_code == 404
    assert await count(service, Control) == 1


async def test_nobody_meets_another_ones_import(
    service: Service, handler: Visitor, administrator: Visitor, seeded: Seeded
) -> None:
    async with service.runtime.database.transaction() as session:
        other = Organisation(code="autre", name="Autre caisse", created_at=NOW)
        session.add(other)
        await session.flush()
        await add_user(
            session,
            email="limite@essai.example",
            display_name="Limité",
            role=Role.HANDLER,
            password=PASSWORD,
            organisation_id=other.id,
            actor=SERVICE,
            now=NOW,
        )
    ours = await send(handler, controls(10), organisation=str(seeded.world.organisation.id))
    theirs = await send(administrator, "code;nom;adresse;code postal;ville\n", name="s.csv", kind="sites")
    parts = ["", "/progress", "/errors.csv"]
    async with (
        browsing(service, "limite@essai.example") as limited,
        browsing(service, "docteur@essai.example") as doctor,
    ):
        for visitor, page in ((limited, ours), (doctor, ours), (administrator, ours), (handler, theirs)):
            for part in parts:
                assert (await visitor.get(f"{page.path}{part}")).status == 404
            token = {"csrf_token": ((await visitor.get("/sign-in")).form("/sign-out") or {})["csrf_token"]}
            assert (await visitor.post(f"{page.path}/confirm", {**token, "mode": "good_lines"})).status == 404
            await visitor.post(f"{page.path}/cancel", token)
        refused = await send(limited, controls(20), organisation=str(seeded.world.organisation.id))
        assert "Choisissez un organisme de la liste" in refused.words
        assert (await doctor.get("/desk/import")).status == 404
    assert await count(service, ImportDraft) == 2, "nobody else's press did anything"
    assert (await handler.get(f"/desk/import/{uuid.uuid4()}")).status == 404


async def test_an_empty_model_names_every_column(handler: Visitor, administrator: Visitor) -> None:
    answer = await handler.http.get("/desk/import/model.csv")
    titles = answer.content.decode("utf-8-sig").strip().split(";")
    assert "référence" in titles
    assert len(titles) == 18
    doctors = await administrator.http.get("/desk/import/model.csv?kind=doctors")
    assert doctors.content.decode("utf-8-sig").startswith("RPPS;")
    assert (await handler.http.get("/desk/import/model.csv?kind=doctors")).status_code == 404


async def test_pages_are_in_the_language_of_whoever_imports(service: Service, handler: Visitor, seeded: Seeded) -> None:
    async with service.runtime.database.transaction() as session:
        (await session.get_one(StaffUser, seeded.world.handler.id)).language = "en"
    page = await send(handler, controls(10, bad=1))
    assert "1 line is to be corrected" in page.words
    assert "A value is needed" in page.words
    answer = await handler.http.get(f"{page.path}/errors.csv")
    assert "a value is needed" in answer.content.decode("utf-8-sig")
