"""The built files: complete, small, without addresses, and nothing of them in git."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from telecontrol.errors import Misconfigured
from telecontrol.web.templating import STATIC, Assets, load_templates
from tests.support.service import serving
from tests.web.samples import PAGES

ROOT = Path(__file__).resolve().parents[2]
BEFORE_THE_CALL = 150_000
"""Bytes that a page before the call may transfer, everything included."""


def test_manifest_tells_the_truth() -> None:
    assets = Assets.read()
    assert {"insured.css", "insured.js", "staff.css", "staff.js", "favicon.svg"} <= set(assets.files)
    for name, entry in assets.files.items():
        content = (STATIC / entry["file"]).read_bytes()
        assert entry["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode(), name
        assert entry["size"] == len(content)
        assert b"sourceMappingURL" not in content, name
        assert gzip.decompress((STATIC / f"{entry['file']}.gz").read_bytes()) == content, name


async def test_files_come_compressed_to_whoever_takes_them_so(sqlite_url: Callable[..., str], tmp_path: Path) -> None:
    name = Assets.read().url("insured.css")
    whole = (STATIC / name.rpartition("/")[2]).read_bytes()
    async with serving(sqlite_url(), now=datetime(2026, 3, 2, 9, 0, tzinfo=UTC), folder=tmp_path) as service:
        plain, packed = [
            await service.http.get(name, headers={"Accept-Encoding": takes}) for takes in ("identity", "gzip")
        ]
        for answer in (plain, packed):
            assert answer.content == whole
            assert answer.headers["content-type"].startswith("text/css")
            assert answer.headers["vary"] == "Accept-Encoding"
            assert "immutable" in answer.headers["cache-control"]
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(whole) / 3
        assert plain.headers["etag"] != packed.headers["etag"], "one is not taken for the other"
        assert (await service.http.get("/static/nothing.css")).status_code == 404


@pytest.mark.parametrize(
    "name", ["insured/gate", "insured/birth_date", "insured/before", "insured/near", "insured/declined"]
)
def test_pages_before_the_call_are_light(name: str) -> None:
    assets = Assets.read()
    template, context = PAGES[name]
    page = load_templates().render(template, language="fr", **context).encode()
    files = [
        (STATIC / assets.files[each]["file"]).read_bytes() for each in ("insured.css", "insured.js", "favicon.svg")
    ]
    assert sum(len(gzip.compress(each)) for each in [page, *files]) < BEFORE_THE_CALL / 5, (
        "five times under the limit today: keep it so"
    )


def test_no_address_in_what_is_locked() -> None:
    lock = (ROOT / "package-lock.json").read_text("utf-8")
    assert "://" not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_assets_that_were_not_built_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="make assets"):
        Assets.read(tmp_path)


def test_unknown_names_fail() -> None:
    assets = Assets.read()
    with pytest.raises(LookupError, match=r"nothing\.css"):
        assets.url("nothing.css")
    with pytest.raises(LookupError, match="unicorn"):
        assets.icon("unicorn")
