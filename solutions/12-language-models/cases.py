"""What 12-language-models asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Language models"

# Functions of notebooks 01 to 04 that this one builds on: no points here, but judged,
# so that a fault in one of them is not charged to those that call it.
_EARLIER = {
    "01-sequences-and-state": ("embed_backward",),
    "02-recurrent-cell": ("rnn_step_forward", "rnn_forward", "cross_entropy"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
    "04-training": ("clip_global_norm", "adam_step"),
}
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
globals().update({name: exercise.draws[name] for exercise, name in _earlier})
_LOSS = tuple(name for exercise, name in _earlier if exercise.slug != "04-training")

_WEIGHTS = ("E", "W_xh", "W_hh", "b_h", "W_hd", "b_y")
_KNOBS = ("temperature", "top_k", "top_p")

TASKS = (
    *(replace(exercise.tasks[name], points={}) for exercise, name in _earlier),
    Task(
        "char_vocab",
        "Exercise 12.1",
        args=("text", "least"),
        returns=("letters",),
        points={"values": 2, "shapes": 1},
        probe="texts",
        read="chapter 12, Which symbols?",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "encode",
        "Exercise 12.2",
        args=("text", "letters"),
        returns=("ids",),
        points={"values": 2, "shapes": 1},
        read="chapter 12, Which symbols?",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "perplexity",
        "Exercise 12.3",
        args=("logits", "targets", "mask", "spelled"),
        returns=("perplexity", "bits"),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 12, Surprise, perplexity, bits",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "witten_bell",
        "Exercise 12.4",
        args=("learn", "held", "k", "V"),
        returns=("probs",),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 12, A serious rival",
        minutes=30,
        difficulty=3,
    ),
    Task(
        "next_probs",
        "Exercise 12.5",
        args=("logits", *_KNOBS),
        returns=("probs",),
        points={"values": 5, "shapes": 1, "purity": 1},
        read="chapter 12, Three knobs",
        minutes=25,
        difficulty=3,
    ),
    Task(
        "sample",
        "Exercise 12.6",
        args=("logits", *_KNOBS, "u"),
        returns=("ids",),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("next_probs",),
        read="chapter 12, Throwing dice",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "misfit",
        "Exercise 12.7",
        args=("counts", "probs"),
        returns=("chi2", "freedom", "impossible"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 12, Are these dice fair?",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "judge_samplers",
        "Exercise 12.8",
        args=(),
        returns=("verdicts",),
        points={"values": 3},
        quiz=True,
        read="chapter 12, Are these dice fair?",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "tied_lm_loss",
        "Exercise 12.9",
        args=("params", "ids", "h0"),
        returns=("loss", "grads", "h_T"),
        points={"values": 6, "shapes": 1, "purity": 1},
        keys={"grads": tuple(f"d{name}" for name in _WEIGHTS)},
        uses=_LOSS,
        read="chapter 12, One table for two jobs",
        minutes=30,
        difficulty=3,
    ),
    Task(
        "generate",
        "Exercise 12.10",
        args=("params", "prefix", *_KNOBS, "us"),
        returns=("ids",),
        points={"values": 4, "shapes": 1, "purity": 1},
        over_time=("ids",),
        uses=("sample", "next_probs", "rnn_step_forward"),
        read="chapter 12, Throwing dice",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "train_lm",
        "Exercise 12.11",
        args=("params", "windows", "epochs", "lr"),
        returns=("new_params", "losses"),
        points={"values": 6, "purity": 1},
        as_dict=True,
        keys={
            "params": _WEIGHTS,  # which come back under the same names
            "new_params": (
                "fresh_text_foretold",
                "weights_are_finite",
                "every_weight_trained",
                "loss_of_first_window_fell",
                "more_than_one_window_learned",
            ),
            "losses": (
                "one_loss_for_each_window",
                "as_many_passes_as_asked_for",
                "state_carried_to_the_next_window",
                "epochs_begin_with_a_state_of_zeros",
            ),
        },
        uses=("tied_lm_loss", *(name for _, name in _earlier)),
        measure="trained_lm",
        trains=True,
        read="chapter 12, A network reads the manual",
        minutes=30,
        difficulty=2,
    ),
)


def char_vocab(rng, N=120, least=3, words=False):
    """Symbols of very different frequency, some exactly at the bound."""
    symbols = [*"QAbza é\n7d"]
    rng.shuffle(symbols)
    counts = [least - 1, least, least, least + 1, 1, *rng.integers(1, 9, size=5)]
    text = [s for s, n in zip(symbols, counts, strict=True) for _ in range(n)]
    text = [text[i] for i in rng.permutation(len(text))]
    text = text[:N]
    if words:
        return {"text": [f"w{s}{s.lower()}" for s in text], "least": least}
    return {"text": "".join(text), "least": least}


def encode(rng, N=25, words=False):
    """In an order of their own, and a text with strangers among them."""
    known, strange = [*"QAbza é\nd"], [*"7BxÉ"]
    rng.shuffle(known)
    known = ["\N{CURRENCY SIGN}", *known]
    drawn = [known[1:][i] for i in rng.integers(len(known) - 1, size=N)]
    if N > 4:
        for i, s in zip(rng.permutation(N)[:4], strange, strict=True):
            drawn[i] = s
        drawn[-1], drawn[0] = "7", known[-1]
    if not words:
        return {"text": "".join(drawn), "letters": known}
    return {"text": [2 * s for s in drawn], "letters": [known[0]] + [
        2 * s for s in known[1:]
    ]}  # fmt: skip


def perplexity(rng, T=5, B=3, V=7, shift=0.0, masked=True):
    mask = rng.random(size=(T, B)) < (0.6 if masked else 2)
    mask[-1, 0] = True
    if masked and T > 1 and B > 1:
        mask[0] = [True] + [False] * (B - 1)  # an uneven share of every row
        mask[1] = True
    return {
        "logits": shift + 2 * rng.normal(size=(T, B, V)),
        "targets": rng.integers(V, size=(T, B)),
        "mask": mask,
        "spelled": rng.integers(1, 9, size=V),
    }


def witten_bell(rng, N=90, M=40, k=2, V=6):
    """A text that repeats itself, and held-out text with contexts of all kinds."""
    step = rng.permutation(V - 1) if V > 1 else np.zeros(1, dtype=int)
    text = [0]
    for _ in range(N + M - 1):
        follows = rng.random() < 0.7
        text.append(int(step[text[-1]] if follows else rng.integers(len(step))))
    learn, held = np.array(text[:N]), np.array(text[N:])
    if M > 20:  # the last symbol never occurs in learn
        held[rng.permutation(M)[:3]] = V - 1
    return {"learn": learn, "held": held, "k": k, "V": V}


def next_probs(rng, B=3, V=9, temperature=0.8, top_k=6, top_p=0.9, tied=False):
    logits = 2 * rng.normal(size=(B, V))
    if tied:  # few values, each taken several times; the largest twice, once late
        logits = rng.integers(-1, 2, size=(B, V)).astype(float)
        logits[:, [V // 2, V - 1]] = 2.0
    return {
        "logits": logits,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
    }


def sample(rng, B=60, V=9, temperature=0.8, top_k=6, top_p=0.9, end=None):
    """A few distributions, and `u` spread over them, or at one end."""
    given = next_probs(rng, 4, V, temperature, top_k, top_p)
    given["logits"] = np.tile(given["logits"], (B // 4 + 1, 1))[:B]
    u = rng.random(B)
    if end is not None:  # and the first and the last symbol are among those cut off
        given["logits"][:, [0, -1]] = -9.0
        u[:] = end
    return {**given, "u": u}


def misfit(rng, V=8, N=400, zeros=2, clean=False):
    probs = rng.dirichlet(np.full(V, 2.0))
    gone = rng.permutation(V)[:zeros]
    probs[gone] = 0
    probs /= probs.sum()
    counts = rng.multinomial(N, rng.dirichlet(np.full(V, 5.0)))
    if clean:
        counts[gone] = 0
    return {"counts": counts, "probs": probs}


def judge_samplers(rng):
    return {}


def _params(rng, V, D, H, loud=1.0):
    return {
        "E": rng.normal(size=(V, D)) * 0.6 * loud,
        "W_xh": rng.normal(size=(D, H)) * 0.7,
        "W_hh": rng.normal(size=(H, H)) * 0.6,
        "b_h": rng.normal(size=H) * 0.5,
        "W_hd": rng.normal(size=(H, D)) * 0.8 * loud,
        "b_y": rng.normal(size=V) * 0.5,
    }


def tied_lm_loss(rng, T=5, B=3, D=4, H=6, V=7):
    return {
        "params": _params(rng, V, D, H),
        "ids": rng.integers(V, size=(T + 1, B)),
        "h0": np.tanh(rng.normal(size=(B, H))),
    }


def generate(rng, P=5, N=30, D=4, H=6, V=8, temperature=0.9, top_k=7, top_p=0.97):
    us = rng.random(N)
    us[0] = 0.97  # an unlikely throw, nobody's favourite
    return {
        "params": _params(rng, V, D, H, 1.3),
        "prefix": rng.integers(V, size=P),
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "us": us,
    }


def _language(rng, words, letters, N):
    """A dozen words of 2 to 4 letters, thrown one after the other, 0 for the space.

    Returns the text (N,) and the words, one row each, filled up with zeros.
    """
    table, taken = np.zeros((words, 4), dtype=int), set()
    while len(taken) < words:
        word = tuple(rng.integers(1, letters + 1, size=2 + len(taken) % 3).tolist())
        if word not in taken:
            table[len(taken), : len(word)] = word
            taken.add(word)
    text = []
    while len(text) < N:
        row = table[rng.integers(words)]
        text += [*row[row > 0], 0]
    return np.array(text[:N]), table


def train_lm(rng, words=12, letters=8, n=60, T=12, B=16, D=8, H=32, epochs=4, lr=0.01):
    """`words` is what the language is made of, for those who measure."""
    rows, V = n * T + 1, letters + 1
    text, table = _language(rng, words, letters, rows * B)
    columns = text.reshape(B, rows).T
    windows = np.stack([columns[k : k + T + 1] for k in range(0, rows - T, T)])
    params = {
        "E": 0.3 * rng.normal(size=(V, D)),
        "W_xh": 0.5 * rng.normal(size=(D, H)),
        "W_hh": np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b_h": np.zeros(H),
        "W_hd": rng.normal(size=(H, D)) / np.sqrt(H),
        "b_y": np.zeros(V),
    }
    return {
        "params": params,
        "windows": windows,
        "epochs": epochs,
        "lr": lr,
        "words": table,
    }


CASES = {
    **{name: exercise.varies[name] for exercise, name in _earlier},
    "char_vocab": (
        Vary("values"),
        Vary("another bound", least=5),
        Vary("a list of words", words=True),
        Vary("every symbol", "shapes", least=1),
        Vary("one symbol in the text", "shapes", N=1, least=1),
        Vary("none is frequent enough", "shapes", N=3, least=9),
    ),
    "encode": (
        Vary("values"),
        Vary("a list of words", N=18, words=True),
        Vary("one symbol", "shapes", N=1),
        Vary("no stranger", "shapes", N=4),
    ),
    "perplexity": (
        Vary("values"),
        Vary("nothing masked", T=4, B=2, V=6, masked=False),
        Vary("large logits", shift=5000.0),
        *batch_and_sizes(T=1, B=1),
        Vary("V=1", "shapes", V=1),
    ),
    "witten_bell": (
        Vary("values"),
        Vary("three symbols of context", N=120, M=35, k=3, V=4),
        Vary("no context", "shapes", k=0),
        Vary("one symbol foretold", "shapes", M=3),
        Vary("V=1", "shapes", V=1),
        Vary("strided input", "shapes", layout="strided"),
    ),
    "next_probs": (
        Vary("values"),
        Vary("hot, and only top p cuts", B=2, V=8, temperature=1.7, top_k=8, top_p=0.6),
        Vary("only top k cuts", V=7, temperature=1.3, top_k=2, top_p=1.0),
        Vary("nothing is cut", B=2, V=7, temperature=0.5, top_k=7, top_p=1.0),
        Vary("equal logits", B=4, tied=True, top_k=4, top_p=0.8, temperature=1.5),
        Vary("temperature 0", B=2, tied=True, temperature=0, top_k=8, top_p=1.0),
        Vary("nearly temperature 0", B=2, temperature=1e-3),
        Vary("B=1", "shapes", B=1),
        Vary("V=1", "shapes", V=1),
        Vary("B=V=5", "shapes", B=5, V=5),
        Vary("top k beyond V", "shapes", V=4, top_k=50),
        Vary("a tiny nucleus", "shapes", top_p=1e-6),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "sample": (
        Vary("values"),
        Vary("another draw", B=40, V=12, temperature=1.6, top_k=12, top_p=0.95),
        Vary("u = 0", "shapes", B=6, end=0.0, top_k=5),
        Vary("u just below 1", "shapes", B=7, end=1 - 2.0**-53, top_k=5),
        Vary("B=1", "shapes", B=1),
        Vary("V=1", "shapes", B=3, V=1),
        Vary("B=V=5", "shapes", B=5, V=5),
        Vary("strided input", "shapes", layout="strided"),
    ),
    "misfit": (
        Vary("values"),
        Vary("nothing impossible", V=6, N=150, clean=True),
        Vary("no zeros", V=5, zeros=0),
        Vary("one symbol", "shapes", V=1, zeros=0),
        Vary("one possible symbol", "shapes", V=4, zeros=3),
        Vary("strided input", "shapes", layout="strided"),
    ),
    "judge_samplers": (Vary("values"),),
    "tied_lm_loss": (
        Vary("values"),
        Vary("another draw", T=3, B=4, D=5, H=3, V=6),
        *batch_and_sizes("V", T=1, B=1, D=1, H=1),
    ),
    "generate": (
        Vary("values"),
        Vary("another draw", P=3, N=40, D=5, H=4, V=9, top_k=9, top_p=1.0),
        Vary("a prefix of one", "shapes", P=1),
        Vary("one symbol to write", "shapes", N=1),
        Vary("temperature 0", "shapes", temperature=0),
        Vary("H=1", "shapes", H=1),
        Vary("D=1", "shapes", D=1),
        Vary("strided input", "shapes", layout="strided"),
    ),
    "train_lm": (
        Vary("values"),
        Vary("a rate of zero", n=6, T=5, B=3, lr=0.0, epochs=2),
    ),
}

_LOGITS, _THROWS = 24, 20_000


def data(rng, reference):
    """Throws of nine programs, three of each verdict, in no order."""
    shape = reference["next_probs"]
    logits = 1.5 * rng.normal(size=(1, _LOGITS))
    knobs = {"temperature": 0.8, "top_k": 18, "top_p": 0.97}
    true = shape(logits, **knobs)[0]

    def throw(p):
        return rng.multinomial(_THROWS, p)

    def sound(worst=3.0):
        while True:  # nobody has to decide a close call
            chi2, freedom, _ = reference["misfit"](counts := throw(true), true)
            if abs(chi2 - freedom) < worst * np.sqrt(2 * freedom):
                return counts

    support = true > 0
    wrong = tuple(
        np.where(support, p, 0) / p[support].sum()
        for p in (
            np.exp(logits[0]),  # no temperature
            np.exp(logits[0] / 0.7),  # another one
            0.85 * true + 0.15 / support.sum(),  # now and then any of those left
        )
    )
    impossible = (
        shape(logits, 0.8, 18, 1.0)[0],  # no nucleus
        shape(logits, 0.8, _LOGITS, 0.999)[0],  # no top k
        0.999 * true + 0.001 / _LOGITS,  # now and then any symbol
    )
    made = [sound() for _ in range(3)]
    made += [throw(p) for p in (*wrong, *impossible)]
    order = rng.permutation(len(made))
    return {"true_probs": true, "thrown": np.stack(made)[order]}
