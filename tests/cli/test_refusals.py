"""Commands that cannot do what was asked say so in a line, with what to do, and show nobody's data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installation import ROOT

PASSWORD = "un mot de passe bien tranquille"


def telecontrol(folder: Path, *arguments: str, given: str = "", **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "telecontrol", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "TELECONTROL_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'base.sqlite'}",
            "TELECONTROL_PORT": "0",
            **{f"TELECONTROL_{name.upper()}": value for name, value in settings.items()},
        },
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def add_user(folder: Path, email: str, *more: str) -> tuple[int, str]:
    return telecontrol(folder, "user", "add", email, *more, "--password-stdin", given=PASSWORD + "\n")


def test_a_database_without_its_schema_is_told_what_to_run(tmp_path: Path) -> None:
    code, said = add_user(tmp_path, "camille@exemple.example", "--role", "handler")
    assert code == 1
    assert "telecontrol migrate" in said
    assert "Traceback" not in said
    assert "argon2" not in said


def test_a_doctor_s_account_is_not_taken_over(tmp_path: Path) -> None:
    assert telecontrol(tmp_path, "migrate")[0] == 0
    doctors = tmp_path / "doctors.csv"
    doctors.write_text("rpps;given_name;family_name;zone\n10200000031;Anne;Essai;Europe/Paris\n", encoding="utf-8")
    code, said = telecontrol(tmp_path, "import", "doctors", str(doctors))
    assert code == 0, said
    first = add_user(tmp_path, "un@exemple.example", "--role", "doctor", "--rpps", "10200000031")
    assert first[0] == 0, first[1]
    code, said = add_user(tmp_path, "deux@exemple.example", "--role", "doctor", "--rpps", "10200000031")
    assert (code, "doctor_has_account" in said) == (1, True), said
    code, said = add_user(tmp_path, "trois@exemple.example", "--role", "doctor")
    assert code == 0
    assert "sees nothing" in said
    code, said = add_user(tmp_path, "quatre@exemple.example", "--role", "handler", "--rpps", "10200000031")
    assert (code, "rpps_not_for_role" in said) == (1, True), said


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"database_url": "mysql://x"}, "database_url must start with"),
        ({"log_level": "bogus"}, "TELECONTROL_LOG_LEVEL"),
        ({"public_url": "https://a.example/service/"}, "holds a path"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, settings: dict[str, str], expected: str) -> None:
    code, said = telecontrol(tmp_path, "serve", **settings)
    assert code in (1, 2)
    assert expected in said
    assert "Traceback" not in said


def test_a_second_process_on_a_sqlite_file_is_refused_in_a_line(tmp_path: Path) -> None:
    import fcntl

    assert telecontrol(tmp_path, "migrate")[0] == 0
    with (tmp_path / "base.sqlite.worker").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in ("serve", "worker"):
            code, said = telecontrol(tmp_path, command)
            assert (code, "second_worker" in said) == (1, True), said
            assert "Traceback" not in said
