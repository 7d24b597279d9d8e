"""What 14-time-series asks for, and the inputs that it is tried on."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled import alarm, series
from unrolled.task import Task

TITLE = "Time series"

# Functions of earlier notebooks: no points here, but judged, so that a fault in one of
# them is not charged to what builds on it.
_EARLIER = {
    "02-recurrent-cell": ("stable_sigmoid", "rnn_step_forward", "rnn_forward"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
    "07-gru": (
        "gru_step_forward", "gru_gate_gradients", "gru_paths", "gru_step_backward",
    ),
}  # fmt: skip
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
globals().update({name: exercise.draws[name] for exercise, name in _earlier})

FORECASTER = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")
GRU = ("W_x", "W_h", "b_x", "b_h")
DECAYS = ("w_gx", "b_gx", "W_gh", "b_gh")
_STEP = ("x_t", "m_t", "x_last", "gap_t", "mean", "h_prev", "params")
_RNN = _EARLIER["02-recurrent-cell"][1:] + _EARLIER["03-bptt"]


def _task(number, name, args, returns, **kwargs):
    points = kwargs.pop("points", {"values": 3, "shapes": 1, "purity": 1})
    label = f"Exercise 14.{number}"
    return Task(name, label, args=args, returns=returns, points=points, **kwargs)


TASKS = (
    *(replace(exercise.tasks[name], points={}) for exercise, name in _earlier),
    _task(
        1, "split_and_scale", ("values", "n_train", "n_val"),
        ("train", "val", "test", "mean", "std"),
        read="chapter 14, A wall in time", minutes=15, difficulty=1,
    ),
    _task(
        2, "windows", ("values", "L", "K"), ("xs", "ys"), over_time=("xs", "ys"),
        read="chapter 14, A wall in time", minutes=10, difficulty=1,
    ),
    _task(
        3, "persistence", ("xs", "K"), ("ys",), over_time=("ys",),
        points={"values": 1, "shapes": 1, "purity": 1},
        read="chapter 14, Forecasts that cost nothing", minutes=5, difficulty=1,
    ),
    _task(
        4, "seasonal_naive", ("xs", "K", "season"), ("ys",), over_time=("ys",),
        points={"values": 2, "shapes": 1, "purity": 1},
        read="chapter 14, Forecasts that cost nothing", minutes=10, difficulty=2,
    ),
    _task(
        5, "fit_linear", ("xs", "ys"), ("W", "b"),
        read="chapter 14, Forecasts that cost nothing", minutes=15, difficulty=2,
    ),
    _task(
        6, "recursive_forecast", ("xs", "K", "params"), ("ys",), over_time=("ys",),
        uses=("rnn_step_forward",),
        read="chapter 14, One step many times, or all at once", minutes=20,
        difficulty=2,
    ),
    _task(
        7, "quantile_loss", ("pred", "target", "levels", "mask"), ("loss", "dpred"),
        points={"values": 4, "shapes": 1, "purity": 1}, over_time=("dpred",),
        read="chapter 14, How sure are you?", minutes=20, difficulty=2,
    ),
    _task(
        8, "coverage", ("pred", "target", "mask"), ("share",),
        points={"values": 2, "shapes": 1, "purity": 1},
        read="chapter 14, Calibration", minutes=10, difficulty=1,
    ),
    _task(
        9, "last_seen", ("xs", "mask", "times", "mean"), ("x_last", "gap"),
        points={"values": 4, "shapes": 1, "purity": 1}, over_time=("x_last", "gap"),
        read="chapter 14, What was seen last, and when", minutes=20, difficulty=2,
    ),
    _task(
        10, "gru_d_step", _STEP, ("h_t", "cache"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("gru_step_forward", "stable_sigmoid"),
        read="chapter 14, A cell that knows how long", minutes=25, difficulty=2,
    ),
    _task(
        11, "gru_d_step_backward", ("dh_t", "cache"),
        (
            "dx_t", "dx_last", "dh_prev", *(f"d{n}" for n in DECAYS),
            *(f"d{n}" for n in GRU),
        ),
        points={"values": 6, "shapes": 1, "purity": 2}, as_dict=True,
        before="gru_d_step",
        uses=("gru_step_backward", "gru_paths", "gru_gate_gradients"),
        read="chapter 14, The way back through a decay", minutes=35, difficulty=3,
    ),
    _task(
        12, "anomaly_scores", ("errors", "calm"), ("scores",),
        read="chapter 14, How strange is this?", minutes=15, difficulty=2,
    ),
    _task(
        13, "flag_anomalies", ("scores", "calm_scores", "window", "share"),
        ("points", "stretches", "limits"),
        read="chapter 14, When to ring the bell", minutes=20, difficulty=2,
    ),
    Task(  # given; wrong where an earlier function is, and then it can be stood in for
        "forecast_loss", "The loss of a forecaster",
        args=("params", "xs", "ys", "levels"), returns=("loss", "grads"),
        keys={"grads": FORECASTER},
    ),
    _task(
        14, "train_forecaster",
        ("params", "xs", "ys", "xs_val", "ys_val", "levels", "batches", "lr"),
        ("new_params",),
        points={"values": 6, "purity": 1},
        keys={
            "new_params": (
                "beats_the_silly_ones", "middle_beats_them", "weights_are_finite",
                "every_weight_trained", "training_loss_fell",
                "more_than_one_batch_learned",
            )
        },
        uses=("quantile_loss", "forecast_loss", *_RNN), measure="trained_forecaster",
        trains=True,
        read="chapter 14, Start where the straight line ends", minutes=25, difficulty=2,
    ),
    Task(  # given, as forecast_loss
        "forecast_errors", "The errors of a forecaster",
        args=("params", "values", "L"), returns=("errors",),
    ),
    _task(
        15, "train_alarm",
        (
            "params", "record", "n_train", "n_val", "L", "batches", "lr", "window",
            "share",
        ),
        ("new_params", "calm", "limits"),
        points={"values": 6, "purity": 1}, as_dict=True,
        keys={
            "new_params": (
                "fresh_water_foretold", "weights_are_finite", "some_weight_trained",
                "every_weight_trained", "more_than_one_update", "errors_did_not_grow",
                "steps_ahead_in_order", "no_step_left_out",
            ),
            "calm": ("calm_without_training", "calm_without_the_rest"),
            "limits": (
                "wrong_readings_heard", "restless_days_heard", "quiet_as_a_rule",
                "limits_without_the_rest", "limits_of_scores", "most_of_calm_below",
            ),
        },
        uses=(
            "windows", "quantile_loss", "forecast_loss", "forecast_errors",
            "anomaly_scores", "flag_anomalies", *_RNN,
        ),
        measure="trained_alarm", trains=True,
        read="chapter 14, When to ring the bell", minutes=35, difficulty=3,
    ),
)  # fmt: skip


def split_and_scale(rng, N=17, D=3, n_train=8, n_val=5, holes=True):
    """Parts with levels and spreads of their own, as a series that drifts has."""
    drift = np.linspace(0, 4, N)[:, None]
    values = drift + rng.normal(size=(N, D)) * np.arange(1, D + 1) * (1 + drift)
    if holes:
        for first, last in ((0, n_train), (n_train, n_train + n_val), (-3, N)):
            values[rng.integers(first % N, last), rng.integers(D)] = np.nan
    return {"values": values, "n_train": n_train, "n_val": n_val}


def windows(rng, N=13, L=4, K=3):
    return {"values": rng.normal(size=N), "L": L, "K": K}


def persistence(rng, L=6, B=4, K=3):
    return {"xs": rng.normal(size=(L, B)), "K": K}


def seasonal_naive(rng, L=9, B=4, K=3, season=5):
    return {"xs": rng.normal(size=(L, B)), "K": K, "season": season}


def fit_linear(rng, L=3, B=11, K=2):
    xs, mix = 1 + rng.normal(size=(L, B)), rng.normal(size=(K, L))
    return {"xs": xs, "ys": 2 + mix @ xs + 0.5 * rng.normal(size=(K, B))}


def recursive_forecast(rng, L=5, B=3, H=4, K=6):
    params = {
        "W_xh": rng.normal(size=(1, H)),
        "W_hh": 0.6 * rng.normal(size=(H, H)),
        "b_h": 0.5 * rng.normal(size=H),
        "W_hy": rng.normal(size=(H, 1)),
        "b_y": rng.normal(size=1),
    }
    return {"xs": rng.normal(size=(L, B)), "K": K, "params": params}


def quantile_loss(rng, K=4, B=5, Q=3, holes=True):
    """Every forecast is too high somewhere and too low elsewhere; none is exact."""
    target, pred = rng.normal(size=(K, B)), rng.normal(size=(K, B, Q))
    levels = np.sort(rng.uniform(0.05, 0.95, size=Q))
    mask = np.ones((K, B), dtype=bool)
    if holes and K * B > 3:
        mask.flat[rng.choice(K * B, size=max(1, K * B // 4), replace=False)] = False
    target[~mask] = np.nan
    return {"pred": pred, "target": target, "levels": levels, "mask": mask}


def coverage(rng, K=4, B=9, Q=3, holes=True):
    """Forecasts in order, a few of them hit exactly."""
    inputs = quantile_loss(rng, K, B, Q, holes)
    del inputs["levels"]
    inputs["pred"] = np.sort(inputs["pred"], axis=-1)
    inputs["target"][::2] = np.where(
        inputs["mask"][::2], inputs["pred"][::2, :, Q // 2], np.nan
    )
    return inputs


def last_seen(rng, T=8, B=3, D=2, holes=True):
    """Long silences, a variable that begins late, and NaN where nothing was seen."""
    mask = rng.random(size=(T, B, D)) < (0.45 if holes else 2)
    if holes:
        mask[: min(3, T - 1), 0, 0] = False
        mask[0, -1, -1] = True
    xs = np.where(mask, rng.normal(size=(T, B, D)), np.nan)
    times = np.cumsum(rng.uniform(0.3, 2.5, size=(T, B)), axis=0)
    return {"xs": xs, "mask": mask, "times": times, "mean": rng.normal(size=D)}


def gru_d_step(rng, B=3, D=2, H=4, seen=None, fading=True):
    """`seen`: True or False for all; without fading all sums in the decays are below 0.

    Of the decays some have their maximum at zero, away from the kink.
    """
    m_t = rng.permutation(np.resize([True, False, False, True, True], B * D))
    m_t = m_t.reshape(B, D) if seen is None else np.full((B, D), seen)
    gap_t = rng.uniform(0.5, 3, size=(B, D))
    params = {
        "w_gx": rng.uniform(0.2, 0.6, size=D),
        "b_gx": rng.uniform(0.1, 0.4, size=D),
        "W_gh": rng.uniform(0.1, 0.5, size=(D, H)),
        "b_gh": rng.uniform(0.1, 0.4, size=H),
        "W_x": 0.7 * rng.normal(size=(2 * D, 3 * H)),
        "W_h": 0.7 * rng.normal(size=(H, 3 * H)),
        "b_x": 0.5 * rng.normal(size=3 * H),
        "b_h": 0.5 * rng.normal(size=3 * H),
    }
    off = slice(None) if not fading else slice(0, 1)
    if H > 1 or not fading:
        for name in ("W_gh", "b_gh"):
            params[name][..., off] *= -1
    if D > 1 or not fading:
        for name in ("w_gx", "b_gx"):
            params[name][off] *= -1
    return {
        "x_t": np.where(m_t, rng.normal(size=(B, D)), np.nan),
        "m_t": m_t,
        "x_last": rng.normal(size=(B, D)),
        "gap_t": gap_t,
        "mean": rng.normal(size=D),
        "h_prev": np.tanh(rng.normal(size=(B, H))),
        "params": params,
    }


def gru_d_step_backward(rng, B=3, D=2, H=4, seen=None, fading=True):
    inputs = gru_d_step(rng, B, D, H, seen, fading)
    return {**inputs, "dh_t": rng.normal(size=(B, H))}


def anomaly_scores(rng, N=7, M=14, K=3):
    """Errors that hang together, with a bias, of sizes of their own."""
    mix = np.eye(K) + 0.6 * rng.normal(size=(K, K))
    scale, bias = np.linspace(0.5, 1.5, K), rng.normal(size=K)
    calm = (rng.normal(size=(M, K)) @ mix) * scale + bias
    errors = 1.5 * (rng.normal(size=(N, K)) @ mix) * scale - bias
    return {"errors": errors, "calm": calm}


def flag_anomalies(rng, N=23, M=30, window=4, share=0.1):
    """One lonely peak and, elsewhere, a stretch that is a little too high."""
    calm, scores = rng.gamma(2.0, size=M), rng.gamma(2.0, size=N)
    if N > 12:
        scores[N // 4] = 3 * calm.max()
        scores[N // 2 : N // 2 + window + 1] = np.quantile(calm, 0.85)
        scores[-2:] = 2 * calm.max()
    inputs = {"scores": scores, "calm_scores": calm, "window": window, "share": share}
    return inputs


def forecast_loss(rng, L=5, B=4, D=3, H=6, K=2, Q=3):
    return {
        "params": _start(rng, D, H, K, Q),
        "xs": rng.normal(size=(L, B, D)),
        "ys": rng.normal(size=(K, B)),
        "levels": np.sort(rng.uniform(0.1, 0.9, size=Q)),
    }


def _start(rng, D, H, K, Q):
    return {
        "W_xh": 0.3 * rng.normal(size=(D, H)),
        "W_hh": 0.9 * np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b_h": np.zeros(H),
        "W_hy": 0.1 * rng.normal(size=(H, K * Q)),
        "b_y": np.zeros(K * Q),
    }


N_TRAIN, N_VAL = 420, 120  # months: 1950 to 1984, 1985 to 1994


def train_forecaster(rng, L=12, K=6, H=16, U=200, n=24):
    """The sea off Peru; the test years are for those who measure."""
    _, values = series.elnino()
    known = values[:N_TRAIN]
    angle = 2 * np.pi * np.arange(len(values)) / 12
    columns = [(values - known.mean()) / known.std(), np.cos(angle), np.sin(angle)]
    ends = (0, N_TRAIN, N_TRAIN + N_VAL, len(values))
    parts = [_examples(columns, a, b, L, K) for a, b in pairwise(ends)]
    (xs, ys), (xs_val, ys_val), (xs_test, ys_test) = parts
    return {
        "params": _start(rng, 3, H, K, 3),
        "xs": xs, "ys": ys, "xs_val": xs_val, "ys_val": ys_val,
        "xs_test": xs_test, "ys_test": ys_test,
        "levels": np.array([0.1, 0.5, 0.9]),
        "batches": rng.integers(ys.shape[1], size=(U, n)),
        "lr": 3e-3,
    }  # fmt: skip


def _examples(columns, first, last, L, K):
    at = first + np.arange(last - first - L - K + 1)
    xs = np.stack([column[at + np.arange(L)[:, None]] for column in columns], axis=-1)
    return xs, columns[0][at + L + np.arange(K)[:, None]]


def forecast_errors(rng, N=23, L=4, K=3, H=5):
    params = _start(rng, 1, H, K, 1)
    return {"params": params, "values": rng.normal(size=N), "L": L}


def train_alarm(rng, L=12, K=3, H=32, U=400, n=32):
    """A harbour of its own; `fresh` draws its days for those who measure."""
    place = alarm.harbour(rng)
    n_train, n_val, rest = 200, 2400, 400
    return {
        "params": _start(rng, 1, H, K, 1),
        "record": alarm.record(rng, place, n_train + n_val, rest),
        "n_train": n_train, "n_val": n_val, "L": L,
        "batches": rng.integers(n_train - L - K + 1, size=(U, n)),
        "lr": 7e-3, "window": alarm.DAY, "share": 0.005,
        "harbour": place, "fresh": int(rng.integers(2**31)),
    }  # fmt: skip


_FLOATS = (
    Vary("strided input", "shapes", layout="strided"),
    Vary("float32", "purity", dtype=np.float32),
)
_GRU_D_ODD = (
    Vary("all seen", "shapes", seen=True),
    Vary("none seen", "shapes", seen=False),
    *batch_and_sizes(B=1, D=1, H=1),
)

CASES = {
    **{name: exercise.varies[name] for exercise, name in _earlier},
    "split_and_scale": (
        Vary("values"),
        Vary("another draw", N=14, D=2, n_train=6, n_val=4),
        Vary("nothing missing", "shapes", holes=False),
        Vary("one column", "shapes", D=1, holes=False),
        Vary("one row of validation", "shapes", n_val=1),
        *_FLOATS,
    ),
    "windows": (
        Vary("values"),
        Vary("another draw", N=11, L=2, K=4),
        Vary("L=1", "shapes", L=1),
        Vary("K=1", "shapes", K=1),
        Vary("one window", "shapes", N=7),
        *_FLOATS,
    ),
    "persistence": (
        Vary("values"),
        Vary("K beyond L", L=3, B=2, K=7),
        Vary("L=1", "shapes", L=1),
        Vary("B=1", "shapes", B=1),
        Vary("K=1", "shapes", K=1),
        Vary("all sizes 3", "shapes", L=3, B=3, K=3),
        *_FLOATS,
    ),
    "seasonal_naive": (
        Vary("values"),
        Vary("several seasons ahead", L=7, B=3, K=9, season=4),
        Vary("a season of one step", "shapes", season=1),
        Vary("one season seen", "shapes", L=5),
        Vary("B=1", "shapes", B=1),
        Vary("K=1", "shapes", K=1),
        *_FLOATS,
    ),
    "fit_linear": (
        Vary("values"),
        Vary("another draw", L=4, B=15, K=3),
        Vary("L=1", "shapes", L=1),
        Vary("K=1", "shapes", K=1),
        Vary("L=K=3", "shapes", L=3, K=3),
        *_FLOATS,
    ),
    "recursive_forecast": (
        Vary("values"),
        Vary("another draw", L=3, B=2, H=5, K=4),
        Vary("L=1", "shapes", L=1),
        Vary("B=1", "shapes", B=1),
        Vary("K=1", "shapes", K=1),
        Vary("all sizes 3", "shapes", L=3, B=3, H=3, K=3),
        *_FLOATS,
    ),
    "quantile_loss": (
        Vary("values"),
        Vary("another draw", K=3, B=7, Q=2),
        Vary("nothing missing", "shapes", holes=False),
        Vary("K=1", "shapes", K=1),
        Vary("B=1", "shapes", B=1),
        Vary("Q=1", "shapes", Q=1),
        Vary("all sizes 3", "shapes", K=3, B=3, Q=3),
        *_FLOATS,
    ),
    "coverage": (
        Vary("values"),
        Vary("another draw", K=3, B=11, Q=4),
        Vary("nothing missing", "shapes", holes=False),
        Vary("K=1", "shapes", K=1),
        Vary("B=1", "shapes", B=1),
        Vary("Q=1", "shapes", Q=1),
        *_FLOATS,
    ),
    "last_seen": (
        Vary("values"),
        Vary("another draw", T=9, B=2, D=4),
        Vary("nothing missing", "shapes", holes=False),
        *batch_and_sizes(T=1, B=1, D=1),
    ),
    "gru_d_step": (
        Vary("values"),
        Vary("another draw", B=4, D=3, H=2),
        *_GRU_D_ODD,
        Vary("what was seen", "isolate", seen=True, fading=False),
        Vary("what was missing", "isolate", seen=False, fading=False),
        Vary("the fading state", "isolate", seen=True),
    ),
    "gru_d_step_backward": (
        Vary("values"),
        Vary("another draw", B=4, D=3, H=2),
        *_GRU_D_ODD,
        Vary("what was seen", "isolate", seen=True, fading=False),
        Vary("what was missing", "isolate", seen=False, fading=False),
        Vary("the fading state", "isolate", seen=True),
    ),
    "anomaly_scores": (
        Vary("values"),
        Vary("another draw", N=5, M=17, K=4),
        Vary("N=1", "shapes", N=1),
        Vary("K=1", "shapes", K=1),
        Vary("as many as calm ones", "shapes", N=9, M=9),
        *_FLOATS,
    ),
    "flag_anomalies": (
        Vary("values"),
        Vary("another draw", N=31, M=26, window=3, share=0.15),
        Vary("window=1", "shapes", window=1),
        Vary("one full stretch", "shapes", N=4),
        Vary("as many as calm ones", "shapes", N=30),
        *_FLOATS,
    ),
    "forecast_loss": (Vary("values"),),
    "train_forecaster": (Vary("values"),),
    "forecast_errors": (Vary("values"),),
    "train_alarm": (Vary("values"),),
}


def data(rng, reference):
    """The sea off Peru by months, and the air on Mauna Loa by weeks."""
    return {"elnino": series.elnino()[1], "co2": series.co2()[1]}
