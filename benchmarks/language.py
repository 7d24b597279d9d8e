"""How long a small network has to train before it foretells better than counting.

Bits per character on held-out blocks of Python's manual, repeats left out: n-grams by
Kneser and Ney and by Witten and Bell, every choice made on the validation blocks; GRUs
with tied weights, trained for several lengths of time from several seeds; and mixtures
of both.

    python -m benchmarks.language    # writes language.json beside it, or goes on
"""

from __future__ import annotations

import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograder import oracle
from unrolled.corpus import in_blocks, reference_text, without_repeats
from unrolled.language import WARM, bits, log_probs, numbered, reader, stream_loss
from unrolled.ngrams import KneserNey
from unrolled.training import train

WHERE = Path(__file__).with_suffix(".json")
SETTINGS: dict[str, Any] = {
    "D": 32, "H": 128, "T": 40, "B": 16, "lr": 1e-2, "dropout": 0.1,
}  # fmt: skip
JOBS = (1000, True, 3), (3000, True, 3), (1000, False, 3), (10_000, True, 3)
WEIGHTS = np.linspace(0, 1, 21)[1:-1]  # of the network in a mixture
Ids = list[np.ndarray]


def kneser_ney(V: int, ids: Ids) -> dict[str, Any]:
    """Bits per character, with order and discounts chosen on the validation text."""
    learn, *held = ids
    found: dict[str, Any] = {"orders": {}, "tests": {}}
    best = np.inf
    for order in range(1, 10):
        scores = []
        for scale in (0.9, 1.0, 1.1, 1.2):
            model = KneserNey(learn, V, order, scale)
            p = [model.probabilities(part[WARM - order + 1 :]) for part in held]
            scores.append([bits(np.log(part)) for part in p])
            if scores[-1][0] < best:
                best = scores[-1][0]
                found |= {"order": order, "scale": scale, "valid": best}
                found |= {"test": scores[-1][1]}
        found["orders"][order], found["tests"][order] = min(scores)
    return found


def witten_bell(V: int, ids: Ids) -> dict[str, Any]:
    """The exercise's own solution, with the best context by the validation text."""
    learn, valid, test = ids
    count = oracle.reference("12-language-models")["witten_bell"]
    scores = {
        k: bits(np.log(count(learn, valid[WARM - k :], k, V))) for k in (3, 4, 5, 6, 7)
    }
    k = min(scores, key=lambda k: scores[k])
    score = bits(np.log(count(learn, test[WARM - k :], k, V)))
    return {"k": k, "contexts": scores, "valid": scores[k], "test": score}


def network(V: int, ids: Ids, counted: Ids, updates: int, seed: int, tied: bool):
    """One training run, and what it is worth alone and beside the n-grams."""
    learn, *others = ids
    torch.manual_seed(seed)
    net = reader(V, SETTINGS["D"], SETTINGS["H"], tied, SETTINGS["dropout"])
    loss = stream_loss(net, learn, SETTINGS["T"], SETTINGS["B"])
    start = time.process_time()
    train(net, loss, updates, lr=SETTINGS["lr"])
    seconds = time.process_time() - start
    valid, test = (log_probs(net, text) for text in others)
    mixed = [bits(mixture(w, valid, counted[0])) for w in WEIGHTS]
    w = float(WEIGHTS[np.argmin(mixed)])
    return {
        "updates": updates, "seed": seed, "tied": tied,
        "cpu_seconds": round(seconds, 1),
        "weights": sum(p.numel() for p in net.parameters()),
        "valid": bits(valid), "test": bits(test),
        "share": w, "mixed": bits(mixture(w, test, counted[1])),
    }  # fmt: skip


def mixture(w: float, log_p: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return np.logaddexp(np.log(w) + log_p, np.log((1 - w) * counted))


def main() -> None:
    torch.set_num_threads(1)
    letters, ids = numbered(*in_blocks(without_repeats(reference_text())))
    V = len(letters)
    found = begun(V, ids)
    best = found["kneser_ney"]
    model = KneserNey(ids[0], V, best["order"], best["scale"])
    counted = [
        model.probabilities(part[WARM - best["order"] + 1 :]) for part in ids[1:]
    ]
    done = [(r["updates"], r["tied"], r["seed"]) for r in found["networks"]]
    for updates, tied, seeds in JOBS:
        for seed in range(seeds):
            if (updates, tied, seed) in done:
                continue
            row = network(V, ids, counted, updates, seed, tied)
            found["networks"].append(row)
            print(row, flush=True)
            WHERE.write_text(json.dumps(found, indent=1) + "\n")


def begun(V: int, ids: Ids) -> dict[str, Any]:
    """What an interrupted run with these settings has left, or the n-grams alone."""
    kept = json.loads(WHERE.read_text()) if WHERE.exists() else {}
    if kept.get("settings") == SETTINGS:
        return kept
    return {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, one thread, CPU time, no GPU",
        "python": platform.python_version(), "torch": torch.__version__,
        "characters": [len(text) for text in ids], "symbols": V - 1,
        "settings": SETTINGS, "kneser_ney": kneser_ney(V, ids),
        "witten_bell": witten_bell(V, ids), "networks": [],
    }  # fmt: skip


if __name__ == "__main__":
    main()
