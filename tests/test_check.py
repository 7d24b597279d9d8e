"""What a student sees when `check` runs in the notebook."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autograder import oracle
from unrolled import check, public_case
from unrolled.answer import answer
from unrolled.check import judged
from unrolled.judge import Examiner
from unrolled.report import VERDICT_MIME, Report, html, text
from unrolled.verdict import Verdict

CELL, BPTT = "02-recurrent-cell", "03-bptt"


def solution(name: str, slug: str = CELL):
    return oracle.namespace(oracle.load(slug))[name]


def buggy(name: str, bug: str, slug: str = CELL):
    return oracle.buggy(slug, name, bug)[name]


def test_a_right_function_gets_every_point():
    verdict = judged("rnn_forward", solution("rnn_forward"))
    assert (verdict.status, verdict.points) == ("full", 6)


def test_a_wrong_array_is_named_with_index_got_and_expected():
    case = public_case(CELL, "rnn_step_forward")

    def off_by_one_entry(x_t, h_prev, W_xh, W_hh, b_h):
        h_t = np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)
        if h_t.shape[0] > 2:
            h_t[2, 1] += 0.25
        return h_t, {}

    verdict = judged("rnn_step_forward", off_by_one_entry)
    right = case.expected["h_t"][2, 1]
    assert verdict.fault.array == "h_t"
    assert verdict.fault.index == (2, 1)
    assert verdict.fault.expected == pytest.approx(right)
    assert f"Got {right + 0.25:.6g}, expected {right:.6g}" in text(verdict)


def test_the_first_wrong_time_step_is_reported():
    def lapses(xs, h0, W_xh, W_hh, b_h):
        h_t, states = h0, []
        for t, x_t in enumerate(xs):
            h_t = np.tanh(x_t @ W_xh + h_t @ W_hh + b_h) * (0.5 if t == 4 else 1)
            states.append(h_t)
        return np.stack(states), {}

    verdict = judged("rnn_forward", lapses)
    assert verdict.fault.step == 4
    assert "time step 4" in text(verdict)


def test_a_known_bug_is_named_with_its_sentence():
    verdict = judged("rnn_step_forward", buggy("rnn_step_forward", "no-tanh"))
    assert verdict.bug == "no-tanh"
    assert "This looks like:" in text(verdict)


def test_a_stub_is_one_line_that_names_the_task():
    def rnn_forward(xs, h0, W_xh, W_hh, b_h):
        raise NotImplementedError("Exercise 2.2: rnn_forward")

    report = text(judged("rnn_forward", rnn_forward))
    assert report.count("\n") == 0
    assert "Exercise 2.2" in report


def test_writing_into_an_input_costs_purity_and_says_the_values_are_right():
    def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
        h_prev @= W_hh
        h_prev += x_t @ W_xh + b_h
        return np.tanh(h_prev), {}

    verdict = judged("rnn_step_forward", rnn_step_forward)
    lines = {line.aspect: line for line in verdict.lines}
    assert verdict.values_right
    assert not lines["purity"].ok
    assert "writes into h_prev" in lines["purity"].text
    assert "your values are right" in text(verdict).lower()


def test_a_shape_fault_has_its_own_line_and_costs_no_value_points():
    def rnn_forward(xs, h0, W_xh, W_hh, b_h):
        h_t, states = h0, []
        for t in range(max(2, len(xs))):  # a peeled step that needs T > 1
            h_t = np.tanh(xs[t] @ W_xh + h_t @ W_hh + b_h)
            states.append(h_t)
        return np.stack(states), {}

    verdict = judged("rnn_forward", rnn_forward)
    lines = {line.aspect: line for line in verdict.lines}
    assert verdict.values_right
    assert "T=1" in lines["shapes"].text
    assert not lines["shapes"].ok


def test_float64_out_of_float32_is_a_matter_of_purity():
    def stable_sigmoid(a):
        return solution("stable_sigmoid")(np.asarray(a, dtype=np.float64))

    verdict = judged("stable_sigmoid", stable_sigmoid)
    assert verdict.values_right
    assert "float64" in text(verdict)


def test_a_factor_of_the_batch_is_named_as_such():
    def mse(pred, target):
        diff = pred - target
        return (diff**2).mean(), diff / diff.size / 4

    assert "1/8 of the right array" in text(judged("mse", mse))


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "h",
        [[1.0], [2.0, 3.0]],
        np.array([object()]),
        {"h_t": None},
        (np.full((3, 5), np.nan), {}),
        (1, 2, 3, 4),
        np.zeros(0),
        {1: 2},
    ],
    ids=["None", "text", "ragged", "object", "dict", "nan", "four", "empty", "key"],
)
def test_nonsense_is_wrong_and_never_a_crash(nonsense):
    verdict = judged("rnn_step_forward", lambda *args: nonsense)
    assert verdict.status == "wrong"
    assert verdict.points == 0


def test_an_error_is_told_with_the_line_that_raised_it():
    def mse(pred, target):
        return pred @ target.T @ np.ones(77), None

    assert "mse raised ValueError" in text(judged("mse", mse))


def test_a_call_that_fails_shows_no_line_of_the_courses_own():
    report = text(judged("mse", lambda pred: pred))
    assert "mse raised TypeError" in report
    assert "(line" not in report


def test_an_error_in_a_function_of_their_own_names_it():
    def helper(diff):
        raise ValueError("no")

    report = text(judged("mse", lambda pred, target: helper(pred - target)))
    assert "(in helper, line" in report


@pytest.mark.parametrize(
    "wrong",
    [lambda h_t: h_t, lambda h_t: ({"h_t": h_t}, h_t), lambda h_t: (h_t, {}, h_t)],
    ids=["no cache", "cache first", "three"],
)
def test_a_state_without_its_cache_is_not_what_is_asked(wrong):
    def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
        return wrong(np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h))

    assert judged("rnn_step_forward", rnn_step_forward).status == "wrong"


def test_a_cache_may_be_of_any_kind():
    def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
        h_t = np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)
        return h_t, (x_t, h_t)

    assert judged("rnn_step_forward", rnn_step_forward).status == "full"


def test_float32_out_of_float64_is_a_matter_of_purity_too():
    def stable_sigmoid(a):
        return solution("stable_sigmoid")(a).astype(np.float32)

    verdict = judged("stable_sigmoid", stable_sigmoid)
    assert verdict.values_right
    assert "s comes back as float32" in text(verdict)


def test_a_loss_and_gradients_in_the_wrong_order_are_said_to_be():
    def rnn_lm_loss(params, ids):
        loss, grads = solution("rnn_lm_loss", BPTT)(params, ids)
        return grads, loss

    report = text(judged("rnn_lm_loss", rnn_lm_loss))
    assert "expected a dict with the keys dW_xh" in report


STEP_STUB = """
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    raise NotImplementedError("Exercise 2.1: rnn_step_forward")
"""
STEP_WITHOUT_BIAS = """
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(x_t @ W_xh + h_prev @ W_hh), {}
"""
FORWARD = """
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    states = [h0]
    for x_t in xs:
        states.append(rnn_step_forward(x_t, states[-1], W_xh, W_hh, b_h)[0])
    return np.stack(states[1:]), {}
