"""How well known bugs are found and named, and right code is let alone.

python -m benchmarks.bug_bank              # all exercises
python -m benchmarks.bug_bank 12-language-models ...
"""

from __future__ import annotations

import sys
import time

from autograder import bank
from autograder.exercise import load, slugs
from autograder.oracle import PUBLIC

SECRETS = (PUBLIC, bank.HIDDEN, b"another year's secret")


def main(chosen: list[str]) -> None:
    start = time.perf_counter()
    print(f"{'function':20s} bugs  detected     named        nearest two")
    for slug in chosen:
        for function in load(slug).edits:
            row = bank.row(slug, function, SECRETS)
            print(
                f"{function:20s} {row.bugs:4d}  {row.detected:3d} of {row.tried:3d}"
                f"   {row.named:3d} of {row.tried:3d}   {row.apart:.1e}"
            )
    print()
    for slug in chosen:
        _variants(slug)
    print(f"\n{len(SECRETS)} seeds each, {time.perf_counter() - start:.0f} s")


def _variants(slug: str) -> None:
    variants = load(slug).variants.values()
    rejected = [
        f"{variant.name}: {fault}"
        for variant in variants
        for secret in SECRETS
        for fault in bank.unfair(variant, bank.try_variant(slug, variant, secret, True))
    ]
    print(f"{slug}: {len(variants)} variants, falsely judged: {len(rejected)}")
    print(*rejected, sep="\n") if rejected else None


if __name__ == "__main__":
    main(sys.argv[1:] or list(slugs()))
