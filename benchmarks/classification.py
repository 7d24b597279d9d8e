"""Who reads reviews, names and tags how well, over seeds; all on one thread.

    python -m benchmarks.classification [models cost pools unknown names labels tagging]

writes classification.json beside itself; with names of parts, the others are kept.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks import machine
from unrolled import people, reviews
from unrolled.readers import KINDS, Reader, Tagger
from unrolled.reviews import ASPECTS, TAGS, Review, draw, draw_complaints
from unrolled.training import padded, shuffled, train
from unrolled.words import UNKNOWN, Vocabulary

WHERE = Path(__file__).with_suffix(".json")
SEEDS, FEW, UPDATES, SIZE = 5, 3, 600, 64
COUNTS = {"training": 3000, "validation": 400, "test": 1000}
Batch = tuple[torch.Tensor, ...]
Texts = dict[str, tuple[torch.Tensor, ...]]


def texts(drawn: dict[str, list[Review]], vocabulary: Vocabulary, target) -> Texts:
    """ids, lengths and targets of each part; `target` makes one of a review."""
    found = {}
    for part, listed in drawn.items():
        ids, lengths = padded([vocabulary.ids(review.words) for review in listed])
        targets = np.array([target(review) for review in listed])
        found[part] = tuple(torch.tensor(a) for a in (ids, lengths, targets))
    return found


def drawn_reviews(seed: int) -> tuple[dict[str, list[Review]], Vocabulary]:
    """Training texts by the seed; validation and test are the same for all."""
    seeds = {"training": seed, "validation": 101, "test": 102}
    drawn = {p: draw(np.random.default_rng(seeds[p]), n, p) for p, n in COUNTS.items()}
    return drawn, Vocabulary(r.words for r in drawn["training"])


def batch(part: Batch, rows: np.ndarray) -> Batch:
    """Some texts, cut to the longest of them; targets of one a word are cut, too."""
    ids, lengths, targets = part
    T = int(lengths[rows].max())
    cut = targets[rows] if targets.shape[0] == len(lengths) else targets[:T, rows]
    return ids[:T, rows], lengths[rows], cut


def fit(
    net: torch.nn.Module,
    data: Texts,
    loss: Callable[[Batch], torch.Tensor],
    seed: int,
    updates: int = UPDATES,
    lr: float = 5e-3,
) -> None:
    """Train, and keep the weights of the best validation."""
    rows = shuffled(len(data["training"][1]), SIZE, np.random.default_rng(seed))
    batches = islice(rows, updates)
    train(
        net,
        lambda _: loss(batch(data["training"], next(batches))),
        updates,
        lr=lr,
        validate=lambda: loss(data["validation"]).item(),
        every=150,
    )


def verdict_loss(net: Reader) -> Callable[[Batch], torch.Tensor]:
    def loss(part: Batch) -> torch.Tensor:
        ids, lengths, good = part
        logits = net(ids, lengths)[:, 0]
        return F.binary_cross_entropy_with_logits(logits, good.float())

    return loss


@torch.no_grad()
def right(net: Reader, part: Batch) -> np.ndarray:
    ids, lengths, good = part
    return ((net(ids, lengths)[:, 0] > 0) == (good > 0)).numpy()


def by_kind(right: np.ndarray, listed: Sequence[Review]) -> dict[str, float]:
    kinds = np.array([review.kind for review in listed])
    found = {kind: float(right[kinds == kind].mean()) for kind in reviews.KINDS}
    return {"all": float(right.mean()), **found}


def weights(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def pairs_of_words(listed: Sequence[Review]) -> list[Review]:
    """Every review as its pairs of neighbouring words, for a bag of those."""
    joined = []
    for r in listed:
        words = tuple(" ".join(p) for p in zip(r.words, r.words[1:], strict=False))
        joined.append(Review(r.words + words, r.good, r.kind, r.tags))
    return joined


def models() -> dict[str, Any]:
    """One data set, one embedding: every kind of reader, and a bag of pairs."""
    found: dict[str, Any] = {}
    for kind in (*KINDS, "bag of pairs"):
        rows = found[kind] = {"accuracy": [], "weights": 0}
        for seed in range(SEEDS):
            drawn, vocabulary = drawn_reviews(seed)
            if kind == "bag of pairs":
                drawn = {p: pairs_of_words(listed) for p, listed in drawn.items()}
                vocabulary = Vocabulary(r.words for r in drawn["training"])
            data = texts(drawn, vocabulary, lambda r: r.good)
            torch.manual_seed(seed)
            net = Reader(kind if kind in KINDS else "bag", len(vocabulary), 1)
            fit(net, data, verdict_loss(net), seed)
            rows["weights"] = weights(net)
            rows["accuracy"].append(by_kind(right(net, data["test"]), drawn["test"]))
            print(kind, rows["accuracy"][-1], flush=True)
    return found


def cost() -> dict[str, list[float]]:
    """Milliseconds of the processor for one update, over seven stretches of 15."""
    found: dict[str, list[float]] = {}
    drawn, words = drawn_reviews(0)
    pairs = {p: pairs_of_words(listed) for p, listed in drawn.items()}
    of_pairs = Vocabulary(r.words for r in pairs["training"])
    for kind in (*KINDS, "bag of pairs"):
        both = kind == "bag of pairs"
        vocabulary = of_pairs if both else words
        data = texts(pairs if both else drawn, vocabulary, lambda r: r.good)
        net = Reader("bag" if both else kind, len(vocabulary), 1)
        loss, batches = verdict_loss(net), []
        rows = shuffled(len(data["training"][1]), SIZE, np.random.default_rng(0))
        for _ in range(8):  # the first is for warming up
            batches = [batch(data["training"], next(rows)) for _ in range(15)]
            start = time.process_time()
            train(net, lambda n, b=batches, loss=loss: loss(b[n]), len(batches))
            found.setdefault(kind, []).append(1000 * (time.process_time() - start) / 15)
        found[kind] = found[kind][1:]
        print(kind, np.round(found[kind], 1), flush=True)
    return found


def pools() -> dict[str, Any]:
    """What a vanilla RNN's states are pooled by; "last row" reads the padding."""
    found: dict[str, Any] = {}
    for pool in ("last row", "last", "mean", "top"):  # both: see models
        found[pool] = []
        for seed in range(FEW):
            drawn, vocabulary = drawn_reviews(seed)
            data = texts(drawn, vocabulary, lambda r: r.good)
            torch.manual_seed(seed)
            net = Reader("vanilla", len(vocabulary), 1, pool=pool)
            fit(net, data, verdict_loss(net), seed)
            found[pool].append(float(right(net, data["test"]).mean()))
            print(pool, found[pool], flush=True)
    return found


