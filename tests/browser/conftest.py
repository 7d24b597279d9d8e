"""The built book, served to a real browser that may reach nothing else."""

import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
CHROMIUM = "/usr/bin/chromium"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built book."""
    if not (HTML / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.")
    handler = functools.partial(Quiet, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: run `apt-get install chromium`.")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """An open page, and what it did while it was loading."""

    page: Page
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def contexts(browser) -> Iterator[Callable[[int, str], BrowserContext]]:
    """One context for each width and theme: what is loaded once is not loaded again."""
    made: dict[tuple[int, str], BrowserContext] = {}

    def context(width: int, theme: str) -> BrowserContext:
        if (width, theme) not in made:
            size = {"width": width, "height": 800}
            made[width, theme] = browser.new_context(viewport=size, color_scheme=theme)
        return made[width, theme]

    yield context
    for one in made.values():
        one.close()


@pytest.fixture
def visit(site, contexts):
    """Opens a page of the book at a width, in a theme."""
    pages = []

    def open_page(name: str, width: int = 1280, theme: str = "light") -> Visit:
        seen = Visit(contexts(width, theme).new_page())
        pages.append(seen.page)
        _listen(seen, site)
        seen.page.goto(site + name)
        seen.page.wait_for_function("document.documentElement.dataset.measured")
        return seen

    yield open_page
    for page in pages:
        page.close()


def _listen(seen: Visit, site: str) -> None:
    def request(made):
        if not made.url.startswith((site, "data:")):
            seen.elsewhere.append(made.url)

    def console(message):
        if message.type in ("error", "warning"):
            seen.complaints.append(message.text)

    seen.page.on("request", request)
    seen.page.on("console", console)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
