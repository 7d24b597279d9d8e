"""Networks that read a padded text: for a verdict, for labels, for a tag a word.

    net = Reader("GRU", V=100, outputs=1)
    net(ids, lengths)            # (B, outputs), whatever stands in the padding

The one embedding and the one output layer are the same for all kinds, so that what is
compared is what stands between them. PyTorch is imported here at the top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import nn
from torch.nn.utils import rnn as packing

CELLS = {"vanilla": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
KINDS = ("bag", "deep bag", *CELLS)
POOLS = ("last", "mean", "top", "mean and top", "last row")
Tensor: TypeAlias = torch.Tensor


def mask_of(ids: Tensor, lengths: Tensor) -> Tensor:
    """(T, B): true where there is a word."""
    return torch.arange(len(ids))[:, None] < lengths


def pooled(hs: Tensor, lengths: Tensor, how: str) -> Tensor:
    """One row for each text out of its states (T, B, H): (B, H), or (B, 2H) for two.

    "last row" is the mistake that others are compared with: it reads the padding.
    """
    live = mask_of(hs, lengths)[..., None]
    if how == "last row":
        return hs[-1]
    if how == "last":
        return hs[lengths - 1, torch.arange(hs.shape[1])]
    mean = torch.where(live, hs, 0.0).sum(dim=0) / lengths[:, None]
    top = torch.where(live, hs, -torch.inf).amax(dim=0)
    return {"mean": mean, "top": top}.get(how, torch.cat([mean, top], dim=1))


class Reader(nn.Module):
    """Embedding, something of KINDS, one of POOLS, and a linear layer.

    A "bag" has nothing between: a linear model of which words there are. A "deep bag"
    has a hidden layer on the mean of the embeddings, of the width of the cells' state.
    """

    def __init__(
        self,
        kind: str,
        V: int,
        outputs: int,
        D: int = 32,
        H: int = 48,
        pool: str = "mean and top",
        both_ends: bool = False,
    ) -> None:
        super().__init__()
        if kind not in KINDS or pool not in POOLS:
            raise ValueError(f"The kinds are {KINDS}, the pools {POOLS}.")
        self.kind, self.pool = kind, "mean" if "bag" in kind else pool
        self.embedding = nn.Embedding(V, D)
        self.width = D
        if kind in CELLS:
            self.cell = CELLS[kind](D, H, bidirectional=both_ends)
            self.width = 2 * H if both_ends else H
        if kind == "deep bag":
            self.hidden = nn.Linear(D, H)
            self.width = H
        pools = 2 if self.pool == "mean and top" else 1
        self.says = nn.Linear(pools * self.width, outputs)

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """What is known at every word, (T, B, width)."""
        xs = self.embedding(ids)
        if self.kind not in CELLS:
            return xs
        if not self.cell.bidirectional:  # what comes after a text's end changes nothing
            return self.cell(xs)[0]
        packed = packing.pack_padded_sequence(xs, lengths, enforce_sorted=False)
        return packing.pad_packed_sequence(self.cell(packed)[0], total_length=len(xs))[
            0
        ]

    def features(self, ids: Tensor, lengths: Tensor) -> Tensor:
        row = pooled(self.states(ids, lengths), lengths, self.pool)
        return torch.tanh(self.hidden(row)) if self.kind == "deep bag" else row

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.says(self.features(ids, lengths))


def over_paths(
    scores: Tensor,
    moves: Tensor,
    first: Tensor,
    mask: Tensor,
    add: Callable[..., Tensor] = torch.logsumexp,
) -> Tensor:
    """The scores of all sequences of tags, put together by `add`: (B,).

    scores (T, B, K), moves (K, K), first (K,), mask (T, B). By torch.logsumexp it is
    the logarithm of a sum over K**T sequences, by torch.amax the best of them. Its
    gradient by `scores` says which tags were taken: in the first case how probable
    each is, in the second which are those of the best sequence.
    """
    ends = first + scores[0]
    for score, live in zip(scores[1:], mask[1:, :, None], strict=True):
        onward = add(ends[:, :, None] + moves, dim=1) + score
        ends = torch.where(live, onward, ends)
    return add(ends, dim=1)


def path_score(
    tags: Tensor, scores: Tensor, moves: Tensor, first: Tensor, mask: Tensor
) -> Tensor:
    """The score of given tags (T, B), integers: (B,)."""
    words = scores.gather(2, tags[..., None])[..., 0]
    steps = words[1:] + moves[tags[:-1], tags[1:]]
    return first[tags[0]] + words[0] + torch.where(mask[1:], steps, 0.0).sum(dim=0)


def best_path(scores: Tensor, moves: Tensor, first: Tensor, mask: Tensor) -> Tensor:
    """The tags of the best sequences, (T, B), read off a gradient."""
    scores = scores.detach().requires_grad_()
    over_paths(scores, moves, first, mask, torch.amax).sum().backward()
    return scores.grad.argmax(dim=2)


class Tagger(Reader):
    """A Reader that scores K tags at every word, and, as a chain, the moves between."""

    def __init__(self, kind: str, V: int, K: int, chain: bool, **sizes) -> None:
        super().__init__(kind, V, K, pool="mean", **sizes)
        self.moves = nn.Parameter(torch.zeros(K, K), requires_grad=chain)
        self.first = nn.Parameter(torch.zeros(K), requires_grad=chain)

    def loss(self, ids: Tensor, lengths: Tensor, tags: Tensor) -> Tensor:
        """Minus the log-probability of the right sequence, for each word."""
        scores, mask = self.says(self.states(ids, lengths)), mask_of(ids, lengths)
        rest = scores, self.moves, self.first, mask
        return (over_paths(*rest) - path_score(tags, *rest)).sum() / mask.sum()

    def tags(self, ids: Tensor, lengths: Tensor) -> Tensor:
        scores = self.says(self.states(ids, lengths))
        mask = mask_of(ids, lengths)
        return best_path(scores, self.moves.detach(), self.first.detach(), mask)