def strange(part: Batch, share: float, rng: np.random.Generator, nouns: set) -> Batch:
    """Each of the words `nouns` replaced by the unknown one, with a probability."""
    ids, lengths, good = part
    hit = torch.tensor(rng.random(tuple(ids.shape)) < share)
    noun = torch.isin(ids, torch.tensor(sorted(nouns)))
    return torch.where(hit & noun, UNKNOWN, ids), lengths, good


def unknown() -> dict[str, Any]:
    """Every noun of the test is one that nobody has seen."""
    listed = [noun for names in ASPECTS.values() for noun in names]
    found: dict[str, Any] = {"never trained": [], "one word in twenty": []}
    for seed in range(FEW):
        drawn, vocabulary = drawn_reviews(seed)
        data = texts(drawn, vocabulary, lambda r: r.good)
        nouns = {int(n) for n in vocabulary.ids(listed)} - {UNKNOWN}
        every = set(range(2, len(vocabulary)))
        test = strange(data["test"], 1.0, np.random.default_rng(0), nouns)
        for name, share in (("never trained", 0.0), ("one word in twenty", 0.05)):
            torch.manual_seed(seed)
            net, rng = Reader("GRU", len(vocabulary), 1), np.random.default_rng(seed)
            plain = verdict_loss(net)

            def loss(part, net=net, rng=rng, share=share, every=every, plain=plain):
                return plain(strange(part, share, rng, every) if net.training else part)

            fit(net, data, loss, seed)
            both = [right(net, part).mean() for part in (data["test"], test)]
            found[name].append([float(x) for x in both])
            print(name, found[name][-1], flush=True)
    return found


def named(part: str) -> tuple[list[list[str]], np.ndarray]:
    names, languages = people.people(part)
    return [["<", *name, ">"] for name in names], languages


def script(name: Sequence[str]) -> str:
    """A character's script, by its place in Unicode."""
    return f"{ord(name[1].lower()) // 256}"


def counted(parts, n: int) -> np.ndarray:
    """Where naive Bayes on runs of up to n characters, smoothed by 0.1, is right."""
    (names, places), (tests, truth) = parts["training"], parts["test"]

    def runs(name):
        return ["".join(name[k : k + m]) for m in range(1, n + 1)
                for k in range(len(name) - m + 1)]  # fmt: skip

    place = {run: k for k, run in enumerate({r for name in names for r in runs(name)})}
    count = np.full((len(people.LOCALES), len(place)), 0.1)
    for name, language in zip(names, places, strict=True):
        np.add.at(count[language], [place[r] for r in runs(name)], 1)
    log_p = np.log(count / count.sum(axis=1, keepdims=True))
    prior = np.log(np.bincount(places))
    said = [
        (prior + log_p[:, [place[r] for r in runs(name) if r in place]].sum(1)).argmax()
        for name in tests
    ]
    return np.array(said) == truth


