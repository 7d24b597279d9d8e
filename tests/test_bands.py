"""Exercises that train: the band was measured, and tells right from wrong."""

import json

import pytest

from benchmarks import bands

TRAINED = [task for _, task in bands.trained()]
ELSEWHERE = {  # their weights are good enough; another check finds them (test_bank)
    *((task.name, "in-place") for task in TRAINED),
    ("train_lm", "state-not-carried"),
    ("train_lm", "never-back-at-zero"),
}
MEASURED = json.loads(bands.FILE.read_text("utf-8"))


@pytest.mark.parametrize("task", TRAINED, ids=lambda task: task.name)
def test_the_band_was_measured_and_leaves_room_on_both_sides(task):
    rows = dict(MEASURED[task.name])
    assert rows.pop("band") == bands.FIGURES[task.measure][0]
    assert rows["solution"]["seeds"] >= 200
    for name, row in rows.items():
        if row["kind"] == "right":
            assert row["passed"] == row["seeds"], name
            assert row["tail"] < 1e-3, name
        elif (task.name, name) not in ELSEWHERE:
            assert row["passed"] == 0, name
