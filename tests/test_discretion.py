import sys
import tempfile

import numpy as np
import pytest

from autograder import discretion, plugin, rebuild
from autograder.exercise import ROOT
from unrolled.compare import Fault
from unrolled.verdict import Ended, Line, Verdict

QUESTION = {
    "call": "rnn_backward",
    "args": ["dhs", "cache"],
    "inputs": {"dhs": 1, "xs": 2},
    "before": {"call": "rnn_forward", "args": ["xs"]},
    "stand_ins": [],
}


def heard(**fields):
    found = {"status": "ok", "function": "rnn_backward", "value": 1.0, **fields}
    return discretion.answer(found, QUESTION, {"dxs", "steps"})


def told(text):
    line = Line("values", 0, 1, text)
    fault = Fault("value", "hs", text, (0,), got=0.25, expected=0.5)
    return discretion.verdict(
        Verdict("f", "Exercise", "wrong", (line,), text, fault=fault)
    )


@pytest.mark.parametrize("status", ["full", "", None, 3, "could_not_check"])
def test_only_an_answer_is_an_answer(status):
    with pytest.raises(Ended, match="not an answer"):
        heard(status=status)


def test_a_forged_function_or_place_is_not_repeated():
    found = heard(function="123.456", where="789", after={"secret": 1, "dhs": 2})
    assert found["function"] == "rnn_backward"
    assert found["where"] == "call"
    assert found["after"] == {"dhs": 2}
    assert heard(function="rnn_forward")["function"] == "rnn_forward"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        ("ValueError: 0.123", "ValueError:"),
        ("LinAlgError: 0.123", "LinAlgError:"),
        ("QwertyError: 0.123", "own:"),
        ("0.123", "own:"),
        (None, ""),
    ],
)
def test_of_an_error_only_a_built_in_name_is_kept(error, kept):
    assert heard(status="error", error=error)["error"] == kept


def test_undocumented_keys_lose_their_names():
    value = [{"dxs": np.ones(2), "0.1234": 1}, {"steps": {"x": 1}}]
    assert list(heard(value=value)["value"][0]) == ["dxs", discretion.OTHER]
    assert heard(value=value)["value"][1] == {"steps": {discretion.OTHER: 1}}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("it is 1/32 of the right array", "it is 1/32 of the right array"),
        ("it is 1/123456 of the right array", "it is a fraction of the right array"),
        ("it is 2 times the right array", "it is 2 times the right array"),
        ("it is 0.7312 times the right array", "it is a multiple of the right array"),
        (
            "hs has shape (3, 4), expected (6, 4)",
            "hs has shape (3, 4), expected (6, 4)",
        ),
        ("hs has shape (0, 123456)", "hs has a shape with other sizes"),
        ("hs has shape (1, 1, 1, 1, 1)", "hs has a shape with other sizes"),
    ],
)
def test_only_small_numbers_are_told(said, shown):
    found = told(said)
    assert found.summary == found.lines[0].text == found.fault.text == shown


def test_a_hidden_fault_has_no_values():
    fault = told("hs is wrong").fault
    assert (fault.got, fault.expected) == (None, None)
    assert fault.index == (0,)


def test_a_fault_of_the_grader_is_told_without_its_words():
    why = "the grader failed (GraderFault: bwrap: Can't mkdir /srv/a (b): no)."
    verdict = Verdict("f", "", "could_not_check", (Line("values", 0, 1, why),), why)
    (shown, *_) = plugin.outputs(verdict)
    assert "the grader failed." in shown["data"]["text/plain"]
    assert "/srv" not in shown["data"]["text/plain"] + shown["data"]["text/html"]
    notebook = rebuild.refused("02-recurrent-cell", f"Here {why}")
    assert "/srv" not in notebook.cells[0].source
    assert "/srv" in notebook.metadata[rebuild.MARK]["unreadable"]


@pytest.mark.parametrize("place", [sys.prefix, sys.base_prefix, str(ROOT)])
def test_no_output_names_a_folder_of_this_machine(place):
    session = f"{tempfile.gettempdir()}/autograder-ab1_x"
    said = {"traceback": [f"File {place}/lib/x.py", f"in {session}/work"]}
    told = discretion.without_paths(said)["traceback"]
    assert told[1] == "in <session>/work"
    assert place == "/usr" or place not in told[0]
