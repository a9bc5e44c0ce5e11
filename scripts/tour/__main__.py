"""Walk through the demonstration as each kind of user and take the pictures of docs/tour.md.

    python -m scripts.tour

Starts the demonstration on a free port, in a scratch folder, at a morning that is always the same; drives Chromium; writes
docs/pictures/*.webp (again only what really changed) and docs/tour.md. The words are in
text.py.
"""

from __future__ import annotations

import sys

from playwright.sync_api import sync_playwright

from scripts.tour.demonstration import ROOT, demonstration
from scripts.tour.guide import Tour
from scripts.tour.pictures import Album
from scripts.tour.text import CHAPTERS, page_of
from scripts.tour.walks import WALKS
from tests.support import chromium

PICTURES, PAGE = ROOT / "docs" / "pictures", ROOT / "docs" / "tour.md"


def main() -> int:
    with demonstration() as facts, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.path()), args=[*chromium.ARGUMENTS, "--lang=fr-FR"]
        )
        tour = Tour(browser, Album(browser, PICTURES), facts["base_url"], facts)
        for walk in WALKS:
            walk(tour)
        gone = tour.album.sweep()
        browser.close()
    PAGE.write_text(page_of(CHAPTERS, PICTURES), encoding="utf-8")
    print(
        f"written: {', '.join(tour.album.written) or 'none'}; as they were: {len(tour.album.kept)}; removed: {len(gone)}"
    )
    print(f"{tour.album.size() / 1024:.0f} KiB in {PICTURES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
