"""The built files: complete, small, without addresses, and nothing of them in git."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path

import pytest

from telecontrol.errors import Misconfigured
from telecontrol.web.templating import STATIC, Assets, load_templates
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
