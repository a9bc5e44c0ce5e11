"""First steps of an installation from the command line: accounts, keys, an organisation, an insurer."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.api_keys import Scope, issue_key
from telecontrol.accounts.models import Insurer, Organisation, Role
from telecontrol.accounts.staff import add_user
from telecontrol.clock import SystemClock
from telecontrol.config import Environment, Settings
from telecontrol.controls.policies import seed_policies
from telecontrol.controls.requests import legal_today
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.reports.gateway_setup import set_gateway
from telecontrol.scheduling.doctors import link_account
from telecontrol.scheduling.operator import Operator

OPERATOR_LINE = Actor(ActorKind.SERVICE, "", "command line")


async def add_account(
    database: Database, *, email: str, role: str, name: str, organisation: str, rpps: str, password: str
) -> bool:
    """Open a staff account, a doctor's where `rpps` says whose; whether it is a doctor's.

    Raises `InvalidInput` for an unknown role, an unknown doctor or one that signs in with another account
    (`doctor_has_account`), `NotFound` for an unknown organisation.
    """
    try:
        wanted = Role(role)
    except ValueError:
        raise InvalidInput(f"role must be one of {', '.join(Role)}", field="role") from None
    async with database.transaction() as session:
        owner = await _organisation(session, organisation) if organisation else None
        user = await add_user(
            session,
            email=email,
            display_name=name,
            role=wanted,
            password=password,
            organisation_id=owner.id if owner else None,
            actor=OPERATOR_LINE,
            now=SystemClock().now(),
        )
        if not rpps:
            return False
        if wanted is not Role.DOCTOR:
            raise InvalidInput("only a doctor's account has an RPPS number", field="rpps", code="rpps_not_for_role")
        await link_account(session, user, rpps=rpps, actor=OPERATOR_LINE, now=user.created_at)
        return True


async def add_key(database: Database, *, organisation: str, name: str, scopes: list[str] | None) -> str:
    """Issue an API key; the key itself, shown this once."""
    async with database.transaction() as session:
        owner = await _organisation(session, organisation)
        _, key = await issue_key(
            session,
            organisation_id=owner.id,
            name=name,
            scopes=scopes or list(Scope),
            actor=OPERATOR_LINE,
            now=SystemClock().now(),
        )
        return key


async def add_parties(
    database: Database,
    settings: Settings,
    *,
    organisation: tuple[str, str, str],
    insurer: tuple[str, str, str, str],
) -> None:
    """Add an organisation (code, name, mandate) and an insurer (code, name, gateway address, key) where their codes are
    given, and the first version of each procedure's rules. What exists already is left alone but for the gateway."""
    now = SystemClock().now()
    async with database.transaction() as session:
        await seed_policies(session, valid_from_on=legal_today(now))
        code, name, mandate = organisation
        if code and await session.scalar(select(Organisation.id).where(Organisation.code == code)) is None:
            session.add(Organisation(code=code, name=name or code, mandate=mandate, created_at=now))
        code, name, url, key = insurer
        if not code:
            return
        row = await session.scalar(select(Insurer).where(Insurer.code == code))
        if row is None:
            row = Insurer(code=code, name=name or code, created_at=now)
            session.add(row)
            await session.flush()
        if url:
            await set_gateway(
                session,
                row,
                sealer=Operator.from_settings(settings).messages,
                url=url,
                key=key or None,
                allow_loopback=settings.environment is not Environment.PRODUCTION,
                actor=OPERATOR_LINE,
                now=now,
            )


async def _organisation(session: AsyncSession, code: str) -> Organisation:
    found = await session.scalar(select(Organisation).where(Organisation.code == code))
    if found is None:
        raise NotFound(f"no organisation with code {code}", code="no_such_organisation")
    return found
