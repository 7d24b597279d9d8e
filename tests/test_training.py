import io
import itertools

import numpy as np
import pytest
import torch

from unrolled.monitor import Monitor
from unrolled.training import over_seeds, padded, shuffled, spread, train

X = torch.linspace(-1, 1, 20).unsqueeze(1)


def line():
    torch.manual_seed(3)
    net = torch.nn.Linear(1, 1)
    return net, lambda n: torch.nn.functional.mse_loss(net(X), 2 * X + 1)


def test_a_line_is_learned():
    net, loss = line()
    run = train(net, loss, 300, lr=0.1)
    assert run.losses[-1] < 1e-3 < run.losses[0]
    assert len(run.losses) == len(run.gradients) == 300
    assert net.weight.item() == pytest.approx(2, abs=0.05)


def test_the_best_weights_come_back():
    net, loss = line()
    errors = iter([3.0, 1.0, 2.0])
    weights = []

    def validate():
        assert not net.training
        assert not torch.is_grad_enabled()
        weights.append(net.weight.item())
        return next(errors)

    run = train(net, loss, 5, lr=0.1, validate=validate, every=2)
    assert run.validations == [(2, 3.0), (4, 1.0), (5, 2.0)]
    assert run.best == (4, 1.0)
    assert net.weight.item() == weights[1] != weights[2]


def test_no_step_is_longer_than_the_clip_allows():
    net, loss = line()
    run = train(net, lambda n: 1e6 * loss(n), 3, clip=0.5)
    assert min(run.gradients) > 1e3
    assert sum(p.grad.square().sum() for p in net.parameters()) <= 0.5**2 + 1e-6


def test_a_loss_that_is_not_finite_stops_the_run():
    net, loss = line()
    with pytest.raises(ValueError, match="update 2 is nan"):
        train(net, lambda n: loss(n) * (float("nan") if n == 2 else 1), 5)


def test_a_run_without_validations_has_no_best():
    net, loss = line()
    run = train(net, loss, 2)
    with pytest.raises(ValueError, match="give train a `validate`"):
        _ = run.best


def test_a_monitor_gets_every_loss():
    net, loss = line()
    watch = Monitor(4, "training", io.StringIO())
    run = train(net, loss, 4, bar=watch)
    assert watch.history["loss"] == run.losses


def test_every_example_comes_once_in_a_pass():
    batches = shuffled(7, 3, np.random.default_rng(0))
    first, second = ([*itertools.islice(batches, 3)] for _ in range(2))
    for one_pass in (first, second):
        assert [len(b) for b in one_pass] == [3, 3, 1]
        assert sorted(np.concatenate(one_pass)) == list(range(7))
    assert any((a != b).any() for a, b in zip(first, second, strict=True))


def test_sequences_are_padded_in_time():
    xs, lengths = padded([np.ones((2, 3)), 2 * np.ones((4, 3))], value=-1)
    assert xs.shape == (4, 2, 3)
    assert lengths.tolist() == [2, 4]
    assert (xs[2:, 0] == -1).all()
    assert (xs[:, 1] == 2).all()
    ids, _ = padded([np.array([5]), np.array([6, 7])])
    assert ids.tolist() == [[5, 6], [0, 7]]


@pytest.mark.parametrize("sequences", [[], [np.ones(2), np.ones(0)]])
def test_nothing_to_pad_is_an_error(sequences):
    with pytest.raises(ValueError, match="no empty one"):
        padded(sequences)


def test_seeds_repeat():
    values = over_seeds(lambda seed: torch.rand(()).item() + seed, (1, 2, 1))
    assert values[0] == values[2] != values[1] - 1
    assert spread([0.1, 0.3, 0.2], 1) == "0.2 (0.1 to 0.3)"
