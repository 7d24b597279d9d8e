"""Say how far two computations of the same thing are apart, or stop.

The chapters evaluate every equation in two ways and end with a line of this.
"""

import numpy as np


def agree(what: str, got: object, want: object, tolerance: float = 1e-12) -> None:
    """Print the largest difference, relative to the largest entry of `want`.

    Shapes are compared first: broadcasting would hide a (1, H) beside an (H,).
    """
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        raise AssertionError(f"{what}: shape {got.shape}, expected {want.shape}.")
    scale = max(np.max(np.abs(want), initial=0.0), np.finfo(float).tiny)
    apart = float(np.max(np.abs(got - want), initial=0.0) / scale)
    if not apart <= tolerance:  # written so that NaN fails
        raise AssertionError(
            f"{what}: relative difference {apart:.1e}, allowed {tolerance:.0e}."
        )
    print(f"{what}: equal to {apart:.0e}" if apart else f"{what}: equal bit for bit")
