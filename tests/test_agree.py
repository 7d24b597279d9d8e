import numpy as np
import pytest

from unrolled.agree import agree


def test_says_how_far_apart(capsys):
    agree("half a step", [2.0, 4.0], [2.0, 4.0 + 4e-14])
    assert capsys.readouterr().out == "half a step: equal to 1e-14\n"


def test_exact_equality_is_said_in_words(capsys):
    agree("h_t", np.ones(3), np.ones(3))
    assert capsys.readouterr().out == "h_t: equal bit for bit\n"


def test_nan_is_never_equal():
    with pytest.raises(AssertionError, match="h_t: relative difference nan"):
        agree("h_t", [np.nan], [0.0])


def test_shapes_are_not_broadcast():
    with pytest.raises(AssertionError, match=r"db_h: shape \(1, 3\), expected \(3,\)"):
        agree("db_h", np.ones((1, 3)), np.ones(3))
