"""Runs the tests of the call's browser-free parts, which are written in its own language."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.support.needs import program

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT / "telecontrol/web/assets/call/texts"
SOURCE = Path(__file__).with_name("call_core.test.ts")


def test_the_calls_pure_parts(tmp_path: Path) -> None:
    node = str(program("node"))
    bundle = tmp_path / "call_core.test.mjs"
    build = [node, str(ROOT / "node_modules/esbuild/bin/esbuild"), str(SOURCE), "--bundle", "--platform=node"]
    subprocess.run([*build, "--format=esm", f"--outfile={bundle}", "--log-level=warning"], check=True, cwd=ROOT)
    languages = sorted(file.stem for file in TEXTS.glob("*.ts") if file.stem not in ("index", "shape"))
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(bundle)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "CALL_LANGUAGES": " ".join(languages)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"# pass (\d+)", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) == len(re.findall(r'^test\("', SOURCE.read_text(), re.MULTILINE))
