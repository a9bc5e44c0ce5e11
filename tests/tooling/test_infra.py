"""What runs the service for real is whole: every setting is there, images are pinned, nothing holds a secret."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from scripts.settings_table import PAGE, variable, with_table
from telecontrol.config import Settings
from tests.support.needs import program
from tests.support.ports import free_port

INFRA = Path(__file__).parents[2] / "infra"
EXAMPLE = (INFRA / ".env.example").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = {variable(name): field for name, field in Settings.model_fields.items()}
ASSIGNMENT = re.compile(r"^(?P<comment># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)


def assignments() -> dict[str, str]:
    return {found["name"]: found["value"] for found in ASSIGNMENT.finditer(EXAMPLE)}


def test_the_table_of_settings_is_the_settings() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "make settings-table"
    assert all(field.description for field in Settings.model_fields.values())


def test_the_example_names_every_setting_and_no_other() -> None:
    named = {name for name in assignments() if name.startswith("TELECONTROL_")}
    assert named == set(SETTINGS)


def test_the_example_holds_no_secret() -> None:
    secret = {name for name, field in SETTINGS.items() if field.annotation is SecretStr} | {"POSTGRES_PASSWORD"}
    assert len(secret) > 5
    assert {name: value for name, value in assignments().items() if name in secret and value} == {}


def test_the_example_is_a_production_that_refuses_to_start_until_it_is_filled_in() -> None:
    given = {
        found["name"].removeprefix("TELECONTROL_").lower(): found["value"]
        for found in ASSIGNMENT.finditer(EXAMPLE)
        if found["name"].startswith("TELECONTROL_") and not found["comment"]
    }
    with pytest.raises(Exception, match="TELECONTROL_SECRET"):
        Settings(**given).require_startable()  # type: ignore[arg-type]


@pytest.mark.parametrize("path", sorted(INFRA.glob("*.yaml")), ids=lambda path: path.name)
def test_every_yaml_file_parses(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_watched(name: str) -> None:
    service = SERVICES[name]
    image, _, tag = service["image"].rpartition(":")
    assert image
    assert re.match(r"v?\d+\.\d+", tag), "a tag that names a version"
    awaited = any(
        other.get("depends_on", {}).get(name, {}).get("condition") == "service_completed_successfully"
        for other in SERVICES.values()
    )
    assert awaited or "healthcheck" in service
    assert awaited == (service["restart"] == "no")


def test_the_images_built_here_stand_on_pinned_ones() -> None:
    bases = re.findall(r"^FROM (\S+)", (INFRA / "Containerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


def test_compose_takes_every_secret_from_outside_and_says_which_is_missing() -> None:
    text = (INFRA / "compose.yaml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert wanted <= set(assignments())
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) == wanted
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "${" in value or not re.search("PASSWORD|SECRET|KEY", name)
            assert not name.startswith("TELECONTROL_") or name in SETTINGS


def test_what_compose_mounts_and_builds_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (INFRA / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
        if build := service.get("build"):
            assert (INFRA / build["context"] / build["dockerfile"]).is_file()


def test_the_media_server_makes_no_room_by_itself_and_names_nobody_s_stun_server() -> None:
    livekit = yaml.safe_load((INFRA / "livekit.yaml").read_text(encoding="utf-8"))
    assert livekit["room"]["auto_create"] is False
    assert livekit["rtc"]["stun_servers"]
    assert livekit["webhook"]["api_key"] == Settings.model_fields["livekit_api_key"].default


async def test_the_relay_starts_on_its_file_and_answers(tmp_path: Path) -> None:
    """coturn with our configuration on a free loopback port answers a STUN binding request (RFC 5389)."""
    port = free_port()
    command = [str(program("turnserver")), "-c", str(INFRA / "turnserver.conf"), f"--listening-port={port}"]
    command += ["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--realm=relay.test"]
    command += ["--static-auth-secret=for-this-test", f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'db'}"]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, cwd=tmp_path, env={**os.environ}
        )
    try:
        reply = await asyncio.wait_for(_binding_reply(port), 20)
        assert reply[:2] == b"\x01\x01", "a binding success response"
    finally:
        process.terminate()
        await process.wait()
    complaints = [
        line for line in log.read_text().splitlines() if re.search("ERROR|Unknown|Bad conf|unrecognized", line)
    ]
    assert complaints == []


async def _binding_reply(port: int) -> bytes:
    loop = asyncio.get_running_loop()
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + secrets.token_bytes(12)
    got: asyncio.Future[bytes] = loop.create_future()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            if not got.done():
                got.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
    try:
        while not got.done():
            transport.sendto(request, ("127.0.0.1", port))
            await asyncio.wait({got}, timeout=0.2)
        return got.result()
    finally:
        transport.close()
