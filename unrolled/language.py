"""A recurrent language model in torch: its data, the model, bits per character.

Used by chapter 12 and by `benchmarks.language`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

WARM = 64  # symbols that are read and not scored, where a text is cut


def numbered(*texts: str) -> tuple[list[str], list[np.ndarray]]:
    """The symbols of the first text, "" for all others before them, and all as ids."""
    letters = np.unique(list(texts[0]))
    found = []
    for text in texts:
        array = np.array(list(text))
        at = np.minimum(np.searchsorted(letters, array), len(letters) - 1)
        found.append(np.where(letters[at] == array, at + 1, 0))
    return ["", *letters.tolist()], found


def reader(V: int, D: int, H: int, tied: bool = True, dropout: float = 0.0) -> Any:
    """A torch module: ids (T, B) and a state to logits (T, B, V) and the next state.

    An embedding of V symbols by D numbers, a GRU of H units, and an output layer
    whose matrix is, if `tied`, the embedding's own, behind a map from H to D.
    """
    import torch
    from torch import nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(V, D)
            nn.init.normal_(self.embedding.weight, std=D**-0.5)
            self.gru = nn.GRU(D, H)
            self.down = nn.Linear(H, D, bias=False)
            self.output = nn.Linear(D, V)
            self.drop = nn.Dropout(dropout)
            if tied:
                self.output.weight = self.embedding.weight

        def forward(self, ids: Any, h: Any = None) -> tuple[Any, Any]:
            hs, h = self.gru(self.drop(self.embedding(ids)), h)
            return self.output(self.down(self.drop(hs))), h

        def log_probs(self, ids: Any, h: Any = None) -> Any:
            return torch.log_softmax(self(ids, h)[0], dim=-1)

    return Reader()


def stream_loss(net: Any, ids: np.ndarray, T: int, B: int) -> Callable[[int], Any]:
    """Update number -> loss, reading a text in B columns by windows of T steps.

    The state goes on from window to window, without its graph, and is zero again
    where the columns begin anew; they then begin somewhat later than before, so that
    the borders of windows do not always fall on the same symbols.
    """
    import torch
    from torch.nn import functional as F

    rows = len(ids) // B
    columns = torch.as_tensor(ids[: rows * B]).view(B, rows).T.contiguous()
    rng = np.random.default_rng(len(ids))
    place: dict[str, Any] = {"top": rows, "h": None}

    def loss(update: int) -> Any:
        top = place["top"]
        if top + T >= rows:
            top, place["h"] = int(rng.integers(T)), None
        logits, h = net(columns[top : top + T], place["h"])
        place["top"], place["h"] = top + T, h.detach()
        targets = columns[top + 1 : top + T + 1]
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return loss


def log_probs(net: Any, ids: np.ndarray, columns: int = 40) -> np.ndarray:
    """Natural logarithm of the probability of every symbol from ids[WARM] on.

    The text is cut into columns, and each is read from WARM symbols before its own.
    """
    import torch

    scored = len(ids) - WARM
    length = -(-scored // columns)
    starts = np.minimum(np.arange(columns) * length, scored - length)
    places = starts + np.arange(WARM + length)[:, None]
    table = torch.as_tensor(ids[places])
    with torch.no_grad():
        every = net.log_probs(table[:-1])[WARM - 1 :]
        picked = every.gather(-1, table[WARM:, :, None])[..., 0].numpy()
    found = np.empty(scored)
    for column, start in enumerate(starts):
        found[start : start + length] = picked[:, column]
    return found


def bits(values: np.ndarray | Sequence[float]) -> float:
    """Bits per symbol from natural logarithms of probabilities."""
    return float(-np.mean(values) / np.log(2))
