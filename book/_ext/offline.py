"""A page of the book asks no other host for anything, or the build fails.

Drops what the theme loads but the book does not use, then reads every page and
style sheet that was written and refuses those that load something from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)

# sphinx-thebe is always loaded, and inserts its address twice: a script error
THEBE = re.compile(r"thebe", re.IGNORECASE)
# icons come from its woff2 fonts by CSS; the script of 1.4 MB draws them again
ICON_SCRIPT = re.compile(
    r'<(?:script|link rel="preload")[^>]+fontawesome\.js[^>]*>(?:</script>)?'
)
THEBE_SCRIPT = re.compile(
    r"""<script(?:>const THEBE_JS_URL.*?| type="text/x-thebe-config">.*?"""
    r"""|>kernelName = '[^']*')</script>""",
    re.DOTALL,
)
UNUSED = ("_static/**/*.map", "_static/**/fontawesome.js", "_static/sphinx-thebe.*")

ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
CSS_LOAD = re.compile(r"""url\(\s*["']?([^"')\s]+)|@import\s+["']([^"']+)""")
MAY_LOAD = re.compile(
    r"""[\s"'/](?:src|srcset|poster|data|xlink:href|background)\s*=|<link\b|url\(|@import""",
    re.IGNORECASE,
)
TAG = re.compile(r"""<[a-zA-Z](?:[^>"']|"[^"]*"|'[^']*')*>""")
LOADING_ATTRIBUTES = {"src", "srcset", "poster", "data", "xlink:href", "background"}
PLAIN_LINKS = {"canonical", "author", "license", "next", "prev", "index", "search"}


class Loads(HTMLParser):
    """Collects the addresses that a browser loads by itself from a page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        loading = LOADING_ATTRIBUTES & given.keys() if tag != "a" else set()
        self.urls += [given[name] for name in loading]
        if tag == "link" and not PLAIN_LINKS & set(given.get("rel", "").split()):
            self.urls.append(given.get("href", ""))
        self.urls += css_loads(given.get("style", ""))


def css_loads(text: str) -> list[str]:
    return [url or imported for url, imported in CSS_LOAD.findall(text)]


def html_loads(text: str) -> list[str]:
    parser = Loads()
    for tag in _may_load(text):
        parser.feed(tag)
        parser.clear_cdata_mode()  # a script's end is not among these tags
    return parser.urls


def _may_load(text: str) -> Iterable[str]:
    """The tags that may load something: formulas are tens of thousands of others."""
    found = {}
    for sign in MAY_LOAD.finditer(text):
        start = text.rfind("<", 0, sign.start() + 1)
        tag = TAG.match(text, max(start, 0))
        if not tag or tag.end() < sign.end():  # a "<" inside of an attribute, or prose
            return filter(MAY_LOAD.search, TAG.findall(text))
        found[start] = tag[0]
    return found.values()


def off_site(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, address) for everything below folder that loads from another host."""
    for suffix, loads in ((".html", html_loads), (".css", css_loads)):
        for file in sorted(folder.rglob(f"*{suffix}")):
            for url in loads(file.read_text("utf-8", errors="replace")):
                if ELSEWHERE.match(url):
                    yield str(file.relative_to(folder)), url


def drop_thebe(app: Sphinx, page: str, template: str, context: Any, tree: Any) -> None:
    for key in ("script_files", "css_files"):
        context[key] = [f for f in context.get(key, []) if not THEBE.search(_text(f))]


def _text(asset: Any) -> str:
    body = getattr(asset, "attributes", {}).get("body", "")
    return f"{getattr(asset, 'filename', asset)} {body}"


def prune(folder: Path) -> None:
    for pattern in UNUSED:
        for file in folder.glob(pattern):
            file.unlink()
    for page in folder.rglob("*.html"):
        text = page.read_text("utf-8")
        lean = THEBE_SCRIPT.sub("", ICON_SCRIPT.sub("", text))
        if lean != text:
            page.write_text(lean, "utf-8")


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    prune(folder)
    for file, url in off_site(folder):
        text = "%s loads %s from another host: the book must work offline"
        log.warning(text, file, url, type="offline")
    reread_after_warnings(app)


def reread_after_warnings(app: Sphinx) -> None:
    """Sphinx warns about a page only when it reads it: forget what warned.

    Otherwise the same command run again would find nothing to do, and pass.
    """
    if app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
