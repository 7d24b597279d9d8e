import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook

from autograder.derive import release_notebook
from autograder.exercise import load
from autograder.intake import Cell, HandIn
from autograder.rebuild import MISSING, as_text, rebuild, refused

SLUG = "02-recurrent-cell"


@pytest.fixture
def released():
    """The cells of the released notebook, as a student hands them in."""
    cells = []
    for cell in release_notebook(load(SLUG)).cells:
        marks = cell.metadata.get("nbgrader", {})
        name, points = marks.get("grade_id", ""), marks.get("points")
        cells.append(Cell(cell.cell_type, cell.source, name, cell.id, points))
    return cells


def at(cells, name):
    return next(n for n, cell in enumerate(cells) if cell.name == name)


def sources(notebook):
    return {cell.id: cell.source for cell in notebook.cells}


def built(cells):
    return rebuild(SLUG, HandIn(tuple(cells)))


def notes(notebook):
    return " ".join(notebook.metadata["unrolled"]["notes"])


def test_an_untouched_notebook_comes_back_as_it_was_released(released):
    ours = release_notebook(load(SLUG))
    found = built(released)
    for cell, our in zip(found.cells, ours.cells, strict=True):
        left = cell.metadata.pop("unrolled", None)
        assert cell == our
        assert bool(left) == our.id.startswith("look-")
    assert notes(found) == ""


def test_only_the_text_of_an_answer_is_taken(released):
    released[at(released, "mse")] = Cell("code", "mine", "mse", "other", 99.0)
    found = built(released)
    assert sources(found)["mse"] == "mine"
    cell = next(cell for cell in found.cells if cell.id == "mse")
    assert "points" not in cell.metadata["nbgrader"]


def test_added_cells_stay_where_they_were(released):
    place = at(released, "mse")
    released.insert(place, Cell("code", "before = 1"))
    released.insert(place + 2, Cell("markdown", "*after*"))
    names = [cell.id for cell in built(released).cells]
    assert names[names.index("mse") - 1].startswith("own-")
    assert names[names.index("mse") + 1].startswith("own-")


@pytest.mark.parametrize("drop", ["name", "id", "both"])
def test_an_answer_is_found_without_its_name(released, drop):
    place = at(released, "mse")
    source = "def mse(pred, target):\n    return 1"
    name = "" if drop in ("name", "both") else "mse"
    released[place] = Cell("code", source, name, "" if drop != "name" else "mse")
    found = built(released)
    assert sources(found)["mse"] == source
    assert len(found.cells) == len(released) + bool(notes(found))
    assert ("`mse` had been changed" in notes(found)) == (name == "")


def test_what_is_missing_is_put_back_and_said(released):
    gone = {"mse", "check_mse", "given_imports"}
    found = built([cell for cell in released if cell.name not in gone])
    assert sources(found)["mse"] == MISSING
    assert "import numpy as np" in sources(found)["given-imports"]
    for name in gone:
        assert f"`{name}` was not in the hand-in" in notes(found)
    assert found.cells[0].source.startswith("### About this hand-in")


def test_of_two_answers_both_are_kept_in_order(released):
    place = at(released, "mse")
    first = Cell("code", "def mse(): 1", "mse", "mse")
    second = Cell("code", "def mse(): 2", "mse", "mse")
    found = built([*released[:place], first, second, *released[place + 1 :]])
    texts = [cell.source for cell in found.cells]
    assert texts.index("def mse(): 1") + 1 == texts.index("def mse(): 2")
    assert "`mse` was there more than once: all ran in order" in notes(found)


def test_given_and_check_cells_are_ours(released):
    for name in ("given_imports", "check_mse"):
        released[at(released, name)] = Cell("code", "check = print", name, "", 1000.0)
    found = built(released)
    ours = release_notebook(load(SLUG)).cells
    assert sources(found) | sources(new_notebook(cells=ours)) == sources(found)
    assert "`given_imports` had been edited" in notes(found)
    assert "points of `check_mse` had been changed" in notes(found)


def test_the_order_is_ours(released):
    found = built(list(reversed(released)))
    ours = release_notebook(load(SLUG)).cells
    assert [cell.id for cell in found.cells[1:]] == [cell.id for cell in ours]
    assert "put back into the course's order" in notes(found)


def test_the_course_s_prose_is_restored_and_the_student_s_kept_as_text(released):
    released[0] = Cell("markdown", "my <b>notes</b>", "", released[0].id)
    found = built(released)
    assert found.cells[0].source.startswith("# The recurrent cell")
    assert found.cells[1].source == "```text\nmy <b>notes</b>\n```"


def test_an_unreadable_hand_in_shows_one_sentence_and_every_check(released):
    found = refused(SLUG, "The file is empty.")
    assert found.cells[0].source.count("The file is empty.") == 1
    checks = [c for c in found.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert len(checks) == len(load(SLUG).graded)
    assert found.metadata["unrolled"]["unreadable"] == "The file is empty."


HOSTILE = """
<script>window.x=1</script> <img src=x onerror="window.x=1"> &lt;script&gt;
[a](javascript:window.x=1) ![b](https://example.invalid/c.png)
````
```
~~~
</code></pre><script>window.x=1</script>
$$<script>window.x=1</script>$$ \\(<script>window.x=1</script>\\)
\x0c```\x0b\u2028```\x85```\r<script>window.x=1</script>
{{ 7*7 }} \x1b[2J
"""


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 50, "`" * 1000 + HOSTILE])
def test_a_student_s_markdown_stays_text_on_a_page(text):
    cell = new_markdown_cell(as_text(text))
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(
        new_notebook(cells=[cell])
    )
    body = page[page.index("<body") :]
    for mark in ("<script", "<img", "<a ", "\x1b", "<b>"):
        assert mark not in body


def test_long_prose_is_cut():
    assert "[cut after 20,000 characters]" in as_text("x" * 30_000)
