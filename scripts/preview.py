"""Draw the sample pages, to look at them: every page and state, as static files and as pictures.

    python -m scripts.preview --out /tmp/preview [names …] [--language fr] [--size phone|laptop] [--theme light|dark] [--full]

Names are keys of tests/web/samples.py, or their beginnings ("insured/"). Served on a free port of loopback with the same
Content-Security-Policy as the service, so that what a browser would refuse there is refused here, and said.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from telecontrol.web.templating import STATIC, load_templates
from tests.support import chromium
from tests.web.samples import PAGES

SIZES = {"phone": (390, 844), "laptop": (1440, 900), "narrow": (320, 640)}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; form-action 'self'"


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        if path.startswith("/static/"):
            return str(STATIC / path.removeprefix("/static/"))
        return super().translate_path(path)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing of each file."""


def write_pages(out: Path, names: list[str], languages: list[str]) -> list[tuple[str, str]]:
    """Render what was asked for; (page name, language) of each."""
    templates = load_templates()
    made = []
    for name, (template, context) in PAGES.items():
        if "/_" in name or (names and not any(name.startswith(each) for each in names)):
            continue
        for language in languages or templates.languages:
            path = out / language / f"{name}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(templates.render(template, language=language, **context), "utf-8")
            made.append((name, language))
    return made


def shoot(page: Page, url: str, picture: Path, *, full: bool) -> list[str]:
    """Take the picture; what the browser complained about."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url, wait_until="load")
    page.wait_for_timeout(120)
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture, full_page=full)
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*complaints, *([f"scrolls sideways by {width} px"] if width > 0 else [])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--language", action="append", default=[])
    parser.add_argument("--size", action="append", choices=list(SIZES), default=[])
    parser.add_argument("--theme", action="append", choices=["light", "dark"], default=[])
    parser.add_argument("--full", action="store_true", help="the whole page, not only what a screen shows")
    given = parser.parse_args()
    made = write_pages(given.out, given.names, given.language)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(given.out)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium.path()), args=chromium.ARGUMENTS)
        for size in given.size or ["phone", "laptop"]:
            for theme in given.theme or ["light", "dark"]:
                width, height = SIZES[size]
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
                for name, language in made:
                    page = context.new_page()
                    picture = given.out / "pictures" / f"{name.replace('/', '_')}.{language}.{size}.{theme}.png"
                    url = f"http://127.0.0.1:{server.server_port}/{language}/{name}.html"
                    for complaint in shoot(page, url, picture, full=given.full):
                        print(f"{name} {language} {size} {theme}: {complaint}")
                    page.close()
                context.close()
        browser.close()
    server.shutdown()
    print(f"{len(made)} pages in {given.out}")


if __name__ == "__main__":
    main()
