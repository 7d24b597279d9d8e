"""Hover cards: what a link leads to, shown where the link is.

For each page that is linked into, ``_static/cards/<page>.js`` holds the targets as
HTML, and is loaded by the first card that needs it. A script and not JSON, so that
it works from the disk as well.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from posixpath import normpath

from sphinx.application import Sphinx

LINK = re.compile(
    r'<a\b(?=[^>]*class="[^"]*\binternal\b)[^>]*?\shref="([^"#]*)#([^"]+)"'
)
ARTICLE = re.compile(r'<article class="bd-article">(.*)</article>', re.DOTALL)
TAG = re.compile(r"<([a-z][\w-]*)")
OPENING = re.compile(r"<(?!/)")
ID = re.compile(r'(\sid="|href="#|url\(#)(u\d+-)')
OTHER_ID = re.compile(r'\s(?:id|aria-labelledby|tabindex)="(?!card-)[^"]*"')
ANCHOR = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
HEADING = re.compile(r"<h[1-6]>.*?</h[1-6]>", re.DOTALL)
PARAGRAPH = re.compile(r"<p>.*?</p>", re.DOTALL)
CELL = re.compile(r"<t([hd])\b[^>]*>(.*?)</t\1>", re.DOTALL)
PICTURE = re.compile(r'\ssrc="(?:\.\./)*_images/')
LIMIT = 60_000  # a card is a glance; what is larger is better looked at in its place


def balanced(html: str, start: int) -> str:
    """The element that begins at start, to its closing tag."""
    tag = TAG.match(html, start)
    assert tag, html[start : start + 40]
    depth = 0
    for match in re.compile(rf"<(/?){tag[1]}\b[^>]*?(/?)>").finditer(html, start):
        depth += -1 if match[1] else (0 if match[2] else 1)
        if depth == 0:
            return html[start : match.end()]
    return ""


def find(html: str, anchor: str) -> str:
    """The HTML of a card for an id, or nothing."""
    start = html.rfind("<", 0, max(html.find(f' id="{anchor}"'), 0))
    place = TAG.match(html, start) if start >= 0 else None
    if not place:
        return ""
    element = balanced(html, start)
    if place[1] == "span":  # an anchor by itself: what stands after it
        after = OPENING.search(html, start + len(element))
        return tidy(balanced(html, after.start())) if after else ""
    if place[1] == "section":
        return tidy(_first(HEADING, element) + _first(PARAGRAPH, element))
    if place[1] == "dt":
        return tidy(f"<dl>{element}{_definition(html, start, element)}</dl>")
    if place[1] == "tr":
        return tidy(_row(html, start, element))
    return tidy(element)


def _first(pattern: re.Pattern[str], html: str) -> str:
    found = pattern.search(html)
    return found[0] if found else ""


def _definition(html: str, start: int, term: str) -> str:
    after = html.find("<dd", start + len(term))
    return balanced(html, after) if after >= 0 else ""


def _row(html: str, start: int, row: str) -> str:
    """A row of a table, its cells below each other with the heads of its columns."""
    table = html.rfind("<thead", 0, start)
    heads = [cell for _, cell in CELL.findall(balanced(html, table))]
    cells = [cell for _, cell in CELL.findall(row)]
    pairs = zip(heads, cells, strict=False)
    lines = [f"<dt>{head}</dt><dd>{cell}</dd>" for head, cell in pairs if _full(cell)]
    return f'<dl class="u-row">{"".join(lines)}</dl>'


def _full(cell: str) -> bool:
    return bool(re.sub(r"<[^>]*>|\s", "", cell))


def tidy(html: str) -> str:
    """No id twice on a page, no anchors, nothing to press; pictures from the root."""
    html = ID.sub(r"\1card-\2", ANCHOR.sub("", html))
    html = PICTURE.sub(' src="_images/', OTHER_ID.sub("", html))
    return html if len(html) <= LIMIT else ""


def targets(pages: dict[str, str]) -> dict[str, set[str]]:
    """For each page the ids that links of the book lead to."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for page, text in pages.items():
        article = ARTICLE.search(text)
        for href, anchor in LINK.findall(article[1] if article else ""):
            here = normpath(f"{page}/../{href}") if href else page
            if here in pages:
                wanted[here].add(anchor)
    return wanted


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = {
        file.relative_to(out).as_posix(): file.read_text("utf-8")
        for file in out.rglob("*.html")
    }
    folder = out / "_static" / "cards"
    folder.mkdir(parents=True, exist_ok=True)
    for page, anchors in targets(pages).items():
        article = ARTICLE.search(pages[page])
        html = article[1] if article else ""
        cards = {
            anchor: card for anchor in sorted(anchors) if (card := find(html, anchor))
        }
        text = f"unrolledCards({json.dumps(page)}, {json.dumps(cards)});\n"
        (folder / f"{page.replace('/', '~')}.js").write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", finish, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
