"""Questions, folds, symbols, cards, launch links: what the book adds to Sphinx."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import cards  # noqa: E402
import launch  # noqa: E402
import symbols  # noqa: E402

CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_parser", "sphinx_design", "sphinx_proof", "katexmath",
              "numbering", "questions", "folds", "symbols", "finding",
              "launch", "cards"]
myst_enable_extensions = ["dollarmath", "attrs_block", "colon_fence"]
html_math_renderer = "katex"
node_modules = {str(ROOT / "node_modules")!r}
katex_macros = {{r"\\state": r"\\htmlClass{{u-state}}{{#1}}"}}
numfig = True
math_eqref_format = "Eq. ({{number}})"
"""


@pytest.fixture
def build(tmp_path, capsys):
    """Builds pages given as name=text; returns (exit code, messages, html folder)."""

    def run(conf: str = "", builder: str = "html", **pages: str):
        (tmp_path / "conf.py").write_text(CONF + conf)
        for name, text in pages.items():
            file = tmp_path / f"{name.replace('__', '/').replace('_', '-')}.md"
            file.parent.mkdir(exist_ok=True, parents=True)
            file.write_text(text)
        out = tmp_path / builder
        given = ["-q", "-W", "--keep-going", "-b", builder, str(tmp_path), str(out)]
        code = build_main(given)
        return code, capsys.readouterr().err, out

    return run


# Check yourself

CHOICE = """# Title

```{check-yourself} Which is $h$?
- [ ] This one.

  Because not.
- [x] That one.

It is so.
```
"""


def test_a_choice_knows_the_right_one_and_says_why_another_is_wrong(build):
    code, messages, out = build(index=CHOICE)
    page = (out / "index.html").read_text()
    assert (code, messages) == (0, "")
    assert page.count('class="u-pick" role="radio"') == 2
    right = page.split("data-right")[1]
    assert "That one." in right
    assert '<span class="u-why" hidden> Because not.</span>' in page
    assert "[x]" not in page


def test_an_answer_folds_open_without_a_script(build):
    _, _, out = build(index=CHOICE)
    page = (out / "index.html").read_text()
    fold = re.search(r'<details class="u-answer">.*?</details>', page, re.DOTALL)[0]
    assert "<summary>Answer</summary>" in fold
    assert "It is so." in fold


def test_a_number_is_asked_for_with_what_may_be_off(build):
    text = (
        "# T\n\n```{check-yourself} How many?\n:number: 3.9\n:within: 0.1\n\nSo.\n```"
    )
    code, messages, out = build(index=text)
    page = (out / "index.html").read_text()
    assert (code, messages) == (0, "")
    assert 'data-number="3.9" data-within="0.1"' in page


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("- [ ] a\n- [ ] b\n\nSo.", "exactly one with [x]"),
        ("- [x] a\n- [x] b\n\nSo.", "exactly one with [x]"),
        ("- [x] a\n- b\n\nSo.", "begins with [ ]"),
        ("- [x] a\n- [ ] b", "has an answer"),
        (":number: 3\n\n- [x] a\n- [ ] b\n\nSo.", "a number or a choice, not both"),
        (":number: three\n\nSo.", "three"),
    ],
)
def test_a_question_that_cannot_be_answered_stops_the_build(build, content, complaint):
    text = f"# Title\n\n```{{check-yourself}} What?\n{content}\n```"
    code, messages, _ = build(index=text)
    assert code == 1
    assert "index.md:3" in messages
    assert complaint in messages


def test_on_paper_the_answer_stands_below_its_question(build):
    code, messages, out = build(index=CHOICE, builder="latex")
    tex = next(out.glob("*.tex")).read_text()
    assert (code, messages) == (0, "")
    assert tex.index("Check yourself") < tex.index("That one.") < tex.index("It is so.")


# Folds


def test_proofs_and_derivations_fold(build):
    text = (
        "# T\n\n```{prf:proof}\nBy induction.\n```\n\n"
        "```{derivation} Of the bound $h$\nStep by step.\n```\n"
    )
    code, messages, out = build(index=text)
    page = (out / "index.html").read_text()
    assert (code, messages) == (0, "")
    assert page.count('<details class="u-fold">') == 2
    assert "<summary>Proof</summary>" in page
    assert re.search(r"<summary>Of the bound <span", page)


# Symbols

NOTATION = """# Notation

:::{div} symbols

| Maths | Code | Meaning |
|---|---|---|
| $T$ | `T` | steps |

:::

:::{div} symbols

| Maths | Code | Meaning |
|---|---|---|
| $\\state{h_t}$ | `h_t` | the state |
| $\\eta$ | `lr` | learning rate |
| $i$ | `i` | a gate |

:::
"""
CHAPTER = """# Cells

The state $h_{t}$, again $h_t$ and `h_t`. Index $i$, rate `lr`, and $T$.

```python
h_t = f(lr, W_xh)
```
"""
CONTENTS = "# B\n\n```{toctree}\n:numbered:\nbook/02-cell\nbook/notation\n```"


@pytest.fixture
def chapter(build):
    pages = {"book__02_cell": CHAPTER, "book__notation": NOTATION}
    code, messages, out = build(index=CONTENTS, **pages)
    assert (code, messages) == (0, "")
    return out


