"""The administration: organisations, insurers, doctors, sites, accounts, rules. For administrators alone."""

from __future__ import annotations

from fastapi import APIRouter

from telecontrol.web.pages.admin import (
    agendas,
    api_keys,
    approvals,
    doctors,
    insurers,
    organisations,
    policies,
    service,
    sites,
    users,
)

pages = APIRouter()
for module in (organisations, api_keys, insurers, doctors, approvals, agendas, sites, users, policies, service):
    pages.include_router(module.pages)