"""
BACKWARD_STUB = """
def rnn_backward(dhs, cache):
    raise NotImplementedError("Exercise 3.2: rnn_backward")
"""


def notebook(*cells: str) -> dict:
    names = {"np": np}
    for cell in cells:
        exec(cell, names)
    return names


def test_a_stub_below_a_forward_that_is_missing_is_still_a_stub():
    verdict = judged("rnn_backward", notebook(BACKWARD_STUB)["rnn_backward"])
    assert verdict.status == "not_done"


def test_a_function_that_waits_for_another_says_for_which():
    verdict = judged("rnn_forward", notebook(STEP_STUB, FORWARD)["rnn_forward"])
    wanted = "rnn_step_forward, which rnn_forward needs, is not written yet."
    assert verdict.summary == wanted


def test_a_right_function_on_a_wrong_one_is_not_called_wrong():
    names = notebook(STEP_WITHOUT_BIAS, FORWARD)
    summary = judged("rnn_forward", names["rnn_forward"]).summary
    assert "Repair rnn_step_forward first" in summary
    assert summary.endswith("it is not right, and that may be all.")


def test_a_function_that_exits_is_a_verdict_and_not_a_trace():
    def mse(pred, target):
        raise SystemExit

    assert judged("mse", mse).status == "crashed"


def graded_quiz(answers):
    """The verdict of the grader, which knows the answers themselves."""
    cases = {name: oracle.cases(CELL, name) for name in oracle.tasks(CELL)}
    names = {**oracle.reference(CELL), "read_traces": lambda: answers}
    examiner = Examiner(
        oracle.tasks(CELL), cases, lambda name: (), lambda asked: answer(asked, names)
    )
    return examiner.verdict("read_traces")


def test_a_quiz_of_the_wrong_length_says_how_long_it_is():
    assert "list of 6 numbers" in text(graded_quiz([1, 2, 3]))


def test_a_quiz_counts_each_entry_and_shows_no_answer():
    answers = solution("read_traces")()
    half = [*answers[:3], 99, 99, 99]
    verdict = graded_quiz(half)
    assert verdict.points == pytest.approx(1.5)
    assert "3 of 6" in text(verdict)
    assert "expected" not in text(verdict).lower()


def test_at_home_a_quiz_can_be_tried_and_its_answers_cannot_be_read():
    answers = solution("read_traces")()
    assert judged("read_traces", lambda: answers).status == "full"
    wrong = [*answers[:5], answers[5] + 1]
    assert "Not all 6 are right yet" in text(judged("read_traces", lambda: wrong))
    stored = public_case(CELL, "read_traces").expected["steps"]
    assert stored.dtype == np.uint8
    assert stored.shape == (32,)


@pytest.mark.parametrize("nonsense", [None, "a", [[1], [2, 3]], [1, 2], np.zeros(32)])
def test_nonsense_in_a_quiz_is_wrong_and_never_a_crash(nonsense):
    assert judged("read_traces", lambda: nonsense).status == "wrong"


def test_a_name_that_the_exercise_lacks_is_one_sentence(monkeypatch):
    folder = oracle.checks.folder(CELL)
    monkeypatch.chdir(folder)
    with pytest.raises(KeyError, match="no graded function 'rnn_fwd'"):
        check("rnn_fwd", lambda: None)


def test_without_checks_npz_the_sentence_says_where_it_belongs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="beside the notebook"):
        check("no_such_function", lambda: None)


def test_a_damaged_checks_npz_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "checks.npz").write_bytes(b"PK\x03\x04 half a file")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"checks\.npz is damaged.*fetch it again"):
        check("rnn_forward", lambda: None)


def test_a_checks_npz_of_another_version_is_one_sentence(tmp_path, monkeypatch):
    text = np.frombuffer(b'{"exercise": "02-recurrent-cell"}', np.uint8)
    np.savez(tmp_path / "checks.npz", checks=text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="another version of the course"):
        check("rnn_forward", lambda: None)


def test_in_a_terminal_check_prints_plain_text(capsys):
    check("mse", solution("mse"))
    assert capsys.readouterr().out.startswith("[ ok ] Exercise 2.5 mse: right")


def test_in_a_notebook_the_report_is_html_and_escapes_what_students_wrote():
    class Odd(Exception):
        pass

    def mse(pred, target):
        raise Odd("<script>alert(1)</script>")

    verdict = judged("mse", mse)
    bundle = Report(verdict)._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "&lt;script&gt;" in html(verdict)
    assert Verdict.from_dict(bundle[VERDICT_MIME]) == verdict


def test_the_check_needs_no_answer_code(monkeypatch):
    """The package that students get must work where solutions/ does not exist."""
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['autograder'] = None; import unrolled.check; "
        "from unrolled import public_case; "
        "print(public_case('02-recurrent-cell', 'mse').expected['loss'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0


def test_importing_the_package_needs_numpy_only():
    import subprocess
    import sys

    code = (
        "import sys, unrolled; heavy = {'matplotlib', 'torch', 'IPython', 'nbformat', "
        "'scipy', 'pandas'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_verdict_is_plain_json_even_where_the_array_was_not_a_number():
    nan = judged("stable_sigmoid", lambda a: a * np.nan)
    assert nan.fault.kind == "nan"
    json.dumps(nan.to_dict(), allow_nan=False)
    assert Verdict.from_dict(nan.to_dict()).fault.got is None


def test_a_stub_is_one_line_in_a_notebook_too():
    def rnn_forward(xs, h0, W_xh, W_hh, b_h):
        raise NotImplementedError("Exercise 2.2: rnn_forward")

    shown = html(judged("rnn_forward", rnn_forward))
    assert shown.count("Exercise 2.2") == 1
    assert shown.count("<div") == 2
