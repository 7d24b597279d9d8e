"""What a student's notebook and the book's chapters import. Needs NumPy only.

    from unrolled import check
    check("rnn_forward", rnn_forward)

No answer lives in this package: expected numbers come from a `checks.npz` that
was made from the instructor's side (see `unrolled.checks`).
"""

from unrolled.check import check
from unrolled.checks import public_case, public_data

__all__ = ["check", "public_case", "public_data"]
__version__ = "0.1.0"
