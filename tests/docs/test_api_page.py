"""docs/api.md holds true: its requests exist in the OpenAPI description, and their bodies are accepted by it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import pytest

from telecontrol.accounts.api_keys import Scope
from telecontrol.web.api import PREFIX, openapi_document

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
CURL = re.compile(
    r"^curl (?:-X (?P<method>\w+) )?\"\$BASE(?P<address>[^\"]+)\"(?P<rest>(?:[^'\n]|'[^']*')*)", re.MULTILINE
)
DOCUMENT = openapi_document()
EXAMPLES = [(found["method"] or "GET", found["address"], found["rest"]) for found in CURL.finditer(PAGE)]


def operation(method: str, address: str) -> dict[str, Any]:
    """The operation that answers a request of the page."""
    path = PREFIX + address.partition("?")[0]
    for template, operations in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{\w+\}", r"\\$[A-Z]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    raise AssertionError(f"no such request: {method} {path}")


def test_the_page_shows_every_request() -> None:
    shown = {id(operation(method, address)) for method, address, _ in EXAMPLES}
    known = {
        f"{method} {path}": id(found) for path, each in DOCUMENT["paths"].items() for method, found in each.items()
    }
    assert [name for name, found in known.items() if found not in shown] == []


@pytest.mark.parametrize(("method", "address", "rest"), EXAMPLES, ids=lambda value: str(value)[:40])
def test_an_example_fits_the_description(method: str, address: str, rest: str) -> None:
    found = operation(method, address)
    allowed = (
        {each["name"] for each in found["parameters"] if each["in"] == "query"} if "parameters" in found else set()
    )
    assert {name for name, _ in parse_qsl(address.partition("?")[2])} <= allowed
    body = re.search(r"--json '(.*)'", rest, re.DOTALL)
    assert (body is None) == ("requestBody" not in found)
    if body is None:
        return
    schema = {**found["requestBody"]["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(json.loads(body[1]))


def test_every_scope_is_told() -> None:
    assert [scope for scope in Scope if f"`{scope}`" not in PAGE] == []
