"""What holds for every exercise: its bugs are known by name, the solution and right
code in any style are let alone.

All exercises in `solutions/` are tried, with their public cases and with hidden ones.
"""

import re

import numpy as np
import pytest
from certification import SECRETS

from autograder import bank, oracle
from autograder.exercise import load, slugs

SLUGS = slugs()
BANKED = [(slug, name) for slug in SLUGS for name in load(slug).edits]
VARIANTS = [(slug, name) for slug in SLUGS for name in load(slug).variants]

each_bank = pytest.mark.parametrize(("slug", "function"), BANKED)
each_seed = pytest.mark.parametrize("seed", SECRETS)


def least(task):
    """The bugs that the bank has to hold: fewer where few mistakes can be made."""
    return 3 if task.quiz or task.measure else 6


@pytest.mark.parametrize("slug", SLUGS)
def test_every_function_has_a_bank(slug):
    banked = load(slug).edits
    assert banked.keys() <= load(slug).graded.keys()
    for name, task in load(slug).graded.items():
        assert task.quiz or len(banked.get(name, ())) >= least(task), name


@each_bank
def test_every_bug_has_a_name_and_a_sentence(slug, function):
    edits = load(slug).edits[function]
    assert len({edit.name for edit in edits}) == len(edits)
    for edit in edits:
        assert edit.says.endswith((".", "?", ".)")), edit.name
        assert not edit.says.startswith(("The ", "A ", "It ")), edit.name


@each_seed
@each_bank
def test_every_bug_is_detected_and_named_as_itself(slug, function, seed):
    row = bank.row(slug, function, [SECRETS[seed]])
    assert row.tried == row.bugs
    assert row.detected == row.tried
    assert row.named == row.tried


@each_seed
@each_bank
def test_no_two_bugs_give_the_same_answers(slug, function, seed):
    """Matching is to 1e-5; the nearest two are a hundred times further apart."""
    apart, which = bank.separation(bank.known(slug, function, SECRETS[seed]))
    assert apart > 1e-3, which


@pytest.mark.parametrize("secret", [oracle.PUBLIC, b"one", b"two", b"three"])
@pytest.mark.parametrize("slug", SLUGS)
def test_the_solution_gets_full_marks(slug, secret):
    judge = bank.examiner(slug, dict(oracle.reference(slug)), secret)
    for name in load(slug).graded:
        assert judge.verdict(name).status == "full", judge.verdict(name)


@each_seed
@pytest.mark.parametrize(("slug", "variant"), VARIANTS)
def test_a_variant_keeps_every_value_point(slug, variant, seed):
    """And loses the purity or shape point that its header says, and no other."""
    tried = load(slug).variants[variant]
    assert all("values" not in aspects for aspects in tried.loses.values())
    verdicts = bank.try_variant(slug, tried, SECRETS[seed], stands_in=True)
    assert bank.unfair(tried, verdicts) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_every_function_that_can_be_written_in_another_style_is(slug):
    defined = [
        name
        for variant in load(slug).variants.values()
        for source in variant.cells.values()
        for name in re.findall(r"^(?:def|class) (\w+)", source, re.M)
    ]
    tasks = load(slug).graded.values()
    assert [t.name for t in tasks if not t.quiz and t.name not in defined] == []


# ----------------------------------------------------------- nonsense earns nothing


def expected_form(slug, function, change):
    """A function that answers with `change` of every right array, in right form."""
    task = oracle.tasks(slug)[function]
    cases = bank.cases(slug, function, oracle.PUBLIC)
    by_shape = {shapes(task, case.inputs): case.expected for case in cases}

    def faked(*args):
        found = by_shape.get(shapes(task, dict(zip(task.args, args, strict=True))))
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


def shapes(task, inputs):
    return str([np.shape(inputs[n]) for n in task.args if n in inputs and n != "cache"])


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
    "a number": 3.7,
    "an empty tuple": (),
    "seven things": (1, 2, 3, 4, 5, 6, 7),
    "a ragged list": [[1.0], [2.0, 3.0]],
    "deep lists": [[[[[[[[[1.0]]]]]]]]],
    "a set": {1, 2},
    "wrong keys": {"dx": 1.0, "dW": 2.0},
    "keys that are no text": {1: 2.0, None: 3.0},
    "an exception": ValueError("0.0"),
    "a function": len,
}
FUNCTIONS = [(slug, name) for slug in SLUGS for name in load(slug).graded]
each_function = pytest.mark.parametrize(("slug", "function"), FUNCTIONS)


def verdict_on(slug, function, answer):
    """With every other function right."""
    names = {**oracle.reference(slug), function: answer}
    return bank.examiner(slug, names).verdict(function)


def assert_worthless(verdict, what):
    assert verdict.points == 0, (what, verdict)
    assert verdict.status in ("wrong", "not_done"), what
    assert 0 < len(verdict.summary) < 1000, what


def by_chance(slug, function, change):
    """The share of what is asked that `change` of the right answer leaves right: a
    quiz's entries that are all this number, an initial bias that is zero."""
    task, hits = oracle.tasks(slug)[function], []
    for case in bank.cases(slug, function, oracle.PUBLIC):
        if case.aspect == "values" and not case.raises:
            same = [_same(change, case.expected[name]) for name in task.arrays]
            hits.append(np.mean(same) if task.quiz else np.mean(np.floor(same)))
    return min(hits)


def _same(change, right):
    """The share of entries that `change` leaves as they were."""
    right = np.asarray(right, dtype=float)
    try:
        changed = np.asarray(change(right))
    except ValueError:  # a ragged list
        return 0.0
    numbers = changed.dtype.kind in "biuf" and changed.size
    return float(np.mean(changed == right)) if numbers else 0.0


@each_function
def test_nonsense_in_the_right_form_earns_nothing(slug, function):
    task = load(slug).tasks[function]
    for what, change in NONSENSE.items():
        answer = expected_form(slug, function, change)
        verdict = verdict_on(slug, function, answer)
        chance = 0 if task.measure else by_chance(slug, function, change)
        if chance:
            assert verdict.points <= task.points["values"] * chance + 0.01, what
        else:
            assert_worthless(verdict, what)


@each_function
def test_nonsense_of_no_form_earns_nothing(slug, function):
    for what, value in SHAPELESS.items():
        assert_worthless(verdict_on(slug, function, lambda *_, v=value: v), what)


@each_function
def test_inputs_handed_back_and_errors_earn_nothing(slug, function):
    assert_worthless(verdict_on(slug, function, lambda *args: args), "inputs")
    assert_worthless(verdict_on(slug, function, lambda *a: a and a[0]), "an input")
    for error in RecursionError, MemoryError, KeyError, ValueError, StopIteration:

        def raises(*args, error=error):
            raise error("x" * 10_000)

        assert_worthless(verdict_on(slug, function, raises), error)