def by_script(parts) -> float:
    """The accuracy of who knows the script only."""
    (names, places), (tests, truth) = parts["training"], parts["test"]
    seen: dict[str, list[int]] = {}
    for name, language in zip(names, places, strict=True):
        seen.setdefault(script(name), []).append(language)
    best = {s: np.bincount(languages).argmax() for s, languages in seen.items()}
    return float(np.mean([best.get(script(n), -1) for n in tests] == truth))


def names() -> dict[str, Any]:
    """Whose family name is it, by its characters."""
    parts = {part: named(part) for part in reviews.PARTS}
    vocabulary = Vocabulary(parts["training"][0], least=2)
    data = {}
    for part, (listed, places) in parts.items():
        ids, lengths = padded([vocabulary.ids(name) for name in listed])
        data[part] = tuple(torch.tensor(a) for a in (ids, lengths, places))
    languages = list(people.LOCALES)
    other = [languages.index(n) for n in people.OTHER_SCRIPTS + people.CYRILLIC]
    latin = ~np.isin(parts["test"][1], other)
    found: dict[str, Any] = {
        "languages": languages,
        "sizes": {p: len(listed) for p, (listed, _) in parts.items()},
        "characters": len(vocabulary),
        "latin": float(latin.mean()),
        "script only": by_script(parts),
        "counts": {},
        "confusions": np.zeros((len(languages), len(languages)), dtype=int).tolist(),
        "runs": {},
    }
    for n in (1, 2, 3):
        hit = counted(parts, n)
        found["counts"][n] = {"all": hit.mean(), "latin": hit[latin].mean()}
    for kind in ("bag", "vanilla", "LSTM", "GRU"):
        rows = found["runs"][kind] = []
        for seed in range(FEW):
            torch.manual_seed(seed)
            net = Reader(kind, len(vocabulary), len(languages), H=64)

            def loss(part, net=net):
                return F.cross_entropy(net(*part[:2]), part[2])

            fit(net, data, loss, seed, updates=600)
            with torch.no_grad():
                said = net(*data["test"][:2]).argmax(dim=1).numpy()
            hit = said == parts["test"][1]
            rows.append([float(hit.mean()), float(hit[latin].mean())])
            if kind == "GRU":
                confused = np.array(found["confusions"])
                np.add.at(confused, (parts["test"][1], said), 1)
                found["confusions"] = confused.tolist()
            print(kind, rows[-1], flush=True)
    return found


SETS = torch.tensor(np.indices((2,) * 4).reshape(4, -1).T)  # all 16 sets of labels


def set_log_p(net: Reader, part: Batch, W: torch.Tensor) -> torch.Tensor:
    """The log-probability of each of the 16 sets, (B, 16).

    With 10 outputs, the six above the diagonal of W are those of the text itself.
    """
    out = net(*part[:2])
    if out.shape[1] == 10:
        W = torch.zeros(len(out), 4, 4)
        W[:, *torch.triu_indices(4, 4, 1)] = out[:, 4:]
    sets = SETS.float()
    z = out[:, None, :4] + sets @ W.triu(1)
    return (F.logsigmoid(z) * sets + F.logsigmoid(-z) * (1 - sets)).sum(dim=2)


def place_of(labels: torch.Tensor) -> torch.Tensor:
    """Which of SETS each row is, (B,)."""
    return labels @ torch.tensor([8, 4, 2, 1])


