"""An organisation, an insurer, policies and plausible requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import seed_policies
from telecontrol.controls.request_data import NewControl, NewInsured
from telecontrol.db.session import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Office:
    """Who asks and who is told."""

    organisation: Organisation
    insurer: Insurer


@pytest.fixture
def now() -> datetime:
    return NOW


async def opened(database: Database, code: str = "caisse-01") -> Office:
    """A new organisation with its insurer, and the first policies."""
    async with database.transaction() as session:
        organisation = Organisation(code=code, name=f"Organisme {code}", created_at=NOW)
        insurer = Insurer(code=f"assureur-{code}", name=f"Assureur {code}", created_at=NOW)
        session.add_all([organisation, insurer])
        await seed_policies(session, valid_from_on=date(2026, 1, 1))
    return Office(organisation, insurer)


@pytest.fixture
async def office(database: Database) -> Office:
    return await opened(database)


@pytest.fixture
def new_control() -> Callable[..., NewControl]:
    """Makes a request that passes the door; `person` holds other values for the insured."""

    def make(*, person: dict[str, Any] | None = None, **given: Any) -> NewControl:
        insured: dict[str, Any] = {
            "external_reference": "M-1001",
            "family_name": "Moreau",
            "given_name": "Hélène",
            "birth_on": date(1984, 5, 17),
            "email": "helene.moreau@courriel.example",
            "phone": "06 12 34 56 78",
            "address": "4 rue des Lilas",
            "postcode": "01000",
            "city": "Bourg-en-Bresse",
        }
        control: dict[str, Any] = {
            "external_reference": "D-2026-0001",
            "procedure": Procedure.A,
            "leave_starts_on": date(2026, 2, 23),
            "leave_ends_on": date(2026, 3, 22),
        }
        return NewControl(insured=NewInsured(**{**insured, **(person or {})}), **{**control, **given})

    return make
