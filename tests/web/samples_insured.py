"""Pages of the insured."""

from __future__ import annotations

from typing import Any

PAGES: dict[str, tuple[str, dict[str, Any]]] = {}
