"""Views draw what they are given, in the book's colours, and in reach of the ax."""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from unrolled import plots, views

rng = np.random.default_rng(0)
TEXT = 'he said "no"\n  and left'
GRAY = {"#000000", "#ffffff"}

VIEWS = {
    "loss_curves": lambda ax: views.loss_curves(
        ax, {"one": rng.random(50), "many": rng.random((3, 50))}, {"pairs": 0.5}
    ),
    "rate_range": lambda ax: views.rate_range(
        ax, np.logspace(-4, 0, 20), np.r_[np.ones(19), np.nan], chosen=1e-2
    ),
    "gradient_map": lambda ax: views.gradient_map(ax, rng.random((4, 9)), range(4)),
    "gate_histogram": lambda ax: views.gate_histogram(
        ax, {"f": rng.random((5, 2, 3)), "i": rng.random((5, 2, 3))}
    ),
    "saturation": lambda ax: views.saturation(ax, [0.1, 0.5], [0.2, 0.5]),
    "half_lives": lambda ax: views.half_lives(ax, [1.0, 3.0, 20.0], "trained"),
    "state_map": lambda ax: views.state_map(ax, rng.normal(size=(22, 4)), TEXT),
    "neuron_over_text": lambda ax: views.neuron_over_text(
        ax, TEXT, rng.normal(size=len(TEXT)), 10
    ),
    "trajectories": lambda ax: views.trajectories(
        ax, rng.normal(size=(6, 4, 3)), [0, 1, 2, 9]
    ),
    "state_cloud": lambda ax: views.state_cloud(
        ax, rng.normal(size=(6, 4, 2)), rng.integers(2, size=(6, 4)), ["no", "yes"]
    ),
    "fixed_points": lambda ax: views.fixed_points(
        ax, rng.normal(size=(5, 2)), [0, 1, 1, 2, 7]
    ),
    "eigenvalues": lambda ax: views.eigenvalues(ax, np.array([0.5, 1j, -1.1])),
}


@pytest.fixture
def ax():
    with plt.rc_context(plots.STYLE):
        fig, ax = plt.subplots()
        yield ax
        plt.close(fig)


def test_every_view_is_tried_here():
    public = {
        name
        for name, item in vars(views).items()
        if callable(item) and getattr(item, "__module__", "") == "unrolled.views"
    }
    assert {n for n in public if n[0] != "_"} == {*VIEWS, "character_places"}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_draws_in_the_palette(name, ax):
    assert VIEWS[name](ax) is not None
    page = io.StringIO()
    ax.figure.savefig(page, format="svg")
    used = set(re.findall(r"#[0-9a-f]{6}\b", page.getvalue()))
    assert used - set(plots.PALETTE.values()) - GRAY == set()
    assert not re.search(r"<image", page.getvalue())


def test_every_character_has_its_place():
    places = views.character_places("ab\ncdefg\n", width=4)
    rows = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1)]
    assert places == rows
    assert views.character_places("") == []


def test_a_neurons_values_stand_under_their_characters(ax):
    views.neuron_over_text(ax, "ab\nc", [0.5, -1.0, 0.25, 1.0], width=3)
    (mesh,) = ax.collections
    grid = np.asarray(mesh.get_array()).reshape(2, 3)
    assert grid.tolist() == [[0.5, -1.0, 0.25], [1.0, 0, 0]]
    assert [t.get_text() for t in ax.texts] == ["a", "b", "c"]


def test_a_gradient_of_nothing_is_the_floor(ax):
    mesh = views.gradient_map(ax, np.array([[0.0, 1.0]]), floor=1e-4)
    assert np.allclose(np.asarray(mesh.get_array()).ravel(), [-4, 0])


def test_stable_points_are_full_and_the_others_hollow(ax):
    views.fixed_points(ax, np.eye(2), [0, 1])
    full, hollow = ax.lines
    assert full.get_markerfacecolor() == plots.INK
    assert hollow.get_markerfacecolor() == plots.PAPER


def test_runs_are_drawn_by_their_median(ax):
    runs = np.array([[1.0, 1.0], [2.0, 5.0], [3.0, 6.0]])
    views.loss_curves(ax, {"runs": runs})
    assert ax.lines[0].get_ydata().tolist() == [2.0, 5.0]
