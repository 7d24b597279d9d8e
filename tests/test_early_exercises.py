"""The exercises of chapters 0 and 1: their bugs are known by name, right code in any
style is let alone, stubs are not done, and what they tell to read exists."""

import re

import pytest

from autograder import bank, oracle
from autograder.exercise import ROOT, load

SLUGS = ("00-start-here", "01-sequences-and-state")
SECRETS = {"public": oracle.PUBLIC, "hidden": bank.HIDDEN}
FUNCTIONS = [(slug, name) for slug in SLUGS for name in load(slug).graded]
VARIANTS = [(slug, name) for slug in SLUGS for name in load(slug).variants]
TRIVIAL = ("choose_eps",)

each_function = pytest.mark.parametrize(("slug", "function"), FUNCTIONS)
each_seed = pytest.mark.parametrize("seed", SECRETS)


@each_function
def test_the_bank_holds_enough_bugs(slug, function):
    edits = load(slug).edits[function]
    assert len(edits) >= (3 if function in TRIVIAL else 6)
    assert len({edit.name for edit in edits}) == len(edits)
    for edit in edits:
        assert edit.says.endswith("."), edit.name
        assert edit.says[0].islower() or not edit.says[0].isalpha(), edit.name


@each_seed
@each_function
def test_every_bug_is_detected_and_named_as_itself(slug, function, seed):
    row = bank.row(slug, function, [SECRETS[seed]])
    assert row.tried == row.bugs
    assert row.detected == row.tried
    assert row.named == row.tried


@each_seed
@each_function
def test_no_two_bugs_give_the_same_answers(slug, function, seed):
    apart, which = bank.separation(bank.known(slug, function, SECRETS[seed]))
    assert apart > 1e-2, which


@pytest.mark.parametrize("secret", [oracle.PUBLIC, b"one", b"two", b"three"])
@pytest.mark.parametrize("slug", SLUGS)
def test_the_solution_gets_full_marks(slug, secret):
    judge = bank.examiner(slug, oracle.namespace(load(slug)), secret)
    for name in load(slug).graded:
        assert judge.verdict(name).status == "full", judge.verdict(name)


@each_seed
@pytest.mark.parametrize(("slug", "variant"), VARIANTS)
def test_a_variant_keeps_every_value_point(slug, variant, seed):
    tried = load(slug).variants[variant]
    verdicts = bank.try_variant(slug, tried, SECRETS[seed], stands_in=True)
    assert bank.unfair(tried, verdicts) == []


@each_function
def test_a_stub_is_not_done(slug, function):
    exercise = load(slug)
    cell = exercise.cell_of(function)
    region = r"    ### BEGIN SOLUTION.*### END SOLUTION"
    stub = '    raise NotImplementedError("open")'
    source = re.sub(region, stub, exercise.source(cell), flags=re.S)
    names = oracle.namespace(exercise, {cell: source})
    verdict = bank.examiner(slug, names).verdict(function)
    assert (verdict.status, verdict.points) == ("not_done", 0)


@pytest.mark.parametrize("nonsense", [None, 0.0, [[1.0], [2.0, 3.0]], "dx", {}])
@each_function
def test_nonsense_earns_nothing(slug, function, nonsense):
    names = {**oracle.reference(slug), function: lambda *args: nonsense}
    assert bank.examiner(slug, names).verdict(function).points == 0


@each_function
def test_inputs_handed_back_earn_nothing(slug, function):
    names = {**oracle.reference(slug), function: lambda *args: args and args[0]}
    assert bank.examiner(slug, names).verdict(function).points == 0


def test_refusing_everything_earns_nothing():
    def refuses(*args):
        raise ValueError("no")

    for slug, function in FUNCTIONS:
        names = {**oracle.reference(slug), function: refuses}
        assert bank.examiner(slug, names).verdict(function).points == 0


def test_a_wrong_convolution_does_not_cost_the_leaky_one():
    slug = "01-sequences-and-state"
    names = oracle.buggy(slug, "causal_conv", "flipped")
    judge = bank.examiner(slug, names, stands_in=True)
    assert judge.verdict("causal_conv").bug == "flipped"
    assert judge.verdict("leaky_conv").status == "full"
    assert judge.verdict("leaky_conv").blames == ("causal_conv",)


@each_function
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
    assert all(f"{{task:{name}}}" in prose for name in exercise.graded)
    lines = [line for c in exercise.cells for line in c.source.splitlines()]
    assert max(map(len, lines)) <= 79
