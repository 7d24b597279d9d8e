"""The gates that are read after the run are those that made the states."""

import numpy as np
import pytest
import torch

from unrolled.gates import gates

T, B, D, H = 7, 3, 5, 4


def layer(kind, **options):
    torch.manual_seed(0)
    return getattr(torch.nn, kind)(D, H, **options)


@pytest.fixture
def xs():
    torch.manual_seed(1)
    return torch.randn(T, B, D)


def test_an_lstms_gates_make_its_cells_and_states(xs):
    lstm = layer("LSTM")
    found = gates(lstm, xs)
    kept = np.concatenate([np.zeros((1, B, H)), found["c"][:-1]]) * found["f"]
    assert np.allclose(found["c"], kept + found["i"] * found["g"], atol=1e-6)
    assert np.allclose(found["h"], found["o"] * np.tanh(found["c"]), atol=1e-6)
    hs, (_, c_last) = lstm(xs)
    assert np.allclose(found["h"], hs.detach(), atol=1e-7)
    assert np.allclose(found["c"][-1], c_last[0].detach(), atol=1e-6)


def test_a_grus_gates_make_its_states(xs):
    gru = layer("GRU")
    found = gates(gru, xs)
    before = np.concatenate([np.zeros((1, B, H)), found["h"][:-1]])
    made = (1 - found["z"]) * found["n"] + found["z"] * before
    assert np.allclose(found["h"], made, atol=1e-6)
    assert np.allclose(found["h"], gru(xs)[0].detach(), atol=1e-7)


def test_a_vanilla_network_has_states_only(xs):
    assert gates(layer("RNN"), xs).keys() == {"h"}


@pytest.mark.parametrize(
    "options",
    [
        {"num_layers": 2},
        {"bidirectional": True},
        {"batch_first": True},
        {"bias": False},
    ],
)
def test_what_cannot_be_read_is_refused(xs, options):
    with pytest.raises(ValueError, match="one layer in one direction"):
        gates(layer("GRU", **options), xs)
