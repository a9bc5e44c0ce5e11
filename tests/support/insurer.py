"""The conformance server as its own process: an insurer's gateway that answers badly on demand, with a ledger."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema_rs
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer
from telecontrol.db.journal import SERVICE
from telecontrol.reports.gateway_setup import set_gateway
from tests.support.concluding import OPERATOR
from tests.support.world import NOW

KEY = "a-key-of-the-insurer-in-tests"
SCHEMA = Path(__file__).parents[2] / "docs" / "insurer-gateway.schema.json"


class InsurerProcess:
    """`start`, `stop`, and `start` again on the same port (what it knew is gone then, as after a cold restart)."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "telecontrol.reports.conformance", "--quiet", "--key", KEY]
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port), *self._options], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on "), line
        self._port = int(line.rpartition(":")[2])

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def plan(self, *faults: str) -> None:
        """How the next reports are answered, one each."""
        self._call("POST", "/conformance/faults", {"faults": list(faults)})

    def ledger(self) -> dict[str, Any]:
        """`effects`, `reports` (one per key), `requests` (every `POST /reports`)."""
        return self._call("GET", "/conformance/ledger")

    def forget(self) -> None:
        self._call("DELETE", "/conformance/ledger")

    def _call(self, method: str, path: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if values is None else json.dumps(values).encode()
        request = urllib.request.Request(self.url + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            told: dict[str, Any] = json.load(response)
            return told


def published_schema(name: str) -> jsonschema_rs.Draft202012Validator:
    """The published schema of one component, read from the file as an insurer's IT would."""
    document = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]}, validate_formats=True
    )


async def connect(session: AsyncSession, insurer: Insurer, url: str, *, key: str = KEY) -> None:
    """Configure an insurer's gateway as an administrator does."""
    row = await session.get_one(Insurer, insurer.id)
    await set_gateway(
        session, row, sealer=OPERATOR.messages, url=url, key=key, allow_loopback=True, actor=SERVICE, now=NOW
    )
