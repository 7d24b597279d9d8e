"""What holds for every exercise: the solution is certified, its bugs are known by
name, right code in any style is let alone, and nonsense earns nothing.

The solutions are certified twice, independently: by torch autograd on twins that
share no line with them, and by complex-step derivatives of their own forward passes.
"""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch_twins as twins

from autograder import bank, oracle
from autograder.exercise import ROOT, Edit, ExerciseError, every_combination, load
from unrolled.answer import answer
from unrolled.judge import Examiner

CELL, BPTT = "02-recurrent-cell", "03-bptt"
SLUGS = (CELL, BPTT)
SECRETS = {"public": oracle.PUBLIC, "hidden": bank.HIDDEN}
FUNCTIONS = [(slug, name) for slug in SLUGS for name in load(slug).graded]
TASKS = load(BPTT).tasks.values()
BANKED = [(slug, name) for slug in SLUGS for name in load(slug).edits]
VARIANTS = [(slug, name) for slug in SLUGS for name in load(slug).variants]
LEAST = {  # bugs that the bank holds at least, per function
    "rnn_step_forward": 9, "rnn_forward": 8, "stable_sigmoid": 4, "cross_entropy": 8,
    "mse": 5, "rnn_step_backward": 12, "rnn_backward": 12, "rnn_lm_loss": 8,
    "tangent_jacobian": 4, "reverse_jacobian": 3, "review_step": 63,
}  # fmt: skip


def every_case(slug, function):
    """All public and hidden cases in float64."""
    for secret in SECRETS.values():
        for case in bank.cases(slug, function, secret):
            if case.name != "float32":
                yield case


def relative(got, want):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    return np.max(np.abs(got - want), initial=0) / (
        np.max(np.abs(want), initial=0) or 1
    )


# ---------------------------------------------------------------- certification


GRADIENTS = {
    (BPTT, "rnn_step_backward"): twins.step_backward,
    (BPTT, "rnn_backward"): twins.backward,
    (BPTT, "rnn_lm_loss"): twins.language_model,
    (BPTT, "review_step"): twins.gradient_step,
    (CELL, "cross_entropy"): twins.softmax_loss,
    (CELL, "mse"): twins.squared_loss,
}


@pytest.mark.parametrize(("slug", "function"), GRADIENTS)
def test_solution_equals_torch_autograd(slug, function):
    for case in every_case(slug, function):
        twin = GRADIENTS[slug, function](case.inputs)
        assert case.expected.keys() == twin.keys()
        for name, want in twin.items():
            assert relative(case.expected[name], want) < 1e-12, (case.name, name)


@pytest.mark.parametrize("by", [twins.states, twins.library_states])
def test_forward_passes_equal_torch(by):
    for case in every_case(CELL, "rnn_forward"):
        with torch.no_grad():
            want = by(**twins.tensors(case.inputs))
        assert relative(case.expected["hs"], want.numpy()) < 1e-12
    for case in every_case(CELL, "rnn_step_forward"):
        t = twins.tensors(case.inputs)
        with torch.no_grad():
            want = by(t["x_t"][None], t["h_prev"], *twins.weights(t))[0]
        assert relative(case.expected["h_t"], want.numpy()) < 1e-12


def test_sigmoid_equals_torch():
    for case in every_case(CELL, "stable_sigmoid"):
        want = torch.sigmoid(torch.tensor(case.inputs["a"])).numpy()
        assert relative(case.expected["s"], want) < 1e-15


def test_jacobians_equal_torch():
    for case in every_case(BPTT, "tangent_jacobian"):
        assert relative(case.expected["J"], twins.jacobians(case.inputs)) < 1e-12
    for case in every_case(BPTT, "reverse_jacobian"):
        assert relative(case.expected["J"], twins.jacobians(case.inputs)[-1]) < 1e-12


def complex_step(loss, arrays):
    """d loss / d array, exact to rounding: no difference is taken."""
    grads = {}
    for name, array in arrays.items():
        grads[f"d{name}"] = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = {n: a.astype(complex) for n, a in arrays.items()}
            moved[name][index] += 1e-30j
            grads[f"d{name}"][index] = loss(moved).imag / 1e-30
    return grads