def test_the_first_use_of_a_symbol_leads_to_the_notation_page(chapter):
    page = (chapter / "book/02-cell.html").read_text()
    links = re.findall(r'class="[^"]*u-symbol[^"]*" href="([^"]+)"', page)
    assert links == [f"notation.html#sym-{name}" for name in ("h-t", "lr", "t")]
    notation = (chapter / "book/notation.html").read_text()
    assert all(f'id="{link.split("#")[1]}"' in notation for link in links)


def test_a_name_in_code_has_the_colour_of_its_symbol(chapter):
    page = (chapter / "book/02-cell.html").read_text()
    assert '<span class="n u-state">h_t</span>' in page
    assert '<span class="n u-weight">W_xh</span>' in page
    assert '<span class="pre u-state">h_t</span>' in page
    assert '<span class="n">lr</span>' in page


def test_tex_is_compared_without_colours_and_braces():
    assert symbols.plain(r"\state{h_{t}} \inp{x_t}") == "h_tx_t"


def test_the_books_own_notation_gives_its_code_the_colours_of_the_palette():
    known = {}
    text = (ROOT / "book" / "notation.md").read_text("utf-8")
    for row in re.findall(r"^\| \$\\(\w+)\{[^|]*\| `(\w+)", text, re.MULTILINE):
        known[row[1]] = symbols.COLOURS.get(row[0])
    for name, colour in [("x_t", "input"), ("hs", "state"), ("W_hh", "weight")]:
        assert known[name] == f"u-{colour}"


# Cards

PAGE = """<p id="a">An <b>a</b></p><div id="equation-eq-x"><div>x</div><span>(1)
<a class="headerlink" href="#">#</a></span></div><span id="early"></span><p>next</p>
<dl><dt id="term-gate">gate</dt><dd>A number.</dd></dl>
<table><thead><tr><th>Maths</th><th>Code</th></tr></thead><tbody>
<tr id="sym-h"><td>h</td><td>h_t</td></tr></tbody></table>
<section id="s"><h2>Head<a class="headerlink" href="#s">#</a></h2><p>First.</p><p>2</p>
</section><figure id="f"><svg><g id="u1-m"/><use href="#u1-m"/></svg></figure>"""


@pytest.mark.parametrize(
    ("anchor", "card"),
    [
        ("a", "<p>An <b>a</b></p>"),
        ("equation-eq-x", "<div><div>x</div><span>(1)\n</span></div>"),
        ("early", "<p>next</p>"),
        ("term-gate", "<dl><dt>gate</dt><dd>A number.</dd></dl>"),
        ("s", "<h2>Head</h2><p>First.</p>"),
        ("nowhere", ""),
    ],
)
def test_a_card_shows_what_the_link_leads_to(anchor, card):
    assert cards.find(PAGE, anchor) == card


def test_a_row_of_a_table_becomes_a_list_with_its_heads():
    assert "<dt>Code</dt><dd>h_t</dd>" in cards.find(PAGE, "sym-h")


def test_a_figure_in_a_card_has_ids_of_its_own():
    card = cards.find(PAGE, "f")
    assert 'id="card-u1-m"' in card
    assert 'href="#card-u1-m"' in card


def test_a_picture_in_a_card_is_found_from_any_page():
    html = '<figure id="f"><img src="../../_images/a.svg#dark" /></figure>'
    assert cards.find(html, "f") == '<figure><img src="_images/a.svg#dark" /></figure>'


def test_cards_are_made_for_what_is_linked_and_nothing_else():
    article = '<article class="bd-article">{}</article>'
    link = '<a class="reference internal" href="{}"></a>'
    pages = {
        "book/a.html": article.format(link.format("b.html#x") + link.format("#y")),
        "book/b.html": article.format(link.format("../c.html#z")),
    }
    assert cards.targets(pages) == {"book/b.html": {"x"}, "book/a.html": {"y"}}


# Launch links


def app(repository: str) -> SimpleNamespace:
    config = SimpleNamespace(course_repository=repository, course_branch="main")
    return SimpleNamespace(config=config)


def test_without_a_repository_only_this_computer_is_offered():
    assert [name for name, _ in launch.places(app(""), "02-cell")] == [
        "JupyterLab on this computer"
    ]


def test_with_a_repository_colab_and_binder_open_the_released_notebook():
    offered = dict(launch.places(app("https://github.com/me/course"), "02-cell"))
    path = "exercises/02-cell/02-cell.ipynb"
    assert offered["Colab"].endswith(f"/github/me/course/blob/main/{path}")
    assert offered["Binder"].startswith("https://mybinder.org/v2/gh/me/course/main?")
    assert offered["Binder"].endswith("labpath=" + path.replace("/", "%2F"))


@pytest.mark.parametrize("wrong", ["me/course", "http://github.com/me", "github"])
def test_a_repository_that_is_none_says_what_to_write(wrong):
    with pytest.raises(ValueError, match=r"write https://github.com/owner/name"):
        launch.home(app(wrong))


# Search


def test_the_search_knows_equations_by_name_and_number(build):
    text = "# One\n\n$$\na = b\n$$ (eq-path-sum)\n\nSee {eq}`eq-path-sum`."
    contents = "# B\n\n```{toctree}\n:numbered:\nbook/03-one\n```"
    code, messages, out = build(index=contents, book__03_one=text)
    assert (code, messages) == (0, "")
    index = (out / "searchindex.js").read_text()
    assert '"path sum (3.1)": [[0, "equation-eq-path-sum"]]' in index
