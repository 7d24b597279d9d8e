"""What containment costs: milliseconds for one submission, and against no sandbox.

    python benchmarks/sandbox_speed.py [--sessions 40] [--torch]

One submission is here four trivial cells and five questions. "warm process" runs the
same cells with IPython and the same questions with the same code, in one process that
has imported everything, without forks: nothing a grader does can be faster.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autograder.inside import shell
from autograder.sandbox import Limits, Sandbox
from unrolled.answer import answer

CELLS = [
    "import numpy as np",
    "def step(x, h, W):\n    return np.tanh(x + h @ W)",
    "def forward(xs, h, W):\n"
    "    hs = []\n"
    "    for x in xs:\n"
    "        h = step(x, h, W)\n"
    "        hs.append(h)\n"
    "    return np.stack(hs)",
    "print(forward(np.ones((3, 2, 4)), np.zeros((2, 4)), np.eye(4)).shape)",
]
RNG = np.random.default_rng(0)
INPUTS = {
    "xs": RNG.normal(size=(7, 3, 5)),
    "h": RNG.normal(size=(3, 5)),
    "W": RNG.normal(size=(5, 5)),
}
QUESTION = {
    "call": "forward",
    "args": list(INPUTS),
    "inputs": INPUTS,
    "before": None,
    "keep": [True],
    "twice": False,
    "stand_ins": [],
}
QUESTIONS = 5


def contained(sandbox: Sandbox) -> Callable[[], None]:
    def once() -> None:
        with sandbox.open() as session:
            results = session.run(CELLS)
            assert all(result.status == "ok" for result in results)
            for _ in range(QUESTIONS):
                assert session.ask(QUESTION)["status"] == "ok"

    return once


def warm_process() -> None:
    notebook = shell.Shell.instance()
    for cell in CELLS:
        assert notebook.run(cell, 10_000)[0] == "ok"
    for _ in range(QUESTIONS):
        assert answer(QUESTION, notebook.user_ns)["status"] == "ok"


def fresh(imports: tuple[str, ...], *, unsafe: bool = False) -> None:
    """A sandbox that is started for one submission, as one without a warm parent is."""
    with Sandbox(Limits(), imports, unsafe=unsafe) as sandbox:
        contained(sandbox)()


def timed(work: Callable[[], None], count: int) -> tuple[float, float]:
    """Median and 90th percentile of one call, in ms."""
    work()
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), sorted(taken)[int(count * 0.9)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--torch", action="store_true", help="the warm parent has it")
    chosen = parser.parse_args()
    imports = ("numpy", "torch") if chosen.torch else ("numpy",)
    few = max(3, chosen.sessions // 8)
    rows = {}
    with Sandbox(Limits(), imports) as sandbox:
        rows["sandbox, warm parent"] = timed(contained(sandbox), chosen.sessions)
    with Sandbox(Limits(), imports, unsafe=True) as sandbox:
        rows["--unsafe, warm parent"] = timed(contained(sandbox), chosen.sessions)
    rows["sandbox, started each time"] = timed(lambda: fresh(imports), few)
    streams = sys.stdout, sys.stderr
    shell.make()
    rows["warm process, no fork"] = timed(warm_process, chosen.sessions)
    sys.stdout, sys.stderr = streams
    least = rows["warm process, no fork"][0]
    print(
        f"{len(CELLS)} cells and {QUESTIONS} questions; imports: {', '.join(imports)}"
    )
    print(f"{'':28}{'median ms':>10}{'p90 ms':>10}{'ratio':>8}")
    for name, (median, p90) in rows.items():
        print(f"{name:28}{median:10.1f}{p90:10.1f}{median / least:8.1f}")


if __name__ == "__main__":
    main()
