"""What 13-classification asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled import origins, sentiment
from unrolled.task import Task

TITLE = "Classification"

# Functions of earlier notebooks that the reader is built of: no points here, but
# judged, so that a fault in one of them is not charged to it.
_EARLIER = {
    "02-recurrent-cell": ("rnn_step_forward", "rnn_forward", "stable_sigmoid"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
    "04-training": ("adam_step",),
}
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
globals().update({name: exercise.draws[name] for exercise, name in _earlier})

_READER = ("E", "W_xh", "W_hh", "b_h", "W_hy", "b_y")
_BACK = ("rnn_step_forward", "rnn_forward", "rnn_step_backward", "rnn_backward")
_POOL = ("masked_pool", "masked_pool_backward")

TASKS = (
    *(replace(exercise.tasks[name], points={}) for exercise, name in _earlier),
    Task(
        "word_ids",
        "Exercise 13.1",
        args=("texts", "train", "least"),
        returns=("ids", "lengths"),
        points={"values": 4, "shapes": 1},
        over_time=("ids",),
        read="chapter 13, Words that nobody has seen",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "masked_pool",
        "Exercise 13.2",
        args=("hs", "mask"),
        returns=("mean", "top", "cache"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 13, One row for a whole text",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "masked_pool_backward",
        "Exercise 13.3",
        args=("dmean", "dtop", "cache"),
        returns=("dhs",),
        points={"values": 3, "shapes": 1, "purity": 2},
        as_dict=True,
        before="masked_pool",
        over_time=("dhs",),
        read="chapter 13, One row for a whole text",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "review_loss",
        "Exercise 13.4",
        args=("params", "ids", "lengths", "good"),
        returns=("loss", "grads"),
        points={"values": 6, "shapes": 1, "purity": 1},
        keys={"grads": tuple(f"d{name}" for name in _READER)},
        uses=(*_POOL, *_BACK, "stable_sigmoid"),
        read="chapter 13, One row for a whole text",
        minutes=30,
        difficulty=3,
    ),
    Task(
        "train_reviews",
        "Exercise 13.5",
        args=("params", "ids", "lengths", "good", "order", "lr"),
        returns=("new_params",),
        points={"values": 6, "purity": 1},
        keys={
            "new_params": (
                "fresh_reviews_judged",
                "weights_are_finite",
                "every_weight_trained",
                "loss_of_first_batch_fell",
                "more_than_one_batch_learned",
                "verdicts_the_right_way_round",
            )
        },
        uses=("review_loss", *_POOL, *_BACK, "stable_sigmoid", "adam_step"),
        measure="trained_reviews",
        trains=True,
        read="chapter 13, Four readers on one table",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "train_names",
        "Exercise 13.6",
        args=("params", "ids", "lengths", "language", "size", "epochs", "lr", "seed"),
        returns=("new_params",),
        points={"values": 6, "purity": 1},
        keys={
            "new_params": (
                "fresh_names_told",
                "weights_are_finite",
                "every_weight_trained",
                "loss_did_not_rise",
                "more_than_one_update",
                "names_of_the_training_told",
                "more_than_guessed",
                "letters_told_apart",
                "languages_by_their_numbers",
                "said_at_the_last_letter",
            )
        },
        uses=(*_BACK, "adam_step"),
        measure="trained_names",
        trains=True,
        read="chapter 13, Whose name is it?",
        minutes=35,
        difficulty=3,
    ),
    Task(
        "multilabel_loss",
        "Exercise 13.7",
        args=("logits", "labels", "weight"),
        returns=("loss", "dlogits"),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("stable_sigmoid",),
        read="chapter 13, Several labels",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "chain_loss",
        "Exercise 13.8",
        args=("a", "W", "labels"),
        returns=("loss", "grads"),
        points={"values": 4, "shapes": 1, "purity": 1},
        keys={"grads": ("da", "dW")},
        uses=("stable_sigmoid",),
        read="chapter 13, Labels that depend on each other",
        minutes=20,
        difficulty=3,
    ),
    Task(
        "best_set",
        "Exercise 13.9",
        args=("a", "W"),
        returns=("labels", "log_p"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 13, Labels that depend on each other",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "f1_scores",
        "Exercise 13.10",
        args=("scores", "labels", "thresholds"),
        returns=("f1", "micro", "macro"),
        points={"values": 3, "shapes": 1},
        read="chapter 13, What is counted",
        minutes=15,
        difficulty=1,
    ),
    Task(
        "average_precision",
        "Exercise 13.11",
        args=("scores", "labels"),
        returns=("ap",),
        points={"values": 3, "shapes": 1},
        read="chapter 13, What is counted",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "best_thresholds",
        "Exercise 13.12",
        args=("scores", "labels"),
        returns=("thresholds",),
        points={"values": 3, "shapes": 1},
        uses=("f1_scores",),
        read="chapter 13, What is counted",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "viterbi",
        "Exercise 13.13",
        args=("scores", "moves", "first", "lengths"),
        returns=("tags", "best"),
        points={"values": 6, "shapes": 1, "purity": 1},
        over_time=("tags",),
        read="chapter 13, A tag for every word",
        minutes=35,
        difficulty=3,
    ),
)


def word_ids(rng, B=5, M=7, least=2, longest=6):
    """Texts of many lengths, with capitals, unknown words and equal frequencies."""
    words = "soup the was not lovely dull Waiter bill and so so-so never table"
    words = words.split()
    weights = 1 / np.arange(1, len(words) + 1)

    def text(length):
        return " ".join(rng.choice(words, size=length, p=weights / weights.sum()))

    train = [text(int(rng.integers(2, 9))) for _ in range(M)]
    train.append("Soup the SOUP  the quail quail and never so")
    lengths = [*(1 + rng.permutation(longest)[: B - 1]), longest]
    texts = [text(int(n)) for n in rng.permutation(lengths)]
    texts[0] = "the  Moussaka " + texts[0]
    texts[-1] = texts[-1].upper()
    return {"texts": texts, "train": train, "least": least}


def _mask(rng, T, B):
    """Lengths from 1 to T, the longest somewhere."""
    lengths = rng.integers(1, T + 1, size=B)
    lengths[rng.integers(B)] = T
    return lengths, np.arange(T)[:, None] < lengths


def masked_pool(rng, T=6, B=4, H=5, padding=None):
    """All values are negative in a few units, and the padding is large."""
    hs, (_, mask) = rng.normal(size=(T, B, H)), _mask(rng, T, B)
    hs[:, :, 0] = -np.abs(hs[:, :, 0])
    hs[~mask] = 5 + rng.random(hs[~mask].shape) if padding is None else padding
    return {"hs": hs, "mask": mask}


def masked_pool_backward(rng, T=6, B=4, H=5, padding=None):
    dmean, dtop = rng.normal(size=(2, B, H))
    return {**masked_pool(rng, T, B, H, padding), "dmean": dmean, "dtop": dtop}


def _reader(rng, V, D, H):
    return {
        "E": rng.normal(size=(V, D)),
        "W_xh": rng.normal(size=(D, H)) * 0.7,
        "W_hh": rng.normal(size=(H, H)) * 0.7 / H**0.5,
        "b_h": rng.normal(size=H) * 0.4,
        "W_hy": rng.normal(size=(2 * H, 1)),
        "b_y": rng.normal(size=1),
    }


def review_loss(rng, T=6, B=4, D=3, H=5, V=7, gain=1.0):
    """Words come several times, and what stands in the padding is a word, too."""
    lengths, _ = _mask(rng, T, B)
    params = _reader(rng, V, D, H)
    params["W_hy"] *= gain
    params["b_y"] += 4 * (gain - 1)
    good = rng.permutation(np.arange(B) % 2)
    ids = rng.integers(V, size=(T, B))
    return {"params": params, "ids": ids, "lengths": lengths, "good": good}


def train_reviews(rng, M=400, N=120, B=20):
    """A start as PyTorch would not make it: the recurrence is orthogonal."""
    ids, lengths, good = sentiment.reviews(rng, M)
    D, H = 16, 16
    params = {
        "E": 0.5 * rng.normal(size=(sentiment.words(), D)),
        "W_xh": rng.normal(size=(D, H)) / D**0.5,
        "W_hh": 0.9 * np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b_h": np.zeros(H),
        "W_hy": 0.1 * rng.normal(size=(2 * H, 1)),
        "b_y": np.zeros(1),
    }
    order = np.stack([rng.permutation(M)[:B] for _ in range(N)]).astype(np.int16)
    texts = {"ids": ids, "lengths": lengths, "good": good}
    return {"params": params, **texts, "order": order, "lr": 0.02}


def train_names(rng, each=224, size=32, D=16, H=32):
    """Names in the order of a file, one language after the other: who does not mix
    them learns the last one last."""
    K = len(origins.LANGUAGES)
    params = {
        "E": 0.5 * rng.normal(size=(origins.LETTERS, D)),
        "W_xh": rng.normal(size=(D, H)) / D**0.5,
        "W_hh": 0.9 * np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b_h": np.zeros(H),
        "W_hy": 0.1 * rng.normal(size=(H, K)),
        "b_y": np.zeros(K),
    }
    given = {"size": size, "epochs": 8, "lr": 0.01, "seed": int(rng.integers(1000))}
    return {"params": params, **given, **origins.names(rng, each)}


def multilabel_loss(rng, B=5, L=4, shift=0.0):
    labels = (rng.random(size=(B, L)) < 0.5).astype(int)
    labels[0] = 1 - labels[-1]
    weight, logits = rng.uniform(0.5, 4, size=L), 1.5 * rng.normal(size=(B, L)) + shift
    return {"logits": logits, "labels": labels, "weight": weight}


def chain_loss(rng, B=5, L=4):
    labels = rng.integers(2, size=(B, L))
    labels[0, : L - 1] = 1
    return {
        "a": rng.normal(size=(B, L)),
        "W": rng.normal(size=(L, L)) * 1.5,
        "labels": labels,
    }


def best_set(rng, B=5, L=4):
    """In the first row, the first label is a little more likely than not, and then
    nothing is likely any more: who is greedy takes it."""
    a, W = rng.normal(size=(B, L)), rng.normal(size=(L, L)) * 1.5
    if L > 2:
        a[0] = [0.2, 3.0, *np.full(L - 2, 2.5)]
        W[0] = [9.0, -3.0, *np.full(L - 2, -2.6)]
    return {"a": a, "W": W}


def average_precision(rng, B=12, L=4, ties=True):
    """Scores that know something; some are equal; a label that is never true."""
    labels = (rng.random(size=(B, L)) < 0.4).astype(int)
    labels[0] = 1
    if L > 2:
        labels[:, 1] = 0
    scores = labels + 0.8 * rng.normal(size=(B, L))
    scores = np.round(scores, 1) if ties else scores
    if ties and B > 4:
        scores[2:5, 0], labels[2:5, 0] = scores[2, 0], [1, 0, 1]
    return {"scores": scores, "labels": labels}


def f1_scores(rng, B=12, L=4):
    """One threshold is a score that occurs."""
    given = average_precision(rng, B, L)
    thresholds = rng.uniform(0.2, 0.8, size=L)
    thresholds[0] = given["scores"][given["labels"][:, 0] == 1, 0].min()
    return {**given, "thresholds": thresholds}


def best_thresholds(rng, B=12, L=4):
    return average_precision(rng, B, L)


def viterbi(rng, T=6, B=4, K=3, never=True):
    """The moves matter more than the words, and some are forbidden."""
    moves = 1.5 * rng.normal(size=(K, K))
    if never and K > 1:
        moves[rng.permutation(K)[:2], rng.permutation(K)[:2]] = -np.inf
    return {
        "scores": rng.normal(size=(T, B, K)),
        "moves": moves,
        "first": rng.normal(size=K),
        "lengths": _mask(rng, T, B)[0],
    }


_LABELS = (
    Vary("values"),
    Vary("another draw", B=7, L=3),
    Vary("B=1", "shapes", B=1),
    Vary("L=1", "shapes", L=1),
    Vary("B=L=4", "shapes", B=4, L=4),
    Vary("strided input", "shapes", layout="strided"),
)
_FLOAT32 = Vary("float32", "purity", dtype=np.float32)
_SCORES = (
    Vary("values"),
    Vary("another draw", B=15, L=3),
    Vary("L=1", "shapes", L=1),
    Vary("strided input", "shapes", layout="strided"),
)

CASES = {
    **{name: exercise.varies[name] for exercise, name in _earlier},
    "word_ids": (
        Vary("values"),
        Vary("another draw", B=4, M=5, least=3),
        Vary("all words of the training", B=3, M=6, least=1),
        Vary("B=1", "shapes", B=1),
        Vary("B=T=4", "shapes", B=4, longest=4),
    ),
    "masked_pool": (
        Vary("values"),
        Vary("another draw", T=5, B=3, H=4),
        Vary("NaN in the padding", "shapes", padding=np.nan),
        *batch_and_sizes(T=1, B=1, H=1),
    ),
    "masked_pool_backward": (
        Vary("values"),
        Vary("another draw", T=5, B=3, H=4),
        Vary("NaN in the padding", "shapes", padding=np.nan),
        *batch_and_sizes(T=1, B=1, H=1),
        Vary("what reaches the mean", "isolate", zero=("dtop",)),
        Vary("what reaches the top", "isolate", zero=("dmean",)),
    ),
    "review_loss": (
        Vary("values"),
        Vary("another draw", T=5, B=3, D=4, H=2, V=6),
        Vary("logits in the thousands", "shapes", gain=3000.0),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "train_reviews": (Vary("values"),),
    "train_names": (Vary("values"),),
    "multilabel_loss": (
        *_LABELS,
        Vary("a sure yes", "shapes", shift=2000.0),
        Vary("a sure no", "shapes", shift=-2000.0),
        _FLOAT32,
    ),
    "chain_loss": (*_LABELS, _FLOAT32),
    "best_set": (*_LABELS, _FLOAT32),
    "f1_scores": _SCORES,
    "average_precision": (*_SCORES, Vary("no two equal", ties=False)),
    "best_thresholds": (
        *_SCORES,  # two labels may share their best threshold: more of them, then
        *(Vary(f"{L} labels", B=14, L=L) for L in (5, 6, 7)),
    ),
    "viterbi": (
        Vary("values"),
        Vary("another draw", T=5, B=3, K=4),
        Vary("T=1", "shapes", T=1),
        Vary("B=1", "shapes", B=1),
        Vary("one tag", "shapes", K=1),
        Vary("all sizes 3", "shapes", T=3, B=3, K=3, never=False),
        Vary("strided input", "shapes", layout="strided"),
        _FLOAT32,
    ),
}
