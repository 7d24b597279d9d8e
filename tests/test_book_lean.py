"""One style sheet, with what is used, and nothing that holds up the first paint."""

import sys
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import lean  # noqa: E402
import sphinx_book_theme  # noqa: E402, F401  its parent brings the icons
from pydata_sphinx_theme import utils as theme  # noqa: E402

KNOWN = lean.words(['<p class="note wide" id="top">'])


@pytest.mark.parametrize(
    "selector",
    [
        "p",
        ".note.wide > a",
        "#top:hover",
        ":is(.never, p)",
        "p:not(.never)",
        '[data-x="a.b"]',
        ":root",
    ],
)
def test_a_rule_that_may_apply_is_kept(selector):
    assert lean.purge(f"{selector} {{ color: red }}", KNOWN) != ""


@pytest.mark.parametrize("selector", [".never", ".note .never", "#other", "p.never a"])
def test_a_rule_that_names_what_no_page_has_goes(selector):
    assert lean.purge(f"{selector} {{ color: red }}", KNOWN) == ""


def test_of_a_list_of_selectors_the_used_ones_stay():
    css = ".never, .note, :is(.a, .b) p { color: red }"
    assert lean.purge(css, KNOWN) == ".note,:is(.a, .b) p{color: red}"


def test_rules_within_a_condition_are_looked_at_too():
    css = "@media print { .note { top: 0 } .never { top: 1px } }"
    assert lean.purge(css, KNOWN) == "@media print {.note{top: 0}}"
    assert lean.purge("@media print { .never { top: 0 } }", KNOWN) == ""


def test_fonts_and_movements_stay():
    css = '@font-face{font-family:"A"}\n@keyframes turn{from{top:0}}'
    assert lean.purge(css, KNOWN) == css


def test_addresses_are_the_same_from_another_folder():
    css = 'url(../v/a.woff2) url("b.svg") url(data:image/png;x) url(#id)'
    seen = lean.moved(css, "_static/styles/x.css", "_static/all.css")
    expected = 'url("v/a.woff2") url("styles/b.svg") url(data:image/png;x) url(#id)'
    assert seen == expected


def test_the_icon_font_keeps_the_icons_asked_for():
    static = Path(theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    font = static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    small = lean.icons(font, {0xF185})
    assert set(TTFont(BytesIO(small)).getBestCmap()) == {0xF185}
    assert len(small) < 3000


def test_pages_get_one_sheet_and_scripts_that_wait(tmp_path):
    static = tmp_path / "_static"
    (static / "styles").mkdir(parents=True)
    (static / "styles/a.css").write_text("@import '../b.css';p{top:0} .never{top:0}")
    (static / "b.css").write_text("a{background:url(c.svg)}")
    (static / "documentation_options.js").write_text("const OPTIONS = {};")
    page = tmp_path / "book" / "page.html"
    page.parent.mkdir()
    page.write_text(
        '<head>\n<link rel="stylesheet" href="../_static/styles/a.css?v=1" />\n'
        '<script src="../_static/documentation_options.js?v=2"></script>\n'
        '<script src="../_static/x.js"></script><script>OPTIONS.a = 1</script>\n'
        '<script data-x="y" src="../_static/z.js"></script></head>\n'
        '<script defer src="../_static/w.js?v=3"></script>'
    )
    site = lean.Site(tmp_path)
    sheet = site.merge()
    site.rewrite(sheet)
    css, html = (tmp_path / sheet).read_text(), page.read_text()
    assert css == 'a{background:url("c.svg")}\np{top:0}'
    assert html.count("<link") == 1
    assert f'href="../{sheet}"' in html
    assert 'const waiting = ["../_static/x.js", "../_static/w.js?v=3"];' in html
    assert '<script defer="defer" data-x="y" src="../_static/z.js">' in html
    assert "<script>const OPTIONS = {};</script>" in html
