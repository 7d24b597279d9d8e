"""The references of 00-start-here, certified by another route."""

import numpy as np
import pytest
import torch

from autograder import oracle
from unrolled.check import judged
from unrolled.functions import named

SLUG = "00-start-here"
GRADIENTS = ("numeric_grad", "complex_step_grad")


def reference(name):
    return oracle.reference(SLUG)[name]


def torch_function(name, x):
    if name == "wave":
        return torch.sin(x) * torch.exp(x / 2)
    if name == "mix":
        n = x.shape[-1]
        A = torch.cos(torch.arange(1, 3 * n + 1, dtype=x.dtype)).reshape(n, 3)
        return torch.tanh(x @ A)
    return x.T if name == "turned" else (x * x).sum()


def exact(case):
    """The derivative itself, by torch autograd."""
    x = torch.tensor(np.asarray(case.inputs["x"], float), requires_grad=True)
    dout = torch.tensor(np.asarray(case.inputs["dout"], float))
    (torch_function(case.inputs["f"], x) * dout).sum().backward()
    return x.grad.numpy()


@pytest.mark.parametrize("secret", [oracle.PUBLIC, b"hidden"])
@pytest.mark.parametrize(
    ("function", "eps", "digits"),
    [("numeric_grad", 1e-5, 1e-9), ("complex_step_grad", 1e-30, 1e-14)],
)
def test_a_small_step_gives_the_gradient_of_autograd(function, eps, digits, secret):
    for case in oracle.cases(SLUG, function, secret):
        if case.aspect == "purity":
            continue
        f, x, dout = named(case.inputs["f"]), case.inputs["x"], case.inputs["dout"]
        found, truth = reference(function)(f, x, dout, eps), exact(case)
        assert np.abs(found - truth).max() <= digits * np.abs(truth).max()


@pytest.mark.parametrize("function", GRADIENTS)
def test_the_cases_hold_the_formula_itself_and_not_its_limit(function):
    """At eps = 0.1 the two formulas are off by eps^2 f'''/6, with opposite signs."""
    case = oracle.cases(SLUG, function)[0]
    x, dout, eps = (case.inputs[k] for k in ("x", "dout", "eps"))
    root = 0.5 + 1j
    third = dout * (root**3 * np.exp(root * x)).imag
    sign = 1 if function == "numeric_grad" else -1
    off = case.expected["dx"] - exact(case)
    np.testing.assert_allclose(off, sign * eps**2 / 6 * third, rtol=0.05, atol=2e-5)


def test_relative_error_is_symmetric_and_has_no_units():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4))
    found = reference("rel_error")(a, b)
    assert found == reference("rel_error")(b, a)
    assert found == pytest.approx(reference("rel_error")(-7e9 * a, -7e9 * b))
    scale = torch.tensor(np.stack([a, b])).abs().max()
    assert found == pytest.approx(float(torch.tensor(a - b).abs().max() / scale))


def test_relative_error_lets_no_nan_pass_for_success():
    a = np.array([1.0, np.nan])
    assert not reference("rel_error")(a, a) < 1e-8


def test_the_best_step_of_each_curve_is_beyond_doubt():
    measured = oracle.data(SLUG)["error_curves"]
    for curve, exponent in zip(
        measured["errors"], reference("choose_eps")(), strict=True
    ):
        first, second = np.sort(curve)[:2]
        if exponent:
            assert second > 2 * first
            assert measured["eps"][np.argmin(curve)] == float(f"1e{exponent}")
        else:
            assert first > 0.02
    assert sorted(reference("choose_eps")()) == [-8, -5, -3, -2, 0]


def test_the_first_tries_of_the_notebook_are_named():
    def first_try(a, b):
        return np.abs(a - b).max()

    def second_try(a, b):
        return np.abs(a - b).max() / np.abs(b).max()

    assert "absolute difference" in judged("rel_error", first_try).says
    assert "largest entry of b alone" in judged("rel_error", second_try).says