def step_loss(ref, inputs):
    def loss(a):
        args = load(CELL).tasks["rnn_step_forward"].args
        h_t, _ = ref["rnn_step_forward"](*(a[n] for n in args))
        return (h_t * inputs["dh_t"]).sum()

    return loss, {n: v for n, v in inputs.items() if n != "dh_t"}


def sequence_loss(ref, inputs):
    def loss(a):
        hs, _ = ref["rnn_forward"](a["xs"], a["h0"], a["W_xh"], a["W_hh"], a["b_h"])
        return (hs * inputs["dhs"]).sum()

    return loss, {n: v for n, v in inputs.items() if n != "dhs"}


def lm_loss(ref, inputs):
    return lambda a: ref["rnn_lm_loss"](a, inputs["ids"])[0], inputs["params"]


def softmax_loss(ref, inputs):
    def loss(a):
        return ref["cross_entropy"](a["logits"], inputs["targets"], inputs["mask"])[0]

    return loss, {"logits": inputs["logits"]}


def squared_loss(ref, inputs):
    return lambda a: ref["mse"](a["pred"], inputs["target"])[0], {
        "pred": inputs["pred"]
    }


COMPLEX = {
    (BPTT, "rnn_step_backward"): step_loss,
    (BPTT, "rnn_backward"): sequence_loss,
    (BPTT, "rnn_lm_loss"): lm_loss,
    (CELL, "cross_entropy"): softmax_loss,
    (CELL, "mse"): squared_loss,
}


@pytest.mark.parametrize(("slug", "function"), COMPLEX)
def test_solution_equals_complex_step(slug, function):
    case = bank.cases(slug, function, oracle.PUBLIC)[0]
    loss, arrays = COMPLEX[slug, function](oracle.reference(slug), case.inputs)
    for name, want in complex_step(loss, arrays).items():
        assert relative(case.expected[name], want) < 1e-12, name


def test_repaired_snippet_descends_by_the_complex_step_gradient():
    case = bank.cases(BPTT, "review_step", oracle.PUBLIC)[0]
    step, given = oracle.reference(BPTT)["review_step"], case.inputs
    xs, targets = (given[n].astype(complex) for n in ("xs", "targets"))
    grads = complex_step(lambda p: step(p, xs, targets, 0.0)[0], given["params"])
    for name, before in given["params"].items():
        want = before - given["lr"] * grads[f"d{name}"]
        assert relative(case.expected[name], want) < 1e-12, name


def test_forward_mode_equals_reverse_mode():
    case = bank.cases(BPTT, "tangent_jacobian", bank.HIDDEN)[0]
    ref, args = oracle.reference(BPTT), list(case.inputs.values())
    ahead, back = ref["tangent_jacobian"](*args)[-1], ref["reverse_jacobian"](*args)
    assert relative(ahead, back) < 1e-13


SIZES = {  # of the first case: distinct, and none of them one
    "rnn_step_forward": ("x_t", "W_xh"), "rnn_forward": ("xs", "W_xh"),
    "rnn_step_backward": ("x_t", "W_xh"), "rnn_backward": ("xs", "W_xh"),
    "cross_entropy": ("logits",), "mse": ("pred",), "stable_sigmoid": ("a",),
    "tangent_jacobian": ("xs", "W_xh"), "reverse_jacobian": ("xs", "W_xh"),
    "rnn_lm_loss": ("ids", "W_hy"), "review_step": ("xs", "W_hy"),
}  # fmt: skip


@pytest.mark.parametrize(("slug", "function"), BANKED)
def test_all_sizes_of_the_first_case_differ(slug, function):
    inputs = bank.cases(slug, function, oracle.PUBLIC)[0].inputs
    inputs = {**inputs, **inputs.get("params", {})}
    shapes = [inputs[name].shape for name in SIZES[function]]
    first, *others = shapes
    sizes = [*first, *(n for shape in others for n in shape if n not in first)]
    assert len(set(sizes)) == len(sizes)
    assert 1 not in sizes


# --------------------------------------------------------------------- the bank


