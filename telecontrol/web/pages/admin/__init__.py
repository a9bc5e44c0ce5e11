"""The administration: organisations, insurers, doctors, sites, accounts, rules. For administrators alone."""

from __future__ import annotations

from fastapi import APIRouter

pages = APIRouter()
