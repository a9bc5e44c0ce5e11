"""Which sites suit somebody, the nearest first (`DOMAIN.md` §5, in person)."""

from __future__ import annotations

import uuid
from enum import IntEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Insured
from telecontrol.controls.zones import department_of_postcode
from telecontrol.scheduling.models import Site


class Nearness(IntEnum):
    """How a site stands to somebody's address; the lower the nearer."""

    SAME_POSTCODE = 0
    SAME_DEPARTMENT = 1
    SERVES_DEPARTMENT = 2


def nearness(site: Site, postcode: str) -> Nearness | None:
    """How near `site` is to `postcode`; None when it does not serve that place."""
    department = department_of_postcode(postcode)
    if postcode and site.postcode == postcode:
        return Nearness.SAME_POSTCODE
    if not department:
        return None
    if department_of_postcode(site.postcode) == department:
        return Nearness.SAME_DEPARTMENT
    return Nearness.SERVES_DEPARTMENT if department in site.departments else None


async def near_sites(session: AsyncSession, insured: Insured) -> list[tuple[Site, Nearness]]:
    """The active sites that serve the insured's address: same postcode, same department, then those that list the
    department; by name within each. One query."""
    found = await session.scalars(select(Site).where(Site.is_active))
    ranked = [(site, near) for site in found if (near := nearness(site, insured.postcode)) is not None]
    return sorted(ranked, key=lambda each: (each[1], each[0].name, each[0].id))


async def sites_for(session: AsyncSession, insured: Insured) -> list[uuid.UUID]:
    """The ids of `near_sites`, the nearest first."""
    return [site.id for site, _ in await near_sites(session, insured)]
