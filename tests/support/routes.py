"""Every route of an application, as requests meet them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """`path` as it is declared, with its parameters between braces. `method` is `WS` for a socket."""

    path: str
    method: str


def routes_of(app: FastAPI) -> list[Route]:
    """Sorted. A route that answers HEAD beside GET counts once."""
    return sorted(set(_walk(app.router.routes)))


def _walk(routes: Iterable[Any]) -> Iterator[Route]:
    for route in routes:
        inside = getattr(route, "effective_candidates", None)
        if inside is not None:
            yield from _walk(inside())
            continue
        found = getattr(route, "starlette_route", None) or route
        path = getattr(route, "path", "") or getattr(found, "path", "")
        methods = getattr(route, "methods", None) or getattr(found, "methods", None)
        if methods is None:
            yield Route(path, "WS" if type(found).__name__.endswith("WebSocketRoute") else "MOUNT")
            continue
        yield from (Route(path, method) for method in methods if method != "HEAD")
