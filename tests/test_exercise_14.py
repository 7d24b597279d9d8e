"""The reference of 14-time-series against PyTorch, the complex step, and the clock."""

from functools import partial

import certification
import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import assert_equal, relative
from torch.nn.functional import relu

from autograder import bank, oracle
from autograder.exercise import load
from benchmarks import forecasts
from unrolled import alarm, forecaster
from unrolled.compare import compare
from unrolled.task import question

SLUG = "14-time-series"
cases = partial(certification.cases, SLUG)
REF = oracle.reference(SLUG)
DECAYS, GRU = ("w_gx", "b_gx", "W_gh", "b_gh"), twins.GRU_WEIGHTS
STEP = load(SLUG).tasks["gru_d_step"].args


def case_of(function, name="values"):
    return next(c for c in cases(function) if c.name == name)


def asked(function, inputs):
    return REF[function](*(inputs[n] for n in load(SLUG).tasks[function].args))


# ------------------------------------------------------------- nothing from later


def known_before(function, time, n):
    """What `function` says of the first n steps, with all later input replaced."""
    case = case_of(function)
    later = {**case.inputs, **{k: v.copy() for k, v in time(case.inputs).items()}}
    for name in time(case.inputs):
        part = later[name][n:]
        later[name][n:] = ~part if part.dtype == bool else part[::-1] + 1.0
    return asked(function, case.inputs), asked(function, later)


def test_scaling_knows_the_training_rows_only():
    n = case_of("split_and_scale").inputs["n_train"]
    one, other = known_before("split_and_scale", lambda i: {"values": i["values"]}, n)
    for index in (0, 3, 4):  # train, mean, std
        assert np.array_equal(one[index], other[index], equal_nan=True)


@pytest.mark.parametrize("n", [1, 4, 6])
def test_what_was_seen_last_does_not_know_the_step_itself(n):
    def moved(i):
        return {"xs": i["xs"], "mask": i["mask"]}

    for one, other in zip(*known_before("last_seen", moved, n), strict=True):
        assert np.array_equal(one[: n + 1], other[: n + 1])


@pytest.mark.parametrize("n", [6, 12, 20])
def test_an_alarm_knows_the_past_only(n):
    def moved(i):
        return {"scores": i["scores"]}

    one, other = known_before("flag_anomalies", moved, n)
    for before, after in zip(one[:2], other[:2], strict=True):
        assert np.array_equal(before[:n], after[:n])
    assert np.array_equal(one[2], other[2])


@pytest.mark.parametrize(
    ("got", "fault"),
    [
        ([1.0, np.nan], None), ([np.nan, np.nan], "nan"), ([1.0, 0.0], "value"),
        ([np.nan, 2.0], "nan"), ([1.0, np.inf], "value"), ([2.0, np.nan], "value"),
    ],
)  # fmt: skip
def test_nan_is_right_where_a_value_is_missing_and_nowhere_else(got, fault):
    task = load(SLUG).tasks["windows"]
    found = compare("xs", got, np.array([1.0, np.nan]), 1e-6, task)
    assert (found.kind if found else None) == fault


# ------------------------------------------------------------------- certification


@pytest.mark.parametrize("case", cases("split_and_scale"), ids=lambda c: c.name)
def test_the_three_parts_are_the_series(case):
    values, n = case.inputs["values"], case.inputs["n_train"]
    parts = [case.expected[k] for k in ("train", "val", "test")]
    assert [len(p) for p in parts[:2]] == [n, case.inputs["n_val"]]
    back = np.concatenate(parts) * case.expected["std"] + case.expected["mean"]
    assert relative(back, values) < 1e-12
    for d, column in enumerate(torch.tensor(values[:n]).T):
        real = column[~column.isnan()]
        assert case.expected["mean"][d] == pytest.approx(real.mean().item(), rel=1e-12)
        spread = real.std(correction=0).item()
        assert case.expected["std"][d] == pytest.approx(spread, rel=1e-12)


@pytest.mark.parametrize("case", cases("windows"), ids=lambda c: c.name)
def test_windows_are_torchs_unfold(case):
    values, L, K = (case.inputs[n] for n in ("values", "L", "K"))
    every = torch.tensor(values).unfold(0, L + K, 1).T
    assert_equal(case, {"xs": every[:L], "ys": every[L:]}, 1e-300)


