"""The command line."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from telecontrol import log
from telecontrol.config import Environment, Settings
from telecontrol.errors import Misconfigured, TelecontrolError

# A traceback in colours shows the values it passed: a password's hash, a name.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Telecontrol: from the request of a control to its report.",
)
import_app = typer.Typer(
    no_args_is_help=True, help="Import controls, doctors or sites from a CSV file (docs/import.md)."
)
user_app = typer.Typer(no_args_is_help=True, help="Staff accounts.")
key_app = typer.Typer(no_args_is_help=True, help="Keys of the JSON API.")
app.add_typer(import_app, name="import")
app.add_typer(user_app, name="user")
app.add_typer(key_app, name="key")

console = Console(stderr=True)
T = TypeVar("T")


def main() -> None:
    """Entry point: a domain error is one clear line and exit code 1, a bad setting exit code 2."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, OperationalError

    try:
        app()
    except TelecontrolError as error:
        _say(error.code, error.message)
        sys.exit(1)
    except ValidationError as error:
        for item in error.errors():
            # A rule over several settings names them itself.
            name = (
                "_".join(["telecontrol", *(str(part) for part in item["loc"])]).upper() if item["loc"] else "settings"
            )
            _say(name, item["msg"].removeprefix("Value error, "))
        sys.exit(2)
    except (OperationalError, ConnectionError):
        _say("database_unavailable", "the database does not answer: is it running, and TELECONTROL_DATABASE_URL right?")
        sys.exit(1)
    except DBAPIError as error:
        # Its own text repeats what it was given.
        console.print(log.faults_without_words(error), markup=False, highlight=False)
        _say("database_error", "the database refused: nothing was recorded")
        sys.exit(1)


def _say(what: str, text: str) -> None:
    console.print(f"[bold red]{what}[/]: {escape(text)}", highlight=False, soft_wrap=True)


def _settings(**overrides: Any) -> Settings:
    settings = Settings.from_environment()
    if overrides:
        settings = Settings(**{**settings.model_dump(), **overrides})
    log.configure(json=settings.environment is Environment.PRODUCTION, level=settings.log_level)
    return settings


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    keep: Annotated[bool, typer.Option(help="Keep the data of the last demonstration.")] = False,
) -> None:
    """Start a demonstration: a believable organisation, controls in every state, a clock that can be moved forward."""
    from telecontrol.cli.demo import run_demo

    run_demo(port=port, keep=keep, console=console)


@app.command()
def serve() -> None:
    """Serve the pages and the API; the worker runs inside unless TELECONTROL_WORKER_INSIDE=false."""
    import uvicorn

    from telecontrol.web.app import create_app
    from telecontrol.worker import require_free_lock

    settings = _settings()
    application = create_app(settings)
    if settings.worker_inside:
        require_free_lock(settings.database_url)
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=20,
        access_log=False,
        log_config=None,
        server_header=False,
        ws_max_size=65_536,
    )


@app.command()
def worker() -> None:
    """Run the worker alone, beside `serve` with TELECONTROL_WORKER_INSIDE=false. SQLite takes one."""
    from telecontrol.worker import Worker, assemble

    async def run() -> None:
        runtime = assemble(_settings())
        stop = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, stop.set)
        running = Worker(runtime)
        try:
            running.start()
            await stop.wait()
            await running.stop()
        finally:
            await runtime.aclose()

    asyncio.run(run())


@app.command()
def migrate() -> None:
    """Bring the database to this release's schema."""
    from telecontrol.db.migrate import upgrade

    settings = _settings()
    _make_folder(settings.database_url)
    upgrade(settings.database_url)
    console.print("The database is up to date.")


@app.command()
def bounce() -> None:
    """Take in a bounce (RFC 3464) from standard input: what a mail server pipes to the address of the envelope sender."""
    from telecontrol.cli.mail import take_bounce

    raw = sys.stdin.buffer.read(10_000_000)
    count = _run(lambda database: take_bounce(database, raw))
    console.print(f"{count} delivery report(s) taken in.")


