import sys

import numpy as np
import pytest

from unrolled.strokes import delayed, digits


def test_the_rows_of_1797_digits_come_time_first():
    xs, labels = digits()
    assert xs.shape == (8, 1797, 8)
    assert xs.dtype == np.float64
    assert (xs.min(), xs.max()) == (0, 1)
    assert sorted(set(labels)) == list(range(10))


def test_the_other_orders_hold_the_same_ink():
    rows, labels = digits("rows")
    columns, same = digits("columns")
    pixels, _ = digits("pixels")
    assert np.array_equal(columns, rows.transpose(2, 1, 0))
    assert np.array_equal(pixels[:, :, 0], rows.transpose(0, 2, 1).reshape(64, -1))
    assert np.array_equal(labels, same)


def test_an_order_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rows, columns, pixels"):
        digits("spiral")


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-learn"):
        digits()


def test_a_delay_puts_blank_steps_in_front():
    xs = np.random.default_rng(0).random((3, 2, 4)).astype(np.float32)
    late = delayed(xs, np.array([0, 2]), 6)
    assert late.shape == (6, 2, 4)
    assert late.dtype == np.float32
    assert np.array_equal(late[:3, 0], xs[:, 0])
    assert np.array_equal(late[2:5, 1], xs[:, 1])
    assert late.sum() == pytest.approx(xs.sum())


@pytest.mark.parametrize("delays", [[0, 4], [-1, 0]])
def test_a_delay_beyond_the_end_is_refused(delays):
    with pytest.raises(ValueError, match="does not fit"):
        delayed(np.ones((3, 2, 4)), np.array(delays), 6)