def f1(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    return 2 * (said & true).sum(0) / np.maximum(said.sum(0) + true.sum(0), 1)


def labels() -> dict[str, Any]:
    """Complaints: four labels that a sentence with "either" makes depend."""
    found: dict[str, Any] = {"independent": [], "one W": [], "W of the text": []}
    seeds = {"training": 0, "validation": 101, "test": 102}
    drawn = {
        p: draw_complaints(np.random.default_rng(seeds[p]), n, p)
        for p, n in COUNTS.items()
    }
    vocabulary = Vocabulary(r.words for r in drawn["training"])
    data = texts(drawn, vocabulary, lambda r: r.complaints)
    truth = data["test"][2]
    either = np.array([r.kind == "either" for r in drawn["test"]])
    for name, rows in found.items():
        for seed in range(FEW):
            torch.manual_seed(seed)
            net = Reader("GRU", len(vocabulary), 10 if "text" in name else 4)
            net.W = torch.nn.Parameter(torch.zeros(4, 4), name == "one W")

            def loss(part, net=net):
                log_p = set_log_p(net, part, net.W)
                return F.nll_loss(log_p, place_of(part[2]))

            fit(net, data, loss, seed)
            with torch.no_grad():
                log_p = set_log_p(net, data["test"], net.W)
            nll = -log_p.gather(1, place_of(truth)[:, None])[:, 0].numpy()
            exact = (log_p.argmax(dim=1) == place_of(truth)).numpy()
            marginal = (log_p.exp() @ SETS.float()).numpy()
            row = {
                "either": float(nll[either].mean()),
                "sure": float(nll[~either].mean()),
                "sets": float(exact[either].mean()),
                "sets, sure": float(exact[~either].mean()),
                "F1": float(f1(marginal > 0.5, truth.numpy() > 0).mean()),
            }
            rows.append(row)
            print(name, row, flush=True)
    return found


def spans(tags: Sequence[int]) -> set[tuple[int, int, str]]:
    """(first word, word after the last, name) of what is underlined."""
    found, begin = set(), -1
    for n, tag in enumerate([*(TAGS[k] for k in tags), "O"]):
        if begin >= 0 and not (tag[0] == "I" and tag[2:] == TAGS[tags[begin]][2:]):
            found.add((begin, n, TAGS[tags[begin]][2:]))
            begin = -1
        if tag[0] == "B":
            begin = n
    return found


def forbidden() -> torch.Tensor:
    """(K, K): true where an inside does not follow its own begin or inside."""
    return torch.tensor([[b[0] == "I" and a[2:] != b[2:] for b in TAGS] for a in TAGS])


def tag_scores(said: np.ndarray, listed: Sequence[Review]) -> dict[str, float]:
    never = forbidden().numpy()
    hits = total = wrong = illegal = words = 0
    for b, review in enumerate(listed):
        n = len(review.words)
        mine, truth = said[:n, b], [TAGS.index(tag) for tag in review.tags]
        a, y = spans(mine), spans(truth)
        hits, total = hits + len(a & y), total + len(a) + len(y)
        wrong, words = wrong + int((mine != truth).sum()), words + n
        illegal += bool(never[mine[:-1], mine[1:]].any() or TAGS[mine[0]][0] == "I")
    return {
        "words": 1 - wrong / words,
        "F1": 2 * hits / total,
        "illegal": illegal / len(listed),
    }


def tagging() -> dict[str, Any]:
    """Things, praise and blame: from the left or from both ends, alone or as a path."""
    found: dict[str, Any] = {"training": 300, "runs": {}}
    for both, chain in ((False, False), (True, False), (False, True), (True, True)):
        for seed in range(FEW):
            drawn, vocabulary = drawn_reviews(seed)
            drawn["training"] = drawn["training"][: found["training"]]
            data = tag_texts(drawn, vocabulary)
            torch.manual_seed(seed)
            net = Tagger("GRU", len(vocabulary), len(TAGS), chain, both_ends=both)
            fit(net, data, lambda part, net=net: net.loss(*part), seed, updates=300)
            name = (
                "both ends" if both else "from the left",
                "CRF" if chain else "alone",
            )
            ways = [(", ".join(name), net.tags(*data["test"][:2]))]
            if not chain:
                net.moves.data[forbidden()] = -1e4
                net.first.data[[t[0] == "I" for t in TAGS]] = -1e4
                ways.append((f"{name[0]}, legal moves", net.tags(*data["test"][:2])))
            for way, said in ways:
                row = tag_scores(said.numpy(), drawn["test"])
                found["runs"].setdefault(way, []).append(row)
                print(way, row, flush=True)
    return found


def tag_texts(drawn: dict[str, list[Review]], vocabulary: Vocabulary) -> Texts:
    found = {}
    for part, listed in drawn.items():
        ids, lengths = padded([vocabulary.ids(r.words) for r in listed])
        tags, _ = padded([np.array([TAGS.index(t) for t in r.tags]) for r in listed])
        found[part] = tuple(torch.tensor(a) for a in (ids, lengths, tags))
    return found


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "models": models,
    "cost": cost,
    "pools": pools,
    "unknown": unknown,
    "names": names,
    "labels": labels,
    "tagging": tagging,
}


def main(only: Sequence[str]) -> None:
    torch.set_num_threads(1)
    found: dict[str, Any] = json.loads(WHERE.read_text()) if only else {}
    found |= {
        **machine.head(),
        "settings": {"updates": UPDATES, "batch": SIZE, **COUNTS},
    }
    for name, part in PARTS.items():
        if not only or name in only:
            found[name] = part()
            short = json.loads(
                json.dumps(found), parse_float=lambda x: round(float(x), 4)
            )
            WHERE.write_text(json.dumps(short, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
