"""What holds for the book's sources; the built pages are looked at in browser/."""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from pybtex.database import parse_file

from unrolled import checks
from unrolled.plots import PALETTE

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("[0-9][0-9]-*.md"))
PAGES = sorted(BOOK.glob("*.md"))
NOTATION = (BOOK / "notation.md").read_text("utf-8")

LABELLED = re.compile(r"^\$\$ \(([\w-]+)\)$", re.MULTILINE)
DISPLAY = re.compile(r"^\$\$\n.*?^\$\$([^\n]*)$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)

each_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text("utf-8"))


# Equations


@each_chapter
def test_every_displayed_equation_has_a_label(page):
    ends = [match[1].strip() for match in DISPLAY.finditer(prose(page))]
    assert ends
    assert all(re.fullmatch(r"\(eq-[\w-]+\)", end) for end in ends), ends


@each_chapter
def test_every_equation_has_its_line_of_shapes(page):
    text = page.read_text("utf-8")
    starts = [match.end() for match in LABELLED.finditer(text)] + [len(text)]
    for here, after in pairwise(starts):
        until_heading = re.split(r"^#+ ", text[here:after], flags=re.MULTILINE)[0]
        assert "{shapes}" in until_heading, text[here - 60 : here]


def test_no_label_is_used_twice():
    named = re.compile(r"^ *:?name: ((?:fig|tab|code)-\S+)$", re.MULTILINE)
    texts = [page.read_text("utf-8") for page in PAGES]
    labels = [n for text in texts for n in LABELLED.findall(text) + named.findall(text)]
    assert [name for name, count in Counter(labels).items() if count > 1] == []


# Figures


@each_page
def test_every_figure_says_in_words_what_is_to_be_seen(page):
    text = page.read_text("utf-8")
    cells = [c for c in CELL.findall(text) if "figure:" in c or "plt.show" in c]
    drawn = re.findall(r"^`{3,}\{figure\}.*?^`{3,}$", text, re.MULTILINE | re.DOTALL)
    for figure in cells + drawn:
        alt = re.search(r"^ *:?alt: *[|>]?-?\s*(.+)$", figure, re.MULTILINE)
        assert alt, figure[:200]
        assert len(alt[1]) > 20, f"too short to see anything by: {alt[1]}"


@each_page
def test_figures_use_the_palette_only(page):
    cells = "\n".join(CELL.findall(page.read_text("utf-8")))
    assert not re.findall(r"#[0-9a-fA-F]{6}\b|[\"'](?:C\d|tab:\w+)[\"']", cells)


# Colours


def variables(theme: str) -> dict[str, str]:
    css = (BOOK / "_static" / "book.css").read_text()
    block = re.search(rf'data-theme="{theme}"\] {{\n(.*?)\n}}', css, re.DOTALL)[1]
    return dict(re.findall(r"--u-(\w+): (#\w{6});", block))


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_page_and_figures_agree_on_the_light_colours():
    light = variables("light")
    assert {name: light[name] for name in PALETTE} == PALETTE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", sorted(PALETTE.keys() - {"paper", "grid"}))
def test_colours_can_be_read_as_text(theme, name):
    colours = variables(theme)
    for ground in ("paper", "raised"):
        pair = sorted([luminance(colours[name]), luminance(colours[ground])])
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.35


# Contents


def toc_files() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [toc["root"], *listed]


def test_the_contents_list_every_page_and_every_exercise():
    pages = [f"book/{page.stem}" for page in PAGES]
    released = (ROOT / "exercises").glob("*/checks.npz")
    exercises = [f"exercises/{f.parent.name}/{f.parent.name}" for f in released]
    assert sorted(toc_files()) == sorted(pages + exercises)


@each_chapter
def test_a_chapter_ends_with_its_exercise_notebook(page):
    assert page.read_text().rstrip().endswith(f"{{exercise-notebook}} {page.stem}\n```")


def test_nothing_in_the_book_or_the_exercises_holds_an_output():
    assert not list(BOOK.rglob("*.ipynb"))
    for path in (ROOT / "exercises").rglob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        assert not any(cell.get("outputs") for cell in cells), path


# References

BIBLIOGRAPHY = parse_file(BOOK / "references.bib").entries
NEEDED = {
    "article": {"title", "journal", "year", "volume", "pages"},
    "inproceedings": {"title", "booktitle", "year"},
    "book": {"title", "publisher", "year"},
    "misc": {"title", "year", "url"},
    "phdthesis": {"title", "school", "year"},
    "techreport": {"title", "institution", "year"},
}


def test_references_are_complete_and_in_order():
    assert list(BIBLIOGRAPHY) == sorted(BIBLIOGRAPHY)
    for key, entry in BIBLIOGRAPHY.items():
        assert entry.fields.keys() >= NEEDED[entry.type], key
        assert entry.persons["author"], key
        assert entry.fields["year"] in key


def test_everything_cited_is_in_the_bibliography():
    cited = re.compile(r"\{cite:\w+\}`([^`]+)`")
    for page in PAGES:
        for keys in cited.findall(page.read_text("utf-8")):
            assert {key.strip() for key in keys.split(",")} <= BIBLIOGRAPHY.keys()


# Notation


def documented() -> set[str]:
    return set(re.findall(r"[A-Za-z]\w*", " ".join(re.findall("`([^`]+)`", NOTATION))))


@each_chapter
def test_names_in_the_exercises_are_those_of_the_notation_table(page):
    known = documented()
    tasks = checks.read(ROOT / "exercises" / page.stem / "checks.npz").tasks.values()
    written = [task for task in tasks if not task.quiz]
    names = {name for task in written for name in task.args + task.returns}
    gradients = {name for name in names if name[0] == "d" and name[1:] in known}
    assert names - gradients - known == set()
