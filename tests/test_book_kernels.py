"""Chapters run side by side, run again when they must, and say where they fail."""

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import kernels  # noqa: E402

CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_nb", "kernels"]
source_suffix = {{".md": "myst-nb"}}
exclude_patterns = ["_build"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_cache_path = "{{cache}}"
"""
HEAD = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n# Title\n"
LEAVES_A_TRACE = "open('ran', 'a').write('x')"


def cells(*sources: str) -> str:
    return HEAD + "".join(f"\n```{{code-cell}} python\n{s}\n```\n" for s in sources)


@pytest.fixture
def build(tmp_path, capsys, monkeypatch):
    """Builds pages given as name=text; returns (exit code, messages)."""

    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(**pages: str):
        conf = CONF.replace("{cache}", str(tmp_path / "_build" / "cache"))
        (tmp_path / "conf.py").write_text(conf)
        for name, text in pages.items():
            (tmp_path / f"{name}.md").write_text(text)
        out = tmp_path / "_build" / "html"
        given = ["-q", "-W", "--keep-going", str(tmp_path), str(out)]
        return build_main(given), capsys.readouterr().err

    return run


CONTENTS = "# Book\n\n```{toctree}\na\nb\n```\n"


def test_each_failing_cell_of_each_chapter_is_named_with_its_line(build):
    a = cells("x = 1\n\nassert x == 2, 'one is not two'")
    b = cells("fine = 1", ":tags: [hide-input]\n\n1 / 0")
    code, messages = build(index=CONTENTS, a=a, b=b)
    assert code != 0
    assert "a.md:10: the cell stops with AssertionError: one is not two" in messages
    assert "b.md:14: the cell stops with ZeroDivisionError: division" in messages


def test_a_cell_that_takes_too_long_is_named_with_the_mend(build):
    page = cells("import time\ntime.sleep(60)")
    page = page.replace("kernelspec", "mystnb: {execution_timeout: 1}\nkernelspec")
    code, messages = build(index=page)
    assert code != 0
    assert "index.md:9: the cell has not ended after 1 s" in messages


def test_a_chapter_runs_again_if_its_code_changed_and_not_if_its_text_did(
    build, tmp_path
):
    runs = tmp_path / "ran"
    page = cells(LEAVES_A_TRACE)
    assert build(index=page) == (0, "")
    assert build(index=page + "\nMore words.\n") == (0, "")
    assert runs.read_text() == "x"
    assert build(index=page.replace("'x'", "'y'")) == (0, "")
    assert runs.read_text() == "xy"


def test_a_chapter_runs_again_if_a_module_that_it_imports_changed(build, tmp_path):
    package = tmp_path / "unrolled"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from .two import value\n")
    (package / "two.py").write_text("value = 'first'\n")
    page = cells("from unrolled import one\nprint(one.value)")
    assert build(index=page) == (0, "")
    (package / "two.py").write_text("value = 'second, and of another length'\n")
    assert build(index=page) == (0, "")
    assert "second" in (tmp_path / "_build/html/index.html").read_text()


def needed(*sources: str) -> set[str]:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    files = kernels.needs(SimpleNamespace(srcdir=str(ROOT)), notebook)
    return {file.relative_to(ROOT).as_posix() for file in files}


def test_what_code_imports_and_reads_of_the_course_is_known():
    found = needed("from unrolled.checks import public_case\nimport numpy",
                   "public_case('02-recurrent-cell', 'x')", "read('cells.json')",
                   "%matplotlib inline")  # fmt: skip
    assert {"unrolled/__init__.py", "unrolled/checks.py", "unrolled/task.py"} <= found
    assert {"exercises/02-recurrent-cell/checks.npz", "benchmarks/cells.json"} <= found
    assert "unrolled/widgets.py" not in found


def test_a_live_figure_made_by_a_cell_depends_on_its_script():
    assert "book/_static/widgets/core.js" in needed("from unrolled import widgets")


def test_code_that_needs_nothing_of_the_course_depends_on_nothing():
    assert needed("import numpy as np", "x = 'no-such-file.json'") == set()
