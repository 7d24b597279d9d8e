"""Whatever form a message has, reading it gives plain values or Ended("protocol")."""

import random

import numpy as np
import pytest

from autograder.faults import Ended
from autograder.sandbox import outputs

KEYS = [
    *["status", "outputs", "output_type", "name", "text", "data", "text/plain"],
    *["image/png", "ename", "evalue", "traceback", "where", "error", "line", "after"],
    *["value", "again", "answer", "stand_in", "args", "ended", "function"],
]
LEAVES = [
    *[
        None,
        True,
        -1,
        2**62,
        1.5,
        float("nan"),
        "",
        "ok",
        "error",
        "stream",
        "x\x1b[0m",
    ],
    *["display_data", "execute_result", "step", "MemoryError: no", "MemoryErrorist"],
    *[np.arange(3), np.zeros(()), np.zeros(0, np.uint8), np.float64(1), np.bool_(True)],
]


def value(rng, depth):
    kind = rng.random()
    if depth == 0 or kind < 0.4:
        return rng.choice(LEAVES)
    if kind < 0.6:
        return [value(rng, depth - 1) for _ in range(rng.randrange(3))]
    keys = rng.sample(KEYS, rng.randrange(6))
    return {key: value(rng, depth - 1) for key in keys}


def shaped(rng):
    """Nearly what is expected, so that the deeper checks are reached too."""
    return rng.choice(
        [
            value(rng, 4),
            {"status": rng.choice(LEAVES), "outputs": [value(rng, 3)]},
            {"status": "ok", "outputs": [{"output_type": "stream", **_some(rng)}]},
            {"status": "ok", "outputs": [{"output_type": "error", **_some(rng)}]},
            {
                "status": "ok",
                "outputs": [{"output_type": "display_data", **_some(rng)}],
            },
            {"status": "ok", **_some(rng)},
            {"stand_in": rng.choice(LEAVES), "args": value(rng, 2)},
            {"ended": rng.choice(LEAVES)},
        ]
    )


def _some(rng):
    keys = rng.sample(KEYS[2:], rng.randrange(8))
    return {key: value(rng, 2) for key in keys if key != "output_type"}


@pytest.mark.parametrize(
    "read",
    [
        outputs.read,
        outputs.read_answer,
        outputs.read_status,
        lambda message: outputs.read_call(message, ["step"]),
    ],
    ids=["result", "answer", "status", "call"],
)
def test_no_message_makes_a_reader_fail_in_another_way(read):
    rng = random.Random(3)
    ends = set()
    for _ in range(20_000):
        try:
            read(shaped(rng))
            ends.add("read")
        except Ended as ended:
            ends.add(ended.kind)
    # Some were proper, so the deep branches were reached.
    assert {"read", "protocol"} <= ends <= {"read", "protocol", "memory"}


def test_a_picture_is_kept_only_if_it_is_a_png_of_a_sane_size():
    head = outputs.PNG + b"\0\0\0\rIHDR"
    for size, kept in ((640, True), (8193, False), (2**31, False)):
        data = head + size.to_bytes(4, "big") + (9).to_bytes(4, "big")
        picture = np.frombuffer(data, np.uint8)
        bundle = {"image/png": picture, "text/plain": "a", "text/html": "<b>"}
        item = {"output_type": "display_data", "data": bundle}
        (output,) = outputs.read({"status": "ok", "outputs": [item]}).outputs
        assert ("image/png" in output["data"]) is kept
        assert "text/html" not in output["data"]


def test_text_loses_escapes_and_control_characters_and_keeps_the_rest():
    text = "a\x1b[1;31mb\x1b]8;;http://x\x1b\\c\x07\x08\x9b2Jd\r\ne\rf\tg\nπ"
    assert outputs.clean(text) == "abc2Jd\ne\nf\tg\nπ"
