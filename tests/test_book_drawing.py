"""Drawings are the same with fewer bytes and fewer elements."""

import re
import sys
from io import StringIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import drawing  # noqa: E402
import figures  # noqa: E402


def drawn(draw, **settings) -> str:
    with mpl.rc_context({"figure.figsize": (3, 2), **settings}):
        figure, axes = plt.subplots()
        draw(axes)
        out = StringIO()
        figure.savefig(out, format="svg", transparent=True)
        plt.close(figure)
    return out.getvalue()


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("M 10 20 \nL 13 20 \nL 13 24 \nz", "m10 20h3v4z"),
        ("M 0 0 L 1.234567 2.5 L -3 1", "m0 0l1.23 2.5-4.23-1.5"),
        ("M 5 5 Q 6 5 7 6 C 8 6 9 7 9 8", "m5 5q1 0 2 1c1 0 2 1 2 2"),
        ("M 1 1 L 2 2 L 3 3 L 3 3 L 5 5", "m1 1l4 4"),
        ("M 1 1 L 3 3 L 2 2", "m1 1l2 2-1-1"),  # back is not straight on
        ("M 1 1 L 2 1 z M 4 4 L 5 4", "m1 1h1zm3 3h1"),
        ("M 1 1 A 1 1 0 0 0 2 2", "M 1 1 A 1 1 0 0 0 2 2"),  # left alone
    ],
)
def test_a_path_goes_in_steps(long, short):
    assert drawing.compact(long) == short


def ends(d: str) -> np.ndarray:
    """The corners of a path made of m and l, h, v."""
    at, found = np.zeros(2), []
    for command, text in re.findall(r"([mlhv])([^mlhv]*)", d):
        numbers = [float(x) for x in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]
        pairs = {"h": [(n, 0) for n in numbers], "v": [(0, n) for n in numbers]}
        for step in pairs.get(command, zip(numbers[::2], numbers[1::2], strict=True)):
            at = at + step
            found.append(at)
    return np.array(found)


def test_a_curve_of_many_points_does_not_drift():
    places = np.random.default_rng(1).normal(100, 30, size=(2000, 2))
    long = "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in places)
    assert np.abs(ends(drawing.compact(long)) - places).max() < 0.0501


def test_a_figure_has_half_of_its_bytes_and_of_its_groups():
    svg = drawn(lambda axes: axes.plot(np.sin(np.linspace(0, 9, 400))))
    thin = drawing.thin(figures.NOISE.sub("", svg))
    assert len(thin) < 0.6 * len(svg)
    assert thin.count("<g") < svg.count("<g") / 2
    assert set(re.findall(r'href="#([^"]+)', thin)) <= set(
        re.findall(r'id="([^"]+)', thin)
    )


def test_a_cloud_of_dots_is_a_few_paths_and_each_dot_is_there():
    rng = np.random.default_rng(2)
    svg = drawn(lambda axes: axes.scatter(*rng.normal(size=(2, 500)), lw=0, alpha=0.5))
    thin = drawing.thin(svg)
    clouds = re.findall(r'<path d="([^"]*)" style="[^"]*round[^"]*"', thin)
    assert len(clouds) == drawing.LAYERS
    assert sum(cloud.count("h0") for cloud in clouds) == 500
    assert "stroke-opacity:0.5" in thin


def test_dots_with_an_edge_of_another_colour_or_another_shape_stay():
    rng = np.random.default_rng(2)
    for look in ({"edgecolors": "red"}, {"marker": "s"}):
        svg = drawn(lambda axes, k=look: axes.scatter(*rng.normal(size=(2, 99)), **k))
        assert drawing.thin(svg).count("<use") >= 99


def test_what_a_script_looks_for_stays():
    frames = '<g data-frame="1"/><g data-frame="2"><path d="M 0 0 L 1 1"/></g>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">{frames}</svg>'
    assert '<g data-frame="2"><path d="m0 0l1 1"' in drawing.thin(svg)


def test_a_drawing_in_a_cells_own_html_is_made_small():
    svg = drawn(lambda axes: axes.plot([1, 2]))
    html = f"<div>{svg[svg.index('<svg') :]}</div>"
    assert figures.RAW.search(html)