@app.command()
def reconcile(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """After restoring an old backup: say what may have been sent since, hand it to the desk, let sending resume."""
    from telecontrol.cli.reconcile import reconcile as run

    settings = _settings()
    _run(lambda database: run(database, settings, yes=yes, console=Console()))


@app.command()
def openapi(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output otherwise.")] = None,
) -> None:
    """Print the JSON API's OpenAPI 3.1 description."""
    from telecontrol.web.api import openapi_document

    text = json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


@user_app.command("add")
def user_add(
    email: Annotated[str, typer.Argument(help="Address the person signs in with.")],
    role: Annotated[str, typer.Option(help="handler, doctor or administrator.")],
    name: Annotated[str, typer.Option(help="Name shown on screen.")] = "",
    organisation: Annotated[str, typer.Option(help="Code of the organisation a handler is limited to.")] = "",
    rpps: Annotated[str, typer.Option(help="For a doctor: the number of the doctor this account is for.")] = "",
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
) -> None:
    """Add a staff account; the password is asked for."""
    from telecontrol.cli.accounts import add_account

    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    is_tied = _run(
        lambda database: add_account(
            database,
            email=email,
            role=role,
            name=name or email,
            organisation=organisation,
            rpps=rpps,
            password=password,
        )
    )
    console.print(f"Account {email} added.")
    if role == "doctor" and not is_tied:
        console.print(
            "It is no doctor's yet and sees nothing: say --rpps, or choose the account on the doctor's page of the administration.",
            style="yellow",
        )


@key_app.command("add")
def key_add(
    organisation: Annotated[str, typer.Argument(help="Code of the organisation whose controls the key may reach.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "api",
    scope: Annotated[list[str] | None, typer.Option(help="Scopes; all of them when none is given.")] = None,
) -> None:
    """Issue an API key and print it once: only its hash is kept."""
    from telecontrol.cli.accounts import add_key

    print(_run(lambda database: add_key(database, organisation=organisation, name=name, scopes=scope)))


@app.command("setup")
def setup(
    organisation: Annotated[str, typer.Option(help="Code of an asking organisation to add.")] = "",
    organisation_name: Annotated[str, typer.Option()] = "",
    mandate: Annotated[str, typer.Option(help="On whose behalf people are called, as a sentence.")] = "",
    insurer: Annotated[str, typer.Option(help="Code of an insurer to add.")] = "",
    insurer_name: Annotated[str, typer.Option()] = "",
    gateway_url: Annotated[str, typer.Option(help="Address of the insurer's gateway (https).")] = "",
    gateway_key: Annotated[str, typer.Option(help="Key that the insurer gave.")] = "",
) -> None:
    """Add the first organisation and insurer of an installation; the rest is done on the administration pages."""
    from telecontrol.cli.accounts import add_parties

    settings = _settings()
    _run(
        lambda database: add_parties(
            database,
            settings,
            organisation=(organisation, organisation_name, mandate),
            insurer=(insurer, insurer_name, gateway_url, gateway_key),
        )
    )


def _import(kind: str, path: Path, organisation: str, insurer: str, good_lines: bool, language: str) -> None:
    from telecontrol.cli.imports import run_import

    failed = _run(
        lambda database: run_import(
            database,
            kind,
            path,
            organisation=organisation,
            insurer=insurer,
            good_lines=good_lines,
            language=language,
            console=console,
        )
    )
    if failed:
        sys.exit(1)


_File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV file.")]
_GoodLines = Annotated[bool, typer.Option("--good-lines", help="Import the good lines and list the others.")]
_Language = Annotated[str, typer.Option(help="Language of the errors: fr or en.")]


@import_app.command("controls")
def import_controls(
    file: _File,
    organisation: Annotated[str, typer.Option(help="Code of the asking organisation.")],
    insurer: Annotated[str, typer.Option(help="Code of the insurer, where the file does not name it.")] = "",
    good_lines: _GoodLines = False,
    language: _Language = "fr",
) -> None:
    """Import requests of controls: all of them, or none when a line is wrong."""
    _import("controls", file, organisation, insurer, good_lines, language)


@import_app.command("doctors")
def import_doctors(file: _File, good_lines: _GoodLines = False, language: _Language = "fr") -> None:
    """Import doctors with their approvals and openings."""
    _import("doctors", file, "", "", good_lines, language)


@import_app.command("sites")
def import_sites(file: _File, good_lines: _GoodLines = False, language: _Language = "fr") -> None:
    """Import sites with their rooms and hours."""
    _import("sites", file, "", "", good_lines, language)


def _run(work: Callable[[Any], Awaitable[T]]) -> T:
    """Run `work` on the settings' database, and give its connections back."""
    from telecontrol.db.migrate import is_current
    from telecontrol.db.session import Database

    settings = _settings()

    async def run() -> T:
        database = Database(settings.database_url)
        try:
            if not await is_current(database):
                raise Misconfigured(
                    "the database has not this release's schema: run `telecontrol migrate` first", code="not_migrated"
                )
            return await work(database)
        finally:
            await database.dispose()

    return asyncio.run(run())


def _make_folder(database_url: str) -> None:
    from sqlalchemy.engine import make_url

    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
