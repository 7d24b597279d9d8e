"""The references of 01-sequences-and-state, certified by torch and complex steps."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder import bank, oracle

SLUG = "01-sequences-and-state"
SECRETS = (oracle.PUBLIC, b"hidden")


def cases(function):
    return [
        case
        for secret in SECRETS
        for case in oracle.cases(SLUG, function, secret)
        if case.aspect != "purity" and not case.raises
    ]


def conv(xs, kernel):
    """A causal convolution by torch.conv1d, one kernel for each feature."""
    x, w = torch.tensor(xs).permute(1, 2, 0), torch.tensor(kernel).T.flip(-1)
    x = F.pad(x, (len(kernel) - 1, 0))
    return torch.conv1d(x, w[:, None], groups=xs.shape[2]).permute(2, 0, 1).numpy()


def same(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("function", ["leaky", "leaky_conv"])
def test_the_leaky_integrator_is_a_convolution_with_powers(function):
    for case in cases(function):
        xs, a = case.inputs["xs"], case.inputs["a"]
        powers = np.vander(a, len(xs), increasing=True).T
        same(case.expected["hs"], conv(xs, powers))


def test_causal_convolution_is_that_of_torch():
    for case in cases("causal_conv"):
        same(case.expected["hs"], conv(case.inputs["xs"], case.inputs["kernel"]))


def test_one_hot_is_that_of_torch():
    for case in cases("one_hot"):
        ids = torch.tensor(np.ascontiguousarray(case.inputs["ids"]))
        wanted = F.one_hot(ids, int(case.inputs["V"])).numpy()
        assert np.array_equal(case.expected["hot"], wanted)


def test_embedding_forward_and_backward_are_those_of_torch():
    for case in cases("embed"):
        ids, E = (torch.tensor(case.inputs[k]) for k in ("ids", "E"))
        same(case.expected["xs"], F.embedding(ids, E).numpy())
    for case in cases("embed_backward"):
        ids, dout = (torch.tensor(case.inputs[k]) for k in ("ids", "dout"))
        V, D = int(case.inputs["V"]), dout.shape[-1]
        E = torch.zeros(V, D, dtype=dout.dtype, requires_grad=True)
        (F.embedding(ids, E) * dout).sum().backward()
        same(case.expected["dE"], E.grad.numpy())


def test_the_gradient_of_the_embeddings_is_that_of_a_complex_step():
    embed, backward = (oracle.reference(SLUG)[n] for n in ("embed", "embed_backward"))
    rng = np.random.default_rng(2)
    E, direction = rng.normal(size=(2, 5, 3))
    ids, dout = rng.integers(4, size=(6, 2)), rng.normal(size=(6, 2, 3))
    moved = (embed(ids, E + 1e-30j * direction) * dout).sum().imag / 1e-30
    assert moved == pytest.approx((backward(dout, ids, 5) * direction).sum(), rel=1e-13)


def test_every_case_with_a_batch_repeats_an_id_and_leaves_one_out():
    for case in cases("embed_backward"):
        ids, V = case.inputs["ids"], case.inputs["V"]
        if case.name == "values":
            assert len(np.unique(ids)) < ids.size
            assert V - 1 not in ids


def test_a_wrong_convolution_does_not_cost_the_leaky_one():
    names = oracle.buggy(SLUG, "causal_conv", "flipped")
    judge = bank.examiner(SLUG, names, stands_in=True)
    assert judge.verdict("causal_conv").bug == "flipped"
    assert judge.verdict("leaky_conv").status == "full"
    assert judge.verdict("leaky_conv").blames == ("causal_conv",)