@pytest.mark.parametrize(("slug", "function"), BANKED)
def test_bank_holds_enough_bugs(slug, function):
    edits = load(slug).edits[function]
    assert len(edits) >= LEAST[function]
    names = [edit.name for edit in edits]
    assert len(set(names)) == len(names)
    for edit in edits:
        assert edit.says.endswith("."), edit.name
        assert not edit.says.startswith(("The ", "A ", "It ")), edit.name


def test_bank_holds_at_least_120_single_bugs():
    singles = [
        edit
        for slug, function in BANKED
        for edit in load(slug).edits[function]
        if " + " not in edit.name
    ]
    assert len(singles) >= 120


@pytest.mark.parametrize("seed", SECRETS)
@pytest.mark.parametrize(("slug", "function"), BANKED)
def test_every_bug_is_detected_and_named_as_itself(slug, function, seed):
    row = bank.row(slug, function, [SECRETS[seed]])
    assert row.tried == row.bugs
    assert row.detected == row.tried
    assert row.named == row.tried


@pytest.mark.parametrize("seed", SECRETS)
@pytest.mark.parametrize(("slug", "function"), BANKED)
def test_no_two_bugs_give_the_same_answers(slug, function, seed):
    """Matching is to 1e-5; the nearest two are a thousand times further apart."""
    apart, which = bank.separation(bank.known(slug, function, SECRETS[seed]))
    assert apart > 1e-2, which


def test_edit_must_apply_exactly_once():
    with pytest.raises(ExerciseError, match="occurs 2 times"):
        Edit("twice", "a", "b", "says").apply("a a", "f")
    with pytest.raises(ExerciseError, match="occurs 0 times"):
        Edit("never", "c", "b", "says").apply("a a", "f")


def test_snippet_under_review_is_the_solution_with_all_six_mistakes():
    exercise = load(BPTT)
    worst = exercise.edits["review_step"][-1]
    assert worst.name.count(" + ") == 5
    broken = worst.apply(exercise.source("review_step"), "review_step")
    given = next(c for c in exercise.cells if c.metadata.get("given") == "review_me")
    marks = r"\n    ### (BEGIN|END) SOLUTION"
    assert body(re.sub(marks, "", broken)) == body(given.source)


def body(source):
    """The code after the docstring."""
    return source.split('"""', 2)[2].strip()


