"""The monitor keeps what it is told, and shows it where it can be shown."""

import io
import math

import pytest

from unrolled.monitor import Monitor, running_mean


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watched(total=3, stream=None, **numbers):
    for n in (watch := Monitor(total, "training", stream or io.StringIO())):
        watch.record(loss=2.0 / (n + 1), **numbers)
    return watch


def test_all_that_was_recorded_is_kept_in_order():
    watch = watched(gradient=0.5)
    assert watch.history == {"loss": [2.0, 1.0, 2 / 3], "gradient": [0.5] * 3}


def test_a_file_gets_one_line_with_the_last_numbers():
    out = io.StringIO()
    watched(stream=out, saturated=0.25)
    assert out.getvalue().endswith(" 3/3, 0 s, loss 0.667, saturated 0.25\n")
    assert out.getvalue().count("\n") == 1


def test_a_terminal_gets_one_line_that_is_written_over():
    out = Terminal()
    watched(stream=out)
    assert "\r" in out.getvalue()
    assert out.getvalue().count("\n") == 1


def test_a_tensor_of_one_entry_is_a_number():
    torch = pytest.importorskip("torch")
    watch = Monitor(1, stream=io.StringIO())
    watch.record(loss=torch.tensor(1.5, requires_grad=True))
    assert watch.history["loss"] == [1.5]


def test_a_notebook_gets_the_bar_and_the_drawing():
    page = watched(gradient=math.nan)._repr_mimebundle_()["text/html"]
    assert '<progress max="3" value="3"' in page
    assert page.count("<svg") == page.count("</svg>") == 1


def test_the_drawing_is_not_made_anew_at_every_step(monkeypatch):
    watch = Monitor(100, stream=io.StringIO())
    drawn = []
    monkeypatch.setattr(watch, "draw", lambda: drawn.append(1) or Monitor.draw(watch))
    for _ in range(5):
        watch.record(loss=1.0)
        watch._repr_mimebundle_()
    assert len(drawn) == 1
    watch.done = 100
    watch._repr_mimebundle_()
    assert len(drawn) == 2  # the end is always shown


def test_nothing_recorded_is_a_bar_without_a_drawing():
    bar = Monitor(2, stream=io.StringIO())
    assert "<svg" not in bar._repr_mimebundle_()["text/html"]


def test_a_panel_for_each_name_and_no_figure_left_open():
    import matplotlib.pyplot as plt

    open_before = plt.get_fignums()
    watch = watched(gradient=0.5, saturated=0.1)
    watch._repr_mimebundle_()
    assert plt.get_fignums() == open_before
    fig = watch.draw()
    assert [ax.get_title() for ax in fig.axes] == ["loss", "gradient", "saturated"]
    assert [ax.get_yscale() for ax in fig.axes] == ["log", "log", "linear"]
    plt.close(fig)


def test_it_lives_in_a_notebook(tmp_path):
    """One display, updated; no further output is left behind."""
    import nbformat
    from nbclient import NotebookClient

    code = (
        "from unrolled.monitor import Monitor\n"
        "for n in (watch := Monitor(5, 'learning')):\n"
        "    watch.record(loss=5 - n, gradient=1.0)\n"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    (shown,) = book.cells[0].outputs
    assert shown.output_type == "display_data"
    assert "loss 1, gradient 1" in shown.data["text/plain"]
    assert "</svg>" in shown.data["text/html"]


def test_a_running_mean_of_a_constant_is_that_constant():
    assert running_mean([3.0] * 7) == pytest.approx([3.0] * 7)


def test_a_running_mean_steps_over_what_is_not_finite():
    assert running_mean([1.0, math.inf, 1.0], 1.0) == pytest.approx([1.0] * 3)
    assert math.isnan(running_mean([math.nan])[0])
    assert running_mean([]) == []