@pytest.mark.parametrize("case", cases("seasonal_naive"), ids=lambda c: c.name)
def test_a_season_that_repeats_is_foretold_exactly(case):
    """And persistence foretells what never changes."""
    i, season = case.inputs, case.inputs["season"]
    L, K = len(i["xs"]), i["K"]
    again = i["xs"][np.arange(L + K) % season]
    assert np.array_equal(REF["seasonal_naive"](again[:L], K, season), again[L:])
    last = {"ys": REF["seasonal_naive"](i["xs"], K, 1)}
    assert np.array_equal(REF["persistence"](i["xs"], K), last["ys"])
    wanted = np.stack([i["xs"][[L + k - season * (k // season + 1) for k in range(K)]]])
    assert_equal(case, {"ys": wanted[0]}, 1e-300)


@pytest.mark.parametrize("case", cases("fit_linear"), ids=lambda c: c.name)
def test_the_line_is_where_the_gradient_is_zero(case):
    xs, ys = (torch.tensor(case.inputs[n]) for n in ("xs", "ys"))
    W, b = (torch.tensor(case.expected[n], requires_grad=True) for n in ("W", "b"))
    loss = ((xs.T @ W + b - ys.T) ** 2).sum()
    for slope in torch.autograd.grad(loss, [W, b]):
        assert slope.abs().max() < 1e-9 * (1 + loss.item())


@pytest.mark.parametrize("case", cases("recursive_forecast"), ids=lambda c: c.name)
def test_a_recursive_forecast_is_torchs(case):
    t = twins.tensors(case.inputs["params"], leaf=False)
    known = torch.tensor(case.inputs["xs"])
    weights = t["W_xh"], t["W_hh"], t["b_h"]
    zero = torch.zeros(known.shape[1], len(t["W_hh"]), dtype=known.dtype)
    for _ in range(case.inputs["K"]):  # the whole past is read anew each time
        h_T = twins.library_states(known[..., None], zero, *weights)[-1]
        known = torch.cat([known, (h_T @ t["W_hy"] + t["b_y"]).T])
    assert_equal(case, {"ys": known[len(case.inputs["xs"]) :].detach()}, 1e-11)


@pytest.mark.parametrize("case", cases("quantile_loss"), ids=lambda c: c.name)
def test_the_quantile_loss_and_its_gradient_are_autograds(case):
    i = case.inputs
    pred = torch.tensor(i["pred"], requires_grad=True)
    levels, mask = torch.tensor(i["levels"]), torch.tensor(i["mask"])
    off = torch.tensor(i["target"])[mask][:, None] - pred[mask]
    loss = (levels * relu(off) + (1 - levels) * relu(-off)).mean()
    (dpred,) = torch.autograd.grad(loss, pred)
    assert_equal(case, {"loss": loss.detach(), "dpred": dpred})


@pytest.mark.parametrize("name", ["values", "another draw"])
def test_the_quantile_gradient_is_that_of_the_complex_step(name):
    """The loss is piecewise linear: the branch of the real part decides."""
    i = case_of("quantile_loss", name).inputs
    found = np.zeros(i["pred"].shape)
    for index in np.ndindex(found.shape):
        pred = i["pred"].astype(complex)
        pred[index] += 1e-30j
        off = (i["target"][..., None] - pred)[i["mask"]]
        slopes = np.where(off.real > 0, i["levels"], i["levels"] - 1)
        found[index] = (slopes * off).mean().imag / 1e-30
    assert relative(case_of("quantile_loss", name).expected["dpred"], found) < 1e-12


def test_the_best_constant_has_its_level_below_it():
    rng = np.random.default_rng(0)
    target, levels = rng.gamma(2.0, size=(1, 999)), np.array([0.1, 0.5, 0.9])
    all_of_them = np.ones(target.shape, dtype=bool)
    tried = np.broadcast_to(np.sort(target[0])[:, None, None], (999, 999, 1))
    for q in levels:
        loss = [
            REF["quantile_loss"](g[None], target, np.array([q]), all_of_them)[0]
            for g in tried
        ]
        best = tried[int(np.argmin(loss))][None]
        share = REF["coverage"](best, target, all_of_them)
        assert share[0] == pytest.approx(q, abs=2 / 999)


@pytest.mark.parametrize("case", cases("coverage"), ids=lambda c: c.name)
def test_coverage_counts(case):
    pred, target, mask = (
        torch.tensor(case.inputs[n]) for n in ("pred", "target", "mask")
    )
    hits = torch.ge(pred, target[..., None]) & mask[..., None]
    assert_equal(case, {"share": hits.sum((0, 1)) / mask.sum().double()})


@pytest.mark.parametrize("case", cases("last_seen"), ids=lambda c: c.name)
def test_last_seen_is_what_a_search_finds(case):
    i = case.inputs
    want = {"x_last": np.empty_like(i["xs"]), "gap": np.empty_like(i["xs"])}
    for t, b, d in np.ndindex(i["xs"].shape):
        before = np.flatnonzero(i["mask"][:t, b, d])
        newest = before[-1] if len(before) else None
        want["x_last"][t, b, d] = (
            i["mean"][d] if newest is None else i["xs"][newest, b, d]
        )
        want["gap"][t, b, d] = i["times"][t, b] - i["times"][newest or 0, b]
    assert_equal(case, want)


def listened(t):
    """One step of a GRU-D, in torch, with its own GRU."""
    gap, seen = t["gap_t"], t["m_t"].bool()
    gamma_x = torch.exp(-relu(gap * t["w_gx"] + t["b_gx"]))
    gamma_h = torch.exp(-relu(torch.addmm(t["b_gh"], gap, t["W_gh"])))
    guess = torch.lerp(t["mean"].expand_as(gap), t["x_last"], gamma_x)
    x_hat = torch.where(seen, t["x_t"], guess)
    both = torch.cat([x_hat, seen.to(gap.dtype)], dim=1)
    weights = [t[n] for n in GRU]
    return twins.library_gru(both[None], gamma_h * t["h_prev"], *weights)[0]


def flat(inputs, leaf):
    real = {**inputs, "x_t": np.nan_to_num(inputs["x_t"])}
    params = real.pop("params")
    return twins.tensors({**real, **params}, leaf=leaf)


@pytest.mark.parametrize("case", cases("gru_d_step"), ids=lambda c: c.name)
def test_a_gru_d_step_equals_torch(case):
    h_t = listened(flat(case.inputs, leaf=False)).detach().numpy()
    assert_equal(case, {"h_t": h_t})


@pytest.mark.parametrize("case", cases("gru_d_step_backward"), ids=lambda c: c.name)
def test_gradients_of_a_gru_d_step_are_autograds(case):
    t = flat(case.inputs, leaf=True)
    loss = (listened(t) * t["dh_t"].detach()).sum()
    names = ["x_t", "x_last", "h_prev", *DECAYS, *GRU]
    found = torch.autograd.grad(loss, [t[n] for n in names])
    assert_equal(case, {f"d{n}": g.numpy() for n, g in zip(names, found, strict=True)})


@pytest.mark.parametrize("name", ["values", "another draw"])
def test_gradients_of_a_gru_d_step_are_those_of_the_complex_step(name):
    case = case_of("gru_d_step_backward", name)
    forward = REF["gru_d_step"]
    smooth = {"stable_sigmoid": lambda a: 1 / (1 + np.exp(-a))}  # its abs is not
    kept = {n: forward.__globals__[n] for n in smooth}

    def loss(inputs):
        h_t, _ = forward(*(inputs[n] for n in STEP))
        return (h_t * case.inputs["dh_t"]).sum()

    forward.__globals__.update(smooth)
    try:
        for moved in ("x_last", "h_prev", *DECAYS, *GRU):
            inside = moved in case.inputs["params"]
            w = (case.inputs["params"] if inside else case.inputs)[moved]
            found = np.zeros(w.shape)
            for index in np.ndindex(w.shape):
                at = {moved: w.astype(complex)}
                at[moved][index] += 1e-30j
                params = {**case.inputs["params"], **(at if inside else {})}
                inputs = {**case.inputs, **({} if inside else at), "params": params}
                found[index] = loss(inputs).imag / 1e-30
            assert relative(case.expected[f"d{moved}"], found) < 1e-12, moved
    finally:
        forward.__globals__.update(kept)


def test_without_silence_a_gru_d_is_a_gru():
    i = case_of("gru_d_step", "all seen").inputs
    off = {n: np.zeros_like(i["params"][n]) for n in DECAYS}
    h_t, _ = REF["gru_d_step"](
        *({**i, "params": {**i["params"], **off}}[n] for n in STEP)
    )
    both = np.concatenate([i["x_t"], np.ones_like(i["x_t"])], axis=1)
    weights = [i["params"][n] for n in GRU]
    want, _ = REF["gru_step_forward"](both, i["h_prev"], *weights, "after")
    assert np.array_equal(h_t, want)


@pytest.mark.parametrize("case", cases("anomaly_scores"), ids=lambda c: c.name)
def test_scores_are_those_of_the_normal_density(case):
    """log p falls by half the score from its peak."""
    calm, errors = (torch.tensor(case.inputs[n]) for n in ("calm", "errors"))
    cov = torch.cov(calm.T, correction=0).reshape(calm.shape[1], -1)
    normal = torch.distributions.MultivariateNormal(calm.mean(0), cov)
    score = 2 * (normal.log_prob(calm.mean(0)) - normal.log_prob(errors))
    assert_equal(case, {"scores": score}, 1e-10)


@pytest.mark.parametrize("case", cases("flag_anomalies"), ids=lambda c: c.name)
def test_limits_leave_the_asked_share_of_the_calm_above(case):
    i, limits = case.inputs, case.expected["limits"]
    calm, window = torch.tensor(i["calm_scores"]), i["window"]
    means = calm.unfold(0, window, 1).mean(1)
    for s, limit in zip((calm, means), limits, strict=True):
        assert limit == pytest.approx(torch.quantile(s, 1 - i["share"]).item())
        assert (s > limit).double().mean() <= i["share"] + 1 / len(s)
    scores = torch.tensor(i["scores"])
    assert np.array_equal(case.expected["points"], scores > limits[0])
    late = torch.cat(
        [torch.full((window - 1,), -1.0), scores.unfold(0, window, 1).mean(1)]
    )
    assert np.array_equal(case.expected["stretches"], late > limits[1])


# ------------------------------------------------------------- the training run


def test_forecast_loss_is_autograds():
    i = case_of("forecast_loss").inputs
    t = twins.tensors(i["params"])
    xs, ys, levels = (torch.tensor(i[n]) for n in ("xs", "ys", "levels"))
    zero = torch.zeros(xs.shape[1], len(t["W_hh"]), dtype=xs.dtype)
    hs = twins.states(xs, zero, t["W_xh"], t["W_hh"], t["b_h"])
    out = (hs[-1] @ t["W_hy"] + t["b_y"]).unflatten(1, (len(ys), -1))
    off = ys[..., None] - (out.transpose(0, 1) + xs[-1, :, :1])
    loss = torch.maximum(levels * off, (levels - 1) * off).mean()
    found = dict(zip(t, torch.autograd.grad(loss, list(t.values())), strict=True))
    assert_equal(case_of("forecast_loss"), {"loss": loss.detach(), **found})


def test_the_trusted_side_measures_the_same_loss():
    """unrolled.forecaster has no line of the exercise, and says what it says."""
    i = case_of("train_forecaster").inputs
    loss, _ = REF["forecast_loss"](i["params"], i["xs_test"], i["ys_test"], i["levels"])
    quantiles = []
    for silly, more in (("persistence", ()), ("seasonal_naive", (forecaster.YEAR,))):
        K, real = len(i["ys"]), np.ones(i["ys_test"].shape, dtype=bool)
        errors = i["ys"] - REF[silly](i["xs"][..., 0], K, *more)
        spread = np.quantile(errors, i["levels"], axis=1).T
        said = REF[silly](i["xs_test"][..., 0], K, *more)[..., None] + spread[:, None]
        quantiles.append(REF["quantile_loss"](said, i["ys_test"], i["levels"], real)[0])
    share = forecaster.share_of_silly(i["params"], i)
    assert share == pytest.approx(loss / min(quantiles), rel=1e-12)


def test_the_months_of_the_test_are_in_no_other_window():
    i = case_of("train_forecaster").inputs
    last = {n: i[n][:, -1, 0] for n in ("xs", "xs_val")}
    assert not np.array_equal(last["xs"], i["xs_test"][:, 0, 0])
    total = sum(i[n].shape[1] + 12 + 6 - 1 for n in ("ys", "ys_val", "ys_test"))
    assert total == 732


@pytest.fixture(scope="module")
def bells():
    """What the reference trains on the public record, and that record's inputs."""
    i = case_of("train_alarm").inputs
    return asked("train_alarm", i), i


def test_errors_about_a_step_are_those_of_the_forecasts_before_it():
    i = case_of("forecast_errors").inputs
    t, values = twins.tensors(i["params"], leaf=False), torch.tensor(i["values"])
    L, K = i["L"], len(t["b_y"])
    found = []
    for n in range(L + K - 1, len(values) - K + 1):
        for k in range(K):
            seen = values[n - k - L : n - k, None, None]
            zero = torch.zeros(1, len(t["W_hh"]), dtype=seen.dtype)
            hs = twins.states(seen, zero, t["W_xh"], t["W_hh"], t["b_h"])
            change = hs[-1, 0] @ t["W_hy"][:, k] + t["b_y"][k]
            found.append(values[n] - seen[-1, 0, 0] - change)
    assert_equal(case_of("forecast_errors"), {"errors": torch.stack(found).view(-1, K)})


def test_the_trusted_side_rings_the_bells_of_the_exercise(bells):
    """unrolled.alarm has no line of the exercise, and hears the same."""
    (found, i), (levels, wrong) = bells, alarm.fresh_days(bells[1])
    weights, calm = found["new_params"], found["calm"]
    usual = REF["anomaly_scores"](calm, calm)
    heard = np.zeros((3, alarm.DAYS, 2, alarm.DAY), dtype=bool)
    for kind, day in np.ndindex(3, alarm.DAYS):
        errors = REF["forecast_errors"](weights, levels[kind, day], i["L"])
        scores = REF["anomaly_scores"](errors, calm)
        rung = REF["flag_anomalies"](scores, usual, i["window"], i["share"])
        heard[kind, day] = np.array(rung[:2])[:, -alarm.DAY :]
    falsely = heard[0].any(axis=(1, 2)).mean()
    missed = 1 - heard[1, np.arange(alarm.DAYS), 0, wrong].mean()
    unheard = 1 - heard[2, :, 1].any(axis=1).mean()
    assert alarm.wrong_days(found, i) == pytest.approx(max(falsely, missed, unheard))


@pytest.mark.parametrize(
    ("part", "leak", "lost"),
    [
        (slice(200), "calm_without_training", "quiet_as_a_rule"),
        (slice(-400, None), "calm_without_the_rest", "restless_days_heard"),
    ],
)
def test_what_is_usual_comes_from_validation_only(bells, part, leak, lost):
    """By the errors of training it rings too often, by those of the rest too seldom."""
    found, i = bells
    weights = found["new_params"]
    calm = REF["forecast_errors"](weights, i["record"][part], i["L"])
    scores = REF["anomaly_scores"](calm, calm)
    limits = REF["flag_anomalies"](scores, scores, i["window"], i["share"])[2]
    holds = alarm.properties(i["params"], weights, calm, limits, i)
    assert not holds[leak]
    assert not holds[lost]
    assert holds["fresh_water_foretold"]


@pytest.mark.parametrize("calm", [np.ones((40, 3)), np.full((40, 3), np.inf)])
def test_errors_of_which_nothing_can_be_said_ring_no_bell(bells, calm):
    found, i = bells
    holds = alarm.properties(i["params"], found["new_params"], calm, np.zeros(2), i)
    assert not holds["wrong_readings_heard"]


def test_what_is_for_those_who_measure_is_not_sent():
    task, case = load(SLUG).tasks["train_alarm"], case_of("train_alarm")
    assert {"harbour", "fresh"} <= case.inputs.keys()
    assert question(task, case, None)["inputs"].keys() == set(task.args)


# ------------------------------------------------------- one fault, one price


@pytest.mark.parametrize(
    ("function", "bug", "caller"),
    [
        ("gru_d_step", "decay-upside-down", "gru_d_step_backward"),
        ("quantile_loss", "levels-upside-down", "train_forecaster"),
        ("anomaly_scores", "not-inverted", "train_alarm"),
        ("flag_anomalies", "limits-swapped", "train_alarm"),
    ],
)
def test_a_wrong_function_does_not_cost_its_callers(function, bug, caller):
    names = oracle.buggy(SLUG, function, bug)
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert judge.verdict(caller).values_right
    assert judge.verdict(function).bug == bug


# ---------------------------------------------------------------- the benchmark


@pytest.mark.parametrize("name", forecasts.SOURCES)
def test_the_benchmarks_windows_hold_nothing_from_later(name):
    s, found = forecasts.SOURCES[name], forecasts.parts(name)
    values, usual, _ = forecasts.loaded(name)
    for part, end in (("train", s.n_train), ("val", s.n_train + s.n_val)):
        newest = (values - usual)[end - s.K : end]
        assert np.array_equal(found[part]["ys"][:, -1], newest, equal_nan=True)
        before = forecasts.carried(values - usual)[end - s.K - s.L : end - s.K]
        assert np.array_equal(found[part]["xs"][:, -1], before)


def test_what_the_benchmark_calls_last_known_is_the_exercises():
    rng = np.random.default_rng(1)
    values, mask = rng.normal(size=40), rng.random(40) < 0.4
    last, gap = forecasts.last_known(values, mask)
    args = values[:, None, None], mask[:, None, None], np.arange(40.0)[:, None]
    x_last, want = REF["last_seen"](*args, np.zeros(1))
    assert np.array_equal(last, x_last.ravel())
    assert np.array_equal(gap, want.ravel())
