"""What certifies a reference: its cases, and how far its answers are from others'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from autograder import bank, oracle
from unrolled.task import Case

SECRETS = {"public": oracle.PUBLIC, "hidden": bank.HIDDEN}


def cases(slug: str, function: str) -> list[Case]:
    """The public cases and those of a secret, in float64, that have an answer."""
    found = [c for s in SECRETS.values() for c in bank.cases(slug, function, s)]
    return [c for c in found if not c.raises and "float32" not in c.name]


def each(slug: str, function: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases(slug, function), ids=lambda c: c.name)


def relative(got: Any, want: Any) -> float:
    """The largest difference, relative to the largest number that is wanted.

    Fails for another shape, and where not the same numbers are missing (NaN).
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    missing = np.isnan(want)
    assert np.array_equal(np.isnan(got), missing)
    got, want = np.where(missing, 0, got), np.where(missing, 0, want)
    scale = np.max(np.abs(want), initial=0) or 1
    return np.max(np.abs(got - want), initial=0) / scale


def assert_equal(case: Case, want: Mapping[str, Any], tolerance: float = 1e-12) -> None:
    """The reference's answers are these, and no others."""
    assert case.expected.keys() == want.keys()
    for name, value in want.items():
        assert relative(case.expected[name], value) <= tolerance, (case.name, name)
