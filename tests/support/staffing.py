"""Staff at work over real HTTP: a password for the world's people, a browser in which one of them signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telecontrol.accounts.models import StaffUser
from telecontrol.accounts.passwords import hash_password
from telecontrol.web import paths
from tests.support.insured import Visitor, visiting
from tests.support.service import Service

PASSWORD = "un cheval bleu sur le toit"


async def give_passwords(service: Service, *users: StaffUser) -> None:
    hashed = await hash_password(PASSWORD)
    async with service.runtime.database.transaction() as session:
        for user in users:
            (await session.get_one(StaffUser, user.id)).password_hash = hashed


@asynccontextmanager
async def signed_in(service: Service, user: StaffUser, *, password: str = PASSWORD) -> AsyncIterator[Visitor]:
    """A browser of `user`, past the sign-in page."""
    async with visiting(service) as visitor:
        page = await visitor.get(paths.SIGN_IN)
        page = await visitor.press(page, paths.SIGN_IN, email=user.email, password=password)
        assert page.path != paths.SIGN_IN, page.title
        yield visitor
