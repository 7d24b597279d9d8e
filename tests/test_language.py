import numpy as np
import pytest
import torch

from unrolled.language import WARM, bits, log_probs, numbered, reader, stream_loss
from unrolled.training import train

TEXT = "the cat sat on the mat and the rat ran. " * 30


def test_symbols_of_the_first_text_have_numbers_and_others_are_zero():
    letters, (one, other) = numbered("banana", "cabin")
    assert letters == ["", "a", "b", "n"]
    assert one.tolist() == [2, 1, 3, 1, 3, 1]
    assert other.tolist() == [0, 1, 2, 0, 3]


def test_tied_means_one_parameter_for_both_layers():
    tied, apart = reader(9, 4, 6), reader(9, 4, 6, tied=False)
    assert tied.output.weight is tied.embedding.weight
    counts = [sum(p.numel() for p in net.parameters()) for net in (tied, apart)]
    assert counts[1] - counts[0] == 9 * 4


def test_windows_follow_each_other_and_the_state_is_carried():
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, ids, h=None):
            seen.append((ids.clone(), h))
            logits = torch.zeros(*ids.shape, 50, requires_grad=True)
            return logits, ids[-1].double()

    loss = stream_loss(Spy(), np.arange(50), T=4, B=2)
    for n in range(9):
        assert loss(n).item() == pytest.approx(np.log(50))
    begins = [k for k, (_, h) in enumerate(seen) if h is None]
    assert begins[0] == 0
    assert len(begins) > 1
    for k in set(range(1, 9)) - set(begins):
        assert (seen[k][0][0] == seen[k - 1][0][-1] + 1).all()
        assert (seen[k][1] == seen[k - 1][0][-1]).all()


def test_every_symbol_after_the_first_ones_is_scored_once_and_in_place():
    _, (ids,) = numbered(TEXT[:400])
    torch.manual_seed(0)
    net = reader(ids.max() + 1, 5, 7).double()
    whole = net.log_probs(torch.as_tensor(ids)[:-1, None])[:, 0]
    want = whole.gather(-1, torch.as_tensor(ids)[1:, None])[WARM - 1 :, 0]
    got = log_probs(net, ids, columns=1)
    assert np.allclose(got, want.detach(), rtol=1e-10)
    in_many = log_probs(net, ids, columns=7)  # other states, nearly the same numbers
    assert in_many.shape == got.shape
    assert np.corrcoef(got, in_many)[0, 1] > 0.999


def test_a_reader_learns_a_text_that_repeats_itself():
    letters, (ids,) = numbered(TEXT)
    torch.manual_seed(1)
    net = reader(len(letters), 8, 24)
    train(net, stream_loss(net, ids, 20, 4), 150, lr=0.02)
    assert bits(log_probs(net, ids)) < 0.5 < bits(np.log(np.full(3, 1 / len(letters))))
