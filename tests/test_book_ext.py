"""The book's Sphinx extensions, each on a page or two of its own."""

import sys
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import course  # noqa: E402
import figures  # noqa: E402
import katexmath  # noqa: E402
import offline  # noqa: E402

CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_parser", "katexmath", "numbering", "figures", "course", "fences"]
extensions += ["offline"]
myst_enable_extensions = ["dollarmath", "amsmath"]
html_math_renderer = "katex"
node_modules = {str(ROOT / "node_modules")!r}
katex_macros = {{r"\\state": r"\\htmlClass{{u-state}}{{#1}}"}}
numfig = True
math_eqref_format = "Eq. ({{number}})"
"""


@pytest.fixture
def build(tmp_path, capsys):
    """Builds pages given as name=text; returns (exit code, messages, html folder)."""

    def run(**pages: str):
        (tmp_path / "conf.py").write_text(CONF)
        for name, text in pages.items():
            (tmp_path / f"{name.replace('_', '-')}.md").write_text(text)
        out = tmp_path / "html"
        code = build_main(["-q", "-W", "--keep-going", str(tmp_path), str(out)])
        return code, capsys.readouterr().err, out

    return run


# Formulas


@pytest.mark.parametrize(
    ("tex", "complaint"),
    [
        (r"\frac{a}{", "Unexpected end of input"),
        (r"\foo", "Undefined control sequence"),
    ],
)
@pytest.mark.parametrize("form", ["Text.\n\nMore ${}$ text.", "Text.\n\n$$\n{}\n$$"])
def test_bad_tex_fails_the_build_with_file_and_line(build, tex, complaint, form):
    code, messages, _ = build(index="# Title\n\n" + form.format(tex))
    assert code == 1
    assert "index.md:5: WARNING: bad TeX" in messages
    assert complaint in messages


def test_bad_tex_fails_the_same_build_again(build):
    page = "# Title\n\n$\\foo$"
    assert build(index=page)[0] == 1
    assert build(index=page)[0] == 1


def test_a_formula_is_html_and_needs_no_script(build):
    code, messages, out = build(index="# Title\n\n$\\state{h_t}$")
    page = (out / "index.html").read_text()
    assert (code, messages) == (0, "")
    assert 'class="enclosing u-state"' in page
    assert "MathJax" not in page
    assert (out / "_static/vendor/katex/fonts/KaTeX_Main-Regular.woff2").exists()


def test_without_the_npm_packages_the_build_says_what_to_run(
    build, tmp_path, monkeypatch
):
    monkeypatch.setitem(globals(), "CONF", CONF + f"node_modules = {str(tmp_path)!r}\n")
    code, messages, _ = build(index="# Title")
    assert code == 2
    assert "The npm package katex is not in" in messages
    assert "run `make setup`" in messages


def test_environments_with_numbers_of_their_own_lose_them():
    tex = katexmath.numberless(r"\begin{align*}a&=b\\c&=d\end{align*}")
    assert tex == r"\begin{aligned}a&=b\\c&=d\end{aligned}"
    assert katexmath.numberless("a\\\\b") == r"\begin{split}a\\b\end{split}"
    assert katexmath.numberless("a = b") == "a = b"


# Numbers

CHAPTER = "# A chapter\n\n$$\na = b\n$$ (eq-{0})\n\n## A section\n\nSee {{eq}}`eq-{0}`."
CONTENTS = "# Book\n\n```{toctree}\n:numbered:\n02-two\n05-five\n```"


def test_a_chapter_has_the_number_of_its_file(build):
    pages = {"02_two": CHAPTER.format("two"), "05_five": CHAPTER.format("five")}
    code, messages, out = build(index=CONTENTS, **pages)
    page = (out / "05-five.html").read_text()
    assert (code, messages) == (0, "")
    assert "Eq. (5.1)" in page
    assert '<span class="eqno">(5.1)' in page
    assert '<span class="section-number">5.1. </span>A section' in page
    assert "5. A chapter" in (out / "index.html").read_text()


# Figures

SVG = (
    '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="72pt" height="36pt" '
    'viewBox="0 0 72 36" xmlns="http://www.w3.org/2000/svg">'
    '<metadata>date</metadata><path id="a" style="stroke: #1f5fbf"/>'
    '<use href="#a" fill="#123456" clip-path="url(#b)"/></svg>'
)


def test_a_drawing_takes_the_pages_colours():
    drawn = figures.live(SVG, "u1", "A line.")
    assert "stroke: var(--u-state, #1f5fbf)" in drawn
    assert 'fill="#123456"' in drawn  # not of the palette: left alone


def test_a_drawing_shares_no_id_with_another_of_its_page():
    drawn = figures.live(SVG, "u1", "A line.")
    assert 'id="u1-a"' in drawn
    assert 'href="#u1-a"' in drawn
    assert "url(#u1-b)" in drawn


def test_a_drawing_keeps_its_size_and_its_words():
    drawn = figures.live(SVG, "u1", 'The "carry" grows.')
    assert drawn.startswith("<svg viewBox")
    assert 'aria-label="The &quot;carry&quot; grows."' in drawn
    assert "width: 96px" in drawn
    assert "metadata" not in drawn


def test_a_drawing_of_its_own_holds_both_themes(build, tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    (tmp_path / "b").mkdir()
    code, messages, out = build(
        index='# Title\n\n```{toctree}\nb/b\n```\n\n![The "carry".](a.svg)',
        **{"b/b": "# Two\n\n![A line.](../a.svg)"},
    )
    (file,) = (out / "_images").glob("*.svg")
    drawn = file.read_text()
    assert (code, messages) == (0, "")
    assert "#dark:target{--u-ink:#e6e4df;" in drawn
    assert (
        '<g id="dark"><path id="a" style="stroke: var(--u-state, #1f5fbf)"/>' in drawn
    )
    light = f'class="u-figure only-light" src="_images/{file.name}" '
    page = (out / "index.html").read_text()
    assert light + 'alt="The &quot;carry&quot;." width="96" height="48"' in page
    assert (
        f'only-dark" src="../_images/{file.name}#dark"'
        in (out / "b/b.html").read_text()
    )


def test_words_stay_in_the_page_where_its_fonts_are(build, tmp_path):
    (tmp_path / "a.svg").write_text(SVG.replace("</svg>", "<text>h</text></svg>"))
    _, _, out = build(index="# Title\n\n![A letter.](a.svg)")
    assert "<text>h</text></svg></div>" in (out / "index.html").read_text()


CELL = '<path d="M {0} 2 \nL {1} 2 \nL {1} 1 \nL {0} 1 \nL {0} 2 \n" {2}/>'
MESH = '<g id="QuadMesh_1">{}</g>'


def test_a_heat_maps_cells_of_one_colour_are_one_path():
    looks = ["fill: #1f5fbf; fill-opacity: 0.501961", "fill: none",
             "fill: #1f5fbf; fill-opacity: 0.498039"]  # fmt: skip
    drawn = [CELL.format(n, n + 1, f'style="{look}"') for n, look in enumerate(looks)]
    svg = f"<svg width='9pt'>{MESH.format(' '.join(drawn))}</svg>"
    made = figures.live(svg, "u1", "Cells.")
    assert made.count("<path") == 1
    assert "M0 2H1V1H0zM2 2H3V1H2z" in made
    assert "fill: var(--u-state, #1f5fbf); fill-opacity: 0.5" in made


def test_a_mesh_that_is_not_made_of_rectangles_stays_as_it_is():
    svg = MESH.format('<path d="M 0 0 L 1 2 z" style="fill: #1f5fbf"/>')
    assert "M 0 0 L 1 2 z" in figures.live(f"<svg>{svg}</svg>", "u1", "A slope.")


def test_a_figure_without_words_fails_the_build(build, tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    code, messages, _ = build(index="# Title\n\n![](a.svg)")
    assert code == 1
    assert "index.md:3: WARNING: figure a.svg has no alt text" in messages


# Other hosts


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://a.example/x.js"></script>',
        '<img srcset="//a.example/x.png 2x">',
        '<link rel="stylesheet" href="HTTP://a.example/x.css">',
        '<p style="background: url(https://a.example/x.png)">',
        '<iframe src="https://a.example/"></iframe>',
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_found(tmp_path, text):
    (tmp_path / "page.html").write_text(text)
    assert len(list(offline.off_site(tmp_path))) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://a.example/">a link</a>',
        '<link rel="canonical" href="https://a.example/">',
        '<script src="_static/x.js"></script>',
        '<img src="data:image/png;base64,AA==">',
    ],
)
def test_links_and_own_files_are_no_loads_from_elsewhere(tmp_path, text):
    (tmp_path / "page.html").write_text(text)
    assert not list(offline.off_site(tmp_path))


def test_style_sheets_are_read_too(tmp_path):
    (tmp_path / "a.css").write_text("@import 'https://a.example/b.css';")
    assert list(offline.off_site(tmp_path)) == [("a.css", "https://a.example/b.css")]


def test_a_page_that_loads_from_elsewhere_fails_the_build(build):
    code, messages, _ = build(index="# Title\n\n<img src='https://a.example/x.png'>")
    assert code == 1
    assert "index.html loads https://a.example/x.png from another host" in messages


# The course's directives


def test_shapes_stand_below_an_equation(build):
    code, _, out = build(index="# Title\n\n```{shapes}\n(B, H) = (B, D) @ (D, H)\n```")
    assert code == 0
    assert "(D,</span>" in (out / "index.html").read_text()


def test_a_missing_notebook_says_what_to_run(build, tmp_path):
    code, messages, _ = build(index="# Title\n\n```{exercise-notebook} 02-cell\n```")
    assert code == 2
    assert "exercises/02-cell/02-cell.ipynb is missing: run `make derive`" in messages


def test_missing_checks_say_what_to_run(tmp_path):
    (tmp_path / f"{tmp_path.name}.ipynb").write_text("{}")
    with pytest.raises(
        ExtensionError, match=r"checks\.npz is missing: run `make derive`"
    ):
        course.read_exercise(tmp_path)


# What else an author can get wrong


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("See {eq}`eq-nowhere`.", "eq-nowhere"),
        ("See {ref}`sec-nowhere`.", "undefined label: 'sec-nowhere'"),
        ("See {numref}`fig-nowhere`.", "undefined label: 'fig-nowhere'"),
        ("See {term}`nothing`.", "term not in glossary: 'nothing'"),
        ("![A line.](nowhere.svg)", "image file not readable: nowhere.svg"),
        ("```{note} See {eq}`eq-a`.\nText.\n```", "```{note} See"),
    ],
)
def test_what_is_not_there_fails_the_build_with_file_and_line(build, text, complaint):
    code, messages, _ = build(index=f"# Title\n\nFirst.\n\n{text}\n")
    assert code == 1
    assert "index.md:5" in messages
    assert complaint in messages
