"""Putting a world, accounts and an API key into a service's database."""

from __future__ import annotations

from dataclasses import dataclass

from telecontrol.accounts.api_keys import Scope, issue_key
from telecontrol.accounts.models import Role
from telecontrol.accounts.staff import add_user
from telecontrol.db.journal import SERVICE
from telecontrol.reports.gateway_setup import set_gateway
from telecontrol.web.local_insurer import bearer, gateway_url
from tests.support.service import Service
from tests.support.world import World, make_world

PASSWORD = "mouton-bleu-tranquille-7"
HANDLER, DOCTOR, ADMINISTRATOR = "gestion@essai.example", "docteur@essai.example", "admin@essai.example"


@dataclass(slots=True)
class Seeded:
    world: World
    api_key: str

    @property
    def key(self) -> dict[str, str]:
        """The header that a program sends."""
        return {"Authorization": f"Bearer {self.api_key}"}


async def seed(service: Service) -> Seeded:
    """A world with its local insurer connected, one account of each role, and a key with every scope."""
    now = service.clock.now()
    async with service.runtime.database.transaction() as session:
        world = await make_world(session)
        users = [
            await add_user(
                session, email=email, display_name=email, role=role, password=PASSWORD, actor=SERVICE, now=now
            )
            for email, role in ((HANDLER, Role.HANDLER), (DOCTOR, Role.DOCTOR), (ADMINISTRATOR, Role.ADMINISTRATOR))
        ]
        world.handler, world.doctor_user = users[0], users[1]
        world.doctor.user_id = users[1].id
        await set_gateway(
            session,
            world.insurer,
            sealer=service.runtime.operator.messages,
            url=gateway_url(service.settings),
            key=bearer(service.settings),
            allow_loopback=True,
            actor=SERVICE,
            now=now,
        )
        _, key = await issue_key(
            session, organisation_id=world.organisation.id, name="essai", scopes=list(Scope), actor=SERVICE, now=now
        )
    return Seeded(world, key)
