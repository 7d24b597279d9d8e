"""The whole book on paper, by `make pdf`; needs the Debian packages of README.md."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LATEX = ROOT / "_build" / "latex"
TOOLS = ("xelatex", "latexmk", "rsvg-convert", "pdftotext")
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (see README.md)"
    ),
]


@pytest.fixture(scope="module")
def text() -> str:
    made = subprocess.run(
        ["make", "pdf"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    command = ["pdftotext", "-layout", LATEX / "unrolled.pdf", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_every_reference_leads_somewhere(text):
    assert "??" not in text
    assert not re.search(
        r"Reference .* undefined", (LATEX / "unrolled.log").read_text()
    )


def test_chapters_and_their_equations_have_the_books_numbers(text):
    assert "Chapter 2. The recurrent cell" in text
    label = re.search(r"Eq\.\s\(3\.(\d+)\)", text)
    assert label
    assert f"(3.{label[1]})" in text.replace(label[0], "")


def test_solutions_are_absent_and_stubs_are_there(text):
    assert "BEGIN SOLUTION" not in text
    assert 'NotImplementedError("Exercise 2.1: rnn_step_forward")' in text


def test_figures_are_there_and_every_letter_has_a_shape(text):
    images = list(LATEX.glob("*.pdf"))
    figures = [image for image in images if image.name != "unrolled.pdf"]
    assert len(figures) > 20
    assert "Fig. 2.1" in text
    assert "Missing character" not in (LATEX / "unrolled.log").read_text()