@pytest.mark.parametrize("left", [1, 2, 5])
def test_half_repaired_snippet_is_told_what_is_left(left):
    edits = load(BPTT).edits["review_step"]
    chosen = [edit for edit in edits if edit.name.count("+") == left - 1]
    edit = chosen[len(chosen) // 2]
    verdict = bank.try_bug(BPTT, "review_step", edit.name, bank.HIDDEN)
    assert verdict.says.startswith(f"{left} of the 6 mistakes left: ")
    for single in edits[:6]:
        clause = single.says.split(": ", 1)[1].rstrip(".")
        assert (clause in verdict.says) == (single.name in edit.name.split(" + "))


def test_unrepaired_snippet_is_not_told_its_mistakes():
    worst = load(BPTT).edits["review_step"][-1]
    verdict = bank.try_bug(BPTT, "review_step", worst.name, oracle.PUBLIC)
    assert verdict.says.startswith("all 6 mistakes are still there")


def test_combinations_are_all_subsets_but_the_empty_one():
    edits = [Edit(n, n, n.upper(), n, ((n * 2, n),)) for n in "abc"]
    combined = every_combination(edits)
    assert [e.name for e in combined[:4]] == ["a", "b", "c", "a + b"]
    assert len(combined) == 7
    assert combined[3].more == (("aa", "a"), ("b", "B"), ("bb", "b"))


def test_known_bug_is_named_in_code_that_also_writes_into_its_input():
    source = (
        load(BPTT)
        .source("rnn_step_backward")
        .replace(
            'da_t = dh_t * (1 - cache["h_t"] ** 2)',
            'da_t = dh_t\n    da_t *= 1 - cache["h_t"]',
        )
    )
    names = oracle.namespace(load(BPTT), {"rnn_step_backward": source})
    verdict = bank.examiner(BPTT, names).verdict("rnn_step_backward")
    assert verdict.bug == "slope-one-minus-h"


# -------------------------------------------------------------- right solutions


@pytest.mark.parametrize("secret", [oracle.PUBLIC, b"one", b"two", b"three"])
@pytest.mark.parametrize("slug", SLUGS)
def test_solution_gets_full_marks(slug, secret):
    judge = bank.examiner(slug, oracle.namespace(load(slug)), secret)
    for name in load(slug).graded:
        assert judge.verdict(name).status == "full", judge.verdict(name)


def test_there_are_enough_variants():
    assert len(VARIANTS) >= 45


@pytest.mark.parametrize(("slug", "variant"), VARIANTS)
def test_variant_keeps_every_value_point(slug, variant):
    """And loses the purity or shape point that its header says, and no other."""
    tried = load(slug).variants[variant]
    assert all("values" not in aspects for aspects in tried.loses.values())
    for secret in SECRETS.values():
        verdicts = bank.try_variant(slug, tried, secret, stands_in=True)
        assert bank.unfair(tried, verdicts) == []


def test_home_check_says_which_impure_function_breaks_its_caller():
    """Without stand-ins, a cache that is consumed breaks reverse_jacobian."""
    tried = load(BPTT).variants["consumed cache"]
    verdicts = bank.try_variant(BPTT, tried, oracle.PUBLIC, stands_in=False)
    assert verdicts["rnn_backward"].values_right
    assert not verdicts["reverse_jacobian"].values_right


# ----------------------------------------------------------- stubs and nonsense


def stub(source):
    region = r"    ### BEGIN SOLUTION.*### END SOLUTION"
    return re.sub(region, '    raise NotImplementedError("open")', source, flags=re.S)


@pytest.mark.parametrize(("slug", "function"), FUNCTIONS)
def test_stub_is_not_done(slug, function):
    cell = load(slug).cell_of(function)
    names = oracle.namespace(load(slug), {cell: stub(load(slug).source(cell))})
    verdict = bank.examiner(slug, names).verdict(function)
    assert verdict.status == "not_done"
    assert verdict.points == 0
    assert function in verdict.summary


def expected_form(slug, function, change):
    """A function that answers with `change` of every right array, in right form."""
    task = oracle.tasks(slug)[function]
    cases = bank.cases(slug, function, oracle.PUBLIC)
    by_text = {key(task, case.inputs): case.expected for case in cases}

    def faked(*args):
        found = by_text.get(key(task, dict(zip(task.args, args, strict=True))))
        found = found or cases[0].expected
        arrays = {name: change(np.asarray(a, dtype=float)) for name, a in found.items()}
        if task.as_dict:
            return arrays
        items = [
            {k: arrays[k] for k in task.keys[name]} if name in task.keys
            else arrays.get(name, {})
            for name in task.returns
        ]  # fmt: skip
        return items[0] if len(items) == 1 else tuple(items)

    return faked


def key(task, inputs):
    shapes = [np.shape(inputs[n]) for n in task.args if n in inputs and n != "cache"]
    return json.dumps(shapes)


NONSENSE = {
    "zeros": lambda right: right * 0,
    "ones": lambda right: right * 0 + 1,
    "NaN": lambda right: right * np.nan,
    "infinity": lambda right: right * 0 + np.inf,
    "None": lambda right: None,
    "a string": lambda right: "0.0",
    "a ragged list": lambda right: [[1.0], [2.0, 3.0]],
    "objects": lambda right: np.full(right.shape, None, dtype=object),
    "text arrays": lambda right: np.full(right.shape, "x"),
    "complex": lambda right: right + 0j,
    "a function": lambda right: len,
    "an empty list": lambda right: [],
    "an empty dict": lambda right: {},
    "True": lambda right: True,
    "half": lambda right: right[..., :0] if right.ndim else right + 1,
    "one axis more": lambda right: np.stack([right + 1]),
}
SHAPELESS = {
    "None": None,
    "a string": "done",
    "a number": 3,
    "an empty tuple": (),
    "seven things": (1, 2, 3, 4, 5, 6, 7),
    "a ragged list": [[1.0], [2.0, 3.0]],
    "deep lists": [[[[[[[[[1.0]]]]]]]]],
    "a set": {1, 2},
    "wrong keys": {"dx": 1.0, "dW": 2.0},
    "keys that are no text": {1: 2.0, None: 3.0},
    "an exception": ValueError("0.0"),
}


@pytest.mark.parametrize("what", NONSENSE)
@pytest.mark.parametrize(("slug", "function"), FUNCTIONS)
def test_nonsense_in_the_right_form_earns_nothing(slug, function, what):
    names = oracle.namespace(load(slug))
    names[function] = expected_form(slug, function, NONSENSE[what])
    verdict = bank.examiner(slug, names).verdict(function)
    if load(slug).tasks[function].quiz:  # any constant may hit one entry
        assert verdict.points <= verdict.of / 6
    else:
        assert_worthless(verdict)


@pytest.mark.parametrize("what", SHAPELESS)
@pytest.mark.parametrize(("slug", "function"), FUNCTIONS)
def test_nonsense_of_no_form_earns_nothing(slug, function, what):
    names = oracle.namespace(load(slug))
    names[function] = lambda *args: SHAPELESS[what]
    assert_worthless(bank.examiner(slug, names).verdict(function))


@pytest.mark.parametrize(("slug", "function"), FUNCTIONS)
def test_inputs_handed_back_earn_nothing(slug, function):
    names = oracle.namespace(load(slug))
    names[function] = lambda *args: args
    assert_worthless(bank.examiner(slug, names).verdict(function))


@pytest.mark.parametrize(
    "error", [RecursionError, MemoryError, KeyError, StopIteration]
)
def test_raising_earns_nothing(error):
    def raises(*args):
        raise error("x" * 10_000)

    for slug, function in FUNCTIONS:
        names = oracle.namespace(load(slug))
        names[function] = raises
        verdict = bank.examiner(slug, names).verdict(function)
        assert_worthless(verdict)
        assert len(verdict.summary) < 1000


def assert_worthless(verdict):
    assert verdict.points == 0, verdict
    assert verdict.status in ("wrong", "not_done")
    assert verdict.summary


# ------------------------------------------------------------- inherited faults


def wrong_neighbour(slug, function, bug, stands_in=True):
    return bank.examiner(slug, oracle.buggy(slug, function, bug), stands_in=stands_in)


STEP_BUGS = [edit.name for edit in load(CELL).edits["rnn_step_forward"]]
BACK_BUGS = [edit.name for edit in load(BPTT).edits["rnn_step_backward"]]


@pytest.mark.parametrize("bug", STEP_BUGS)
def test_wrong_step_costs_the_sequence_nothing(bug):
    """Neither its values, nor, by a shape or a float type, anything else."""
    judge = wrong_neighbour(CELL, "rnn_step_forward", bug)
    assert judge.verdict("rnn_forward").status == "full"


@pytest.mark.parametrize("bug", BACK_BUGS)
def test_wrong_step_backward_costs_nothing_after_it(bug):
    judge = wrong_neighbour(BPTT, "rnn_step_backward", bug)
    assert judge.verdict("rnn_step_backward").status != "full"
    for name in ("rnn_backward", "rnn_lm_loss", "reverse_jacobian"):
        assert judge.verdict(name).status == "full", judge.verdict(name)


def test_home_check_points_at_the_function_that_a_fault_may_come_from():
    judge = wrong_neighbour(CELL, "rnn_step_forward", "float64-always", stands_in=False)
    verdict = judge.verdict("rnn_forward")
    assert "repair rnn_step_forward first" in verdict.lines[-1].text
    assert verdict.says == ""


def earlier(change):
    """The exercise's names with notebook 02's functions changed by (old, new)."""
    source = load(BPTT).source("earlier")
    assert source.count(change[0]) == 1
    return oracle.namespace(load(BPTT), {"earlier": source.replace(*change)})


WRONG_EARLIER = {
    "no tanh": ("np.tanh(a_t)", "a_t"),
    "state not carried": ("(x_t, h_t, W_xh", "(x_t, h0, W_xh"),
    "loss without its mean": ("mask[..., None] / count", "mask[..., None]"),
    "cache without h_prev": ('"h_prev": h_prev, ', ""),
    "wrong state in the cache": ('"h_prev": h_prev', '"h_prev": h_t'),
}


@pytest.mark.parametrize("change", WRONG_EARLIER)
def test_wrong_functions_of_the_notebook_before_cost_nothing(change):
    judge = bank.examiner(BPTT, earlier(WRONG_EARLIER[change]), stands_in=True)
    verdicts = [judge.verdict(name) for name in load(BPTT).graded]
    assert [v.function for v in verdicts if not v.values_right] == []
    assert sum(v.of for v in verdicts) == sum(
        t.total for t in load(BPTT).tasks.values()
    )


def test_missing_functions_of_the_notebook_before_are_not_the_backward_passes_fault():
    names = oracle.namespace(load(BPTT), {"earlier": "# paste your functions here"})
    judge = bank.examiner(BPTT, names, stands_in=False)
    assert judge.verdict("rnn_step_backward").status == "full"
    assert judge.verdict("rnn_backward").status == "full"
    assert "rnn_forward" in judge.verdict("rnn_lm_loss").summary


def test_own_fault_counts_beside_an_inherited_one():
    exercise = load(BPTT)
    step, sequence = (
        next(e for e in exercise.edits[f] if e.name == name)
        for f, name in [
            ("rnn_step_backward", "no-tanh-slope"),
            ("rnn_backward", "dxs-reversed"),
        ]
    )
    cells = {
        "rnn_step_backward": step.apply(exercise.source("rnn_step_backward"), ""),
        "rnn_backward": sequence.apply(exercise.source("rnn_backward"), ""),
    }
    names = oracle.namespace(exercise, cells)
    verdict = bank.examiner(BPTT, names, stands_in=True).verdict("rnn_backward")
    assert verdict.bug == "dxs-reversed"
    assert verdict.fault.array == "dxs"
    assert verdict.lines[0].earned == pytest.approx(4)  # four of five arrays


# ------------------------------------------------------------------ the notebook


@pytest.mark.parametrize("slug", SLUGS)
def test_cells_fit_the_printed_page(slug):
    for cell in load(slug).cells:
        for line in cell.source.splitlines():
            assert len(line) <= 79, line


@pytest.mark.parametrize(("slug", "function"), FUNCTIONS)
def test_what_to_read_is_a_section_of_the_chapter(slug, function):
    chapter, section = load(slug).tasks[function].read.split(", ", 1)
    assert chapter == f"chapter {int(slug[:2])}"
    text = (ROOT / "book" / f"{slug}.md").read_text("utf-8")
    assert re.search(rf"^##+ {re.escape(section)}$", text, re.M)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_task_has_its_prose_its_stub_and_its_check(slug):
    exercise = load(slug)
    prose = "\n".join(c.source for c in exercise.cells if c.cell_type == "markdown")
    checks = [c.metadata["check"] for c in exercise.cells if "check" in c.metadata]
    assert checks == list(exercise.graded)
    for name in exercise.graded:
        assert f"{{task:{name}}}" in prose
        source = exercise.source(exercise.cell_of(name))
        assert "### BEGIN SOLUTION" in source
        assert '"""' in source.split("### BEGIN SOLUTION")[0]


def test_earlier_functions_carry_no_points_here():
    earlier_names = set(load(BPTT).tasks) - set(load(BPTT).graded)
    assert earlier_names == {"rnn_step_forward", "rnn_forward", "cross_entropy"}
    for name in earlier_names:
        assert load(BPTT).tasks[name] == replace(load(CELL).tasks[name], points={})


def test_verdicts_do_not_depend_on_the_order_of_asking():
    names = oracle.buggy(BPTT, "rnn_backward", "not-carried")
    one = bank.examiner(BPTT, names)
    other = bank.examiner(BPTT, names)
    forwards = {n: one.verdict(n) for n in load(BPTT).graded}
    backwards = {n: other.verdict(n) for n in reversed(load(BPTT).graded)}
    assert forwards == backwards


def test_home_and_grading_agree_on_the_public_cases():
    """The same examiner, with and without stand-ins, on right code."""
    names = oracle.namespace(load(BPTT))
    home = Examiner(
        oracle.tasks(BPTT),
        {n: bank.cases(BPTT, n, oracle.PUBLIC) for n in oracle.tasks(BPTT)},
        lambda name: (),
        lambda question: answer(question, names),
    )
    graded = bank.examiner(BPTT, names, stands_in=True)
    for name in load(BPTT).graded:
        assert home.verdict(name) == graded.verdict(name)
