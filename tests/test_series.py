import sys

import numpy as np
import pytest

from unrolled import series

SHAPES = {"sunspots": 309, "elnino": 732, "co2": 2284}


@pytest.mark.parametrize(("name", "length"), SHAPES.items())
def test_a_series_is_long_and_in_order(name, length):
    times, values = getattr(series, name)()
    assert len(times) == len(values) == length
    assert (np.diff(times) > np.zeros(1, np.diff(times).dtype)).all()


def test_the_sea_off_peru_has_every_month_and_is_warm_in_march():
    months, values = series.elnino()
    assert (np.diff(months) == np.timedelta64(1, "M")).all()
    assert (months[0], months[-1]) == (
        np.datetime64("1950-01"),
        np.datetime64("2010-12"),
    )
    assert np.argmax(values.reshape(-1, 12).mean(axis=0)) == 2


def test_fifty_nine_weeks_of_the_air_are_really_missing():
    weeks, values = series.co2()
    assert np.isnan(values).sum() == 59
    assert (np.diff(weeks) == np.timedelta64(7, "D")).all()
    assert np.nanmin(values) > 310
    assert np.nanmax(values) < 375


@pytest.mark.parametrize("name", SHAPES)
def test_without_statsmodels_a_sentence_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, f"statsmodels.datasets.{name}", None)
    with pytest.raises(ModuleNotFoundError, match="pip install statsmodels"):
        getattr(series, name)()
