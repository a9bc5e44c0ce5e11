"""Files of controls, doctors and sites, imported on screen: rehearsed, confirmed, followed, told line by line."""

from __future__ import annotations

from fastapi import APIRouter

pages = APIRouter()
