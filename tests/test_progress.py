import io

import pytest

from unrolled.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_counts_through():
    assert list(Progress(5, stream=io.StringIO())) == [0, 1, 2, 3, 4]


def test_a_file_gets_one_line_at_the_end():
    out = io.StringIO()
    for _ in (bar := Progress(3, "training", out)):
        bar.note = "loss <1>"
    assert out.getvalue() == f"training [{'#' * 24}] 3/3, 0 s, loss <1>\n"


def test_a_terminal_gets_a_line_that_is_written_over(monkeypatch):
    monkeypatch.setattr("unrolled.progress.PAUSE", 0)
    out = Terminal()
    for _ in Progress(4, "training", out):
        pass
    *before, last = out.getvalue().rstrip("\n").split("\r")
    assert last.split("]")[1].rstrip() == " 4/4, 0 s"
    assert len(before) == 6
    assert out.getvalue().count("\n") == 1


def test_printing_does_not_tear_the_bar():
    out = Terminal()
    for _ in (bar := Progress(1, stream=out)):
        bar.print("a line of its own")
    assert "\ra line of its own\n\r" in out.getvalue()


def test_a_break_is_told():
    out = io.StringIO()
    loop = iter(Progress(10, stream=out))
    next(loop), next(loop)
    loop.close()
    assert " 1/10, 0 s" in out.getvalue()


def test_the_notebooks_view_is_escaped():
    bar = Progress(2, "a < b")
    bar.note = "<script>"
    page = bar._repr_mimebundle_()["text/html"]
    assert "<script>" not in page
    assert "a &lt; b" in page


def test_nothing_to_do_is_no_fault():
    out = io.StringIO()
    assert list(Progress(0, stream=out)) == []
    assert "0/0" in out.getvalue()
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Progress(-1)
