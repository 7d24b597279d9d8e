"""Real time series for the chapter about forecasting; statsmodels brings them along.

    times, values = elnino()

All are in the public domain and need no network. Each comes as two arrays of one
length, oldest first; a value that was never measured is NaN.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np


def sunspots() -> tuple[np.ndarray, np.ndarray]:
    """Sunspot numbers, one a year: years (309,) ints, 1700 to 2008; values (309,).

    Source: National Geophysical Data Center, "Solar data".
    """
    table = _table("sunspots")
    return table["YEAR"].to_numpy().astype(int), table["SUNACTIVITY"].to_numpy(float)


def elnino() -> tuple[np.ndarray, np.ndarray]:
    """Temperature of the sea off Peru, one a month, in degrees Celsius.

    months (732,) datetime64[M], January 1950 to December 2010; values (732,).
    Source: NOAA, ERSST.V3B, region Nino 1+2.
    """
    table = _table("elnino")
    values = table.drop(columns="YEAR").to_numpy(float)  # (years, 12)
    first = np.datetime64(f"{int(table['YEAR'].iloc[0])}-01", "M")
    return first + np.arange(values.size), values.ravel()


def co2() -> tuple[np.ndarray, np.ndarray]:
    """Carbon dioxide in the air on Mauna Loa, one a week, in parts per million.

    weeks (2284,) datetime64[D], Saturdays from March 1958 to December 2001;
    values (2284,), of which 59 are really missing: NaN.
    Source: Keeling and Whorf (2004), Scripps, flask samples.
    """
    table = _table("co2")
    return table.index.to_numpy().astype("datetime64[D]"), table["co2"].to_numpy(float)


def _table(name: str) -> Any:
    try:
        source = import_module(f"statsmodels.datasets.{name}")
    except ModuleNotFoundError as missing:
        text = f"The series {name!r} comes with statsmodels: pip install statsmodels"
        raise ModuleNotFoundError(f"{text}.", name=missing.name) from None
    return source.load_pandas().data
