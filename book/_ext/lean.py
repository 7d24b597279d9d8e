"""What a page needs before it can be read is made small.

The theme brings ten style sheets for everything it might ever show, and scripts in
the head that hold up the first paint. When the book is built, the sheets become one,
without the rules that no page uses; the icon font keeps the icons that are used;
scripts run after the page is there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from posixpath import dirname, normpath, relpath
from typing import Any

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

logging.getLogger("fontTools").setLevel(logging.WARNING)

WORD = re.compile(r"[A-Za-z_][\w-]*")
SHEET = re.compile(r'<link\b[^>]*\brel="stylesheet"[^>]*>\n?')
HREF = re.compile(r'\bhref="([^"?]+)')
URL = re.compile(r"""url\(\s*(["']?)(?!data:|#)([^"')]+)\1\s*\)""")
NAMED = re.compile(r"[.#]((?:[\w-]|\\.)+)")
# what stands in brackets is an alternative or an exception, not a condition
BRACKETS = re.compile(r"\([^()]*\)|\[[^\]]*\]")

PRELOAD = re.compile(r'<link rel="preload" as="script"[^>]*>\n?')
DEFER = r'(?: defer(?:="defer")?)?'
SCRIPT = re.compile(rf'<script{DEFER} src="(?!https?:)([^"]+)"{DEFER}></script>\n?')
# what knows no other start than that of a page that is read
WAITING = re.compile(r'<script(?![^>]*\bdefer)(?=[^>]*\ssrc="(?!https?:))')
OPTIONS = re.compile(r'<script src="[^"]*documentation_options\.js[^>]*></script>')
PRIVATE = re.compile("[\ue000-\uf8ff]")  # where icon fonts keep their icons
ICONS = re.compile(
    r"""url\(["']?([^)]*/fontawesome/webfonts/[^)]*?\.woff2)["']?\)[^;}]*"""
)
LETTERS = [
    f"_static/vendor/fonts/source-{name}-latin-wght-normal.woff2"
    for name in ("serif-4", "sans-3")
]
# light or dark before the first paint, not by a script that comes later
THEME = 'localStorage.getItem("theme") || "auto"'
THEME_NOW = """{light: "light", dark: "dark"}[localStorage.getItem("mode")] ||
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")"""
# the letters of all text come with the sheet, not after it: nothing jumps; from the
# disk they come at once, and a browser that is told to fetch them there complains
FONTS = """<script>if (location.protocol !== "file:") for (const href of {})
      document.head.append(Object.assign(document.createElement("link"), {{
        rel: "preload", as: "font", type: "font/woff2", crossOrigin: "", href}}));
    </script>
    """
# What is below the first lines is painted second, unless a link leads there (book.css).
# Scripts come in their order when the page is painted and read; in a hidden tab, later.
SCRIPTS = """<script>(() => {{
      if (!location.hash) document.documentElement.dataset.from = "top";
      const waiting = {};
      const run = () => waiting.splice(0).forEach((src) => document.head.append(
        Object.assign(document.createElement("script"), {{src, async: false}})));
      const painted = () => document.readyState === "loading" ?
        addEventListener("DOMContentLoaded", run) : run();
      new PerformanceObserver(painted).observe({{type: "paint", buffered: true}});
      addEventListener("load", () => setTimeout(run, 2000));
    }})()</script>
  """
IMPORT = re.compile(r"""@import\s*(?:url\()?["']?([^"')]+)["']?\)?[^;]*;""")

# the theme measures all code of a page at once, and again after each change of it
MEASURES = (
    'window.addEventListener("resize",t),new MutationObserver(t).observe('
    'document.getElementById("main-content"),{subtree:!0,childList:!0}),e()'
)


def words(texts: Iterable[str]) -> set[str]:
    """Everything that can be the name of a class or an id."""
    return {word for text in texts for word in WORD.findall(text)}


def used(selector: str, known: set[str]) -> bool:
    while (plain := BRACKETS.sub("", selector)) != selector:
        selector = plain
    return all(name.replace("\\", "") in known for name in NAMED.findall(selector))


def purge(css: str, known: set[str]) -> str:
    """The sheet without the rules whose classes or ids are on no page."""
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "\n".join(_kept(rules, known))


def _kept(rules: Iterable[Any], known: set[str]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "qualified-rule":
            parts = _split(tinycss2.serialize(rule.prelude))
            if parts := [part for part in parts if used(part, known)]:
                yield f"{','.join(parts)}{{{_body(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            if body := "".join(_kept(inner, known)):
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{body}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword != "charset":
            yield rule.serialize()


def _split(selectors: str) -> list[str]:
    """The parts between the commas, except for commas in brackets."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", selectors)]


def _body(content: Any) -> str:
    text = tinycss2.serialize([token for token in content if token.type != "comment"])
    return re.sub(r"\s+", " ", text).strip()


def moved(css: str, old: str, new: str) -> str:
    """Addresses are relative to their sheet: the same ones, seen from another."""

    def target(match: re.Match[str]) -> str:
        place = normpath(f"{dirname(old)}/{match[2]}")
        return f'url("{relpath(place, dirname(new))}")'

    return URL.sub(target, css)


class Site:
    """The built pages, and the sheets that they load in their order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = sorted(folder.rglob("*.html"))
        texts = {file: file.read_text("utf-8") for file in files}
        self.pages = {f: text for f, text in texts.items() if "<head>" in text}
        self.sheets: dict[str, str] = {}
        for page, text in self.pages.items():
            for link in SHEET.findall(text):
                self.sheets.setdefault(self._path(page, link), link)

    def _path(self, page: Path, link: str) -> str:
        href = HREF.search(link)
        assert href, link
        here = page.parent.relative_to(self.folder).as_posix()
        return normpath(f"{here}/{href[1]}")

    def known(self) -> set[str]:
        scripts = sorted(self.folder.rglob("*.js"))
        read = (file.read_text("utf-8", errors="replace") for file in scripts)
        return words([*self.pages.values(), *read])

    def merge(self) -> str:
        """One sheet in place of all; returns its path."""
        known = self.known()
        parts = []
        for sheet in self.sheets:
            parts.append(purge(self._read(sheet), known))
        css = self._icons("\n".join(parts))
        digest = hashlib.sha256(css.encode()).hexdigest()[:10]
        name = f"_static/all-{digest}.css"
        (self.folder / name).write_text(css, "utf-8")
        for sheet in self.sheets:
            (self.folder / sheet).unlink()
        return name

    def _read(self, sheet: str) -> str:
        """A sheet with the sheets that it imports, as it is seen from _static/."""

        def imported(match: re.Match[str]) -> str:
            return self._read(normpath(f"{dirname(sheet)}/{match[1]}"))

        css = (self.folder / sheet).read_text("utf-8")
        # an imported sheet is moved on its own, so the rest is moved before
        parts = IMPORT.split(css)
        loads = IMPORT.finditer(css)
        texts = [moved(part, sheet, "_static/all.css") for part in parts[::2]]
        return "".join(
            text + (imported(load) if load else "")
            for text, load in zip_longest(texts, loads)
        )

    def _icons(self, css: str) -> str:
        points = {ord(sign) for sign in PRIVATE.findall(css)}

        def smaller(match: re.Match[str]) -> str:
            source = self.folder / "_static" / match[1]
            target = source.with_suffix(".woff")
            target.write_bytes(icons(source.with_suffix(".ttf"), points))
            for file in (source, source.with_suffix(".ttf")):
                file.unlink()
            address = relpath(target, self.folder / "_static")
            return f'url("{address}") format("woff")'

        return ICONS.sub(smaller, css)

    def rewrite(self, sheet: str) -> None:
        options = (self.folder / "_static/documentation_options.js").read_text("utf-8")
        for page, text in self.pages.items():
            root = relpath(self.folder, page.parent)
            link = f'<link rel="stylesheet" href="{root}/{sheet}" />\n'
            head, tail = SHEET.sub(link, text, count=1).split(link, 1)
            text = head + self._fonts(root) + link + SHEET.sub("", tail)
            text = text.replace(' data-theme="auto"', ' data-theme="light"', 1)
            text = text.replace(THEME, THEME_NOW, 1)
            # scripts in the page set fields of it at once, before the other ones
            text = OPTIONS.sub(lambda _: f"<script>{options}</script>", text)
            page.write_text(later(PRELOAD.sub("", text)), "utf-8")

    def _fonts(self, root: str) -> str:
        there = [font for font in LETTERS if (self.folder / font).is_file()]
        return FONTS.format([f"{root}/{font}" for font in there]) if there else ""


def later(text: str) -> str:
    """The page, with one script in its head that fetches the others."""
    files = SCRIPT.findall(text)
    text = WAITING.sub('<script defer="defer"', SCRIPT.sub("", text))
    return text.replace("</head>", SCRIPTS.format(json.dumps(files)) + "</head>", 1)


def icons(font: Path, points: set[int]) -> bytes:
    """The font with these icons only. WOFF, as WOFF2 needs a further package."""
    with TTFont(font) as full:
        maker = subset.Subsetter(subset.Options(layout_features=[], hinting=False))
        maker.populate(unicodes=points)
        maker.subset(full)
        full.flavor = "woff"
        out = BytesIO()
        full.save(out)
    return out.getvalue()


def calm(script: Path) -> None:
    """book.js gives places to what scrolls, box by box: the theme need not."""
    text = script.read_text("utf-8")
    if MEASURES in text:
        script.write_text(text.replace(MEASURES, "void 0"), "utf-8")


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html" or not app.config.lean:
        return
    for script in Path(app.outdir).rglob("pydata-sphinx-theme.js"):
        calm(script)
    site = Site(Path(app.outdir))
    if len(site.sheets) > 1:
        site.rewrite(site.merge())


def setup(app: Sphinx) -> dict[str, bool]:
    # the preview builds pages one by one, and wants the sheets as they are
    app.add_config_value("lean", True, "")
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
