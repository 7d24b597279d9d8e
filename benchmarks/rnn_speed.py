"""What an LSTM costs, written in eight ways: forward, and forward with backward.

    python -m benchmarks.rnn_speed [--out FILE] [--rounds 15] [--quick]

Measures on the CPU with one thread, in float32 and float64, and on a CUDA device
where there is one, in float32; what needs CUDA is left out elsewhere, and the file
says so. All ways get the same weights and inputs, and are first compared with
torch.nn.LSTM. They take turns, so that the ratios within a round can be trusted even
where the machine has other work; milliseconds cannot. A turn begins with a run that is
not counted. About ten minutes on the CPU.

    numpy loop    the functions of exercise 6
    numpy fast    benchmarks/numpy_lstm.py
    torch loop    gate by gate, as the equations stand in the book
    torch fused   the input's product for all steps at once, one product per step
    compiled      the same, its step by torch.compile
    CUDA graph    torch fused, forward and backward, recorded once and replayed
    triton        unrolled/kernel.py
    torch.nn      nn.LSTM: cuDNN on a GPU, oneDNN on the CPU in float32

Besides: the machine's roofline, and how long torch.compile takes over a whole loop.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import processor
from benchmarks.numpy_lstm import NumpyLSTM

FILE = Path(__file__).with_name("rnn-speed.json")
SIZES = ((100, 1, 64, 128), (100, 32, 64, 128), (50, 64, 128, 512))
QUICK = ((5, 3, 4, 6),)
UNROLLED = (5, 10)  # steps of a loop that is compiled as a whole
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
NAMES = ("xs", "h0", "c0", "W_x", "W_h", "b")

Run = Callable[[bool], dict[str, Any]]  # with backward? -> hs and the gradients


class Skipped(Exception):
    """This way cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Problem:
    """One size on one device: weights, inputs, and the gradients that arrive."""

    T: int
    B: int
    D: int
    H: int
    device: str
    dtype: torch.dtype
    given: dict[str, Tensor]
    dhs: Tensor
    dc_last: Tensor

    @property
    def leaves(self) -> list[Tensor]:
        return [self.given[name] for name in NAMES]

    def arrays(self) -> list[np.ndarray]:
        return [a.detach().cpu().numpy() for a in self.leaves]


def problem(
    size: tuple[int, int, int, int], device: str, dtype: torch.dtype
) -> Problem:
    T, B, D, H = size
    rng = torch.Generator().manual_seed(11)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    bound = H**-0.5
    given = {
        "xs": normal(T, B, D), "h0": normal(B, H).tanh(), "c0": normal(B, H),
        "W_x": bound * normal(D, 4 * H), "W_h": bound * normal(H, 4 * H),
        "b": bound * normal(4 * H),
    }  # fmt: skip
    given = {n: a.to(device, dtype).requires_grad_() for n, a in given.items()}
    dhs, dc_T = normal(T, B, H).to(device, dtype), normal(B, H).to(device, dtype)
    return Problem(T, B, D, H, device, dtype, given, dhs, dc_T)


# ------------------------------------------------------------------ eight ways


def numpy_loop(p: Problem) -> Run:
    _cpu_only(p)
    from autograder.oracle import reference

    names = reference("06-lstm")
    arrays, dhs, dc_T = p.arrays(), p.dhs.numpy(), p.dc_last.numpy()

    def run(backward: bool) -> dict[str, Any]:
        hs, _, cache = names["lstm_forward"](*arrays)
        grads = names["lstm_backward"](dhs, dc_T, cache) if backward else {}
        return {"hs": hs, **grads}

    return run


def numpy_fast(p: Problem) -> Run:
    _cpu_only(p)
    xs, h0, c0, *weights = p.arrays()
    dhs, dc_T = p.dhs.numpy(), p.dc_last.numpy()
    lstm = NumpyLSTM(p.T, p.B, p.D, p.H, xs.dtype)

    def run(backward: bool) -> dict[str, Any]:
        lstm.load(*weights)
        hs, _ = lstm.forward(xs, h0, c0)
        return {"hs": hs, **(lstm.backward(dhs, dc_T) if backward else {})}

    return run


def by_gates(xs, h, c, W_x, W_h, b):
    """Eight products a step, and a list of states."""
    H, hs = h.shape[1], []
    for x in xs:
        i, f, g, o = (
            x @ W_x[:, k : k + H] + h @ W_h[:, k : k + H] + b[k : k + H]
            for k in range(0, 4 * H, H)
        )
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
    return torch.stack(hs), c


def bend(a: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """All of a step that is not a product."""
    i, f, g, o = a.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def at_once(xs, h, c, W_x, W_h, b, bend=bend):
    """One large product, and one small one a step."""
    drive, hs = torch.addmm(b, xs.flatten(0, 1), W_x).unflatten(0, xs.shape[:2]), []
    for a in drive.unbind(0):
        h, c = bend(torch.addmm(a, h, W_h), c)
        hs.append(h)
    return torch.stack(hs), c


def torch_loop(p: Problem) -> Run:
    return partial(_taught, p, by_gates)


def torch_fused(p: Problem) -> Run:
    return partial(_taught, p, at_once)


def compiled(p: Problem) -> Run:
    torch._dynamo.reset()
    quick = torch.compile(bend, dynamic=False)
    return partial(_taught, p, partial(at_once, bend=quick))


def cuda_graph(p: Problem) -> Run:
    if p.device != "cuda":
        raise Skipped("needs CUDA")
    graphs = {backward: _recorded(p, backward) for backward in (False, True)}

    def run(backward: bool) -> dict[str, Any]:
        graph, found = graphs[backward]
        graph.replay()
        return found

    return run


def _recorded(p: Problem, backward: bool) -> tuple[Any, dict[str, Any]]:
    """Warmed up on a stream of its own, as CUDA wants it, then recorded."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            _taught(p, at_once, backward)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = _taught(p, at_once, backward)
    return graph, found


def triton(p: Problem) -> Run:
    if p.device != "cuda":
        raise Skipped("needs CUDA: the interpreter is for proofs, not for speed")
    from unrolled import kernel

    if p.H > kernel.MAX_UNITS:
        raise Skipped(f"this kernel has at most {kernel.MAX_UNITS} units")
    return partial(_taught, p, kernel.lstm)


def library(p: Problem) -> Run:
    layer = torch.nn.LSTM(p.D, p.H, device=p.device, dtype=p.dtype)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(p.given["W_x"].T)
        layer.weight_hh_l0.copy_(p.given["W_h"].T)
        layer.bias_ih_l0.copy_(p.given["b"])
        layer.bias_hh_l0.zero_()
    xs, h0, c0 = p.leaves[:3]
    leaves = [xs, h0, c0, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]

    def run(backward: bool) -> dict[str, Any]:
        with torch.set_grad_enabled(backward):
            hs, (_, c_T) = layer(xs, (h0[None], c0[None]))
        if not backward:
            return {"hs": hs}
        grads = torch.autograd.grad([hs, c_T], leaves, [p.dhs, p.dc_last[None]])
        found = {f"d{n}": g for n, g in zip(NAMES, grads, strict=True)}
        return {"hs": hs, **found, "dW_x": found["dW_x"].T, "dW_h": found["dW_h"].T}

    return run


def _taught(p: Problem, loop: Callable[..., Any], backward: bool) -> dict[str, Any]:
    with torch.set_grad_enabled(backward):
        hs, c_T = loop(*p.leaves)
    if not backward:
        return {"hs": hs}
    grads = torch.autograd.grad([hs, c_T], p.leaves, [p.dhs, p.dc_last])
    return {"hs": hs, **{f"d{n}": g for n, g in zip(NAMES, grads, strict=True)}}


def _cpu_only(p: Problem) -> None:
    if p.device != "cpu":
        raise Skipped("NumPy has no GPU")


WAYS: dict[str, Callable[[Problem], Run]] = {
    "numpy loop": numpy_loop,
    "numpy fast": numpy_fast,
    "torch loop": torch_loop,
    "torch fused": torch_fused,
    "compiled": compiled,
    "CUDA graph": cuda_graph,
    "triton": triton,
    "torch.nn": library,
}


# ------------------------------------------------------------------ measuring


def apart(found: dict[str, Any], wanted: dict[str, Any]) -> float:
    """The largest difference, in units of the largest entry of its array."""

    def gap(name: str) -> float:
        got, want = (np.asarray(_numbers(a[name]), float) for a in (found, wanted))
        return float(np.abs(got - want).max() / np.abs(want).max())

    return max(gap(name) for name in wanted)


def _numbers(a: Any) -> np.ndarray:
    return a if isinstance(a, np.ndarray) else a.detach().cpu().numpy()


def clock(run: Callable[[], Any], device: str) -> float:
    """Milliseconds, the device's work included."""
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - began)


def ready(p: Problem) -> tuple[dict[str, Run], dict[str, str], dict[str, float]]:
    """The ways that work here, those that do not, and how far from torch.nn."""
    runs: dict[str, Run] = {}
    left_out, gaps = {}, {}
    wanted = library(p)(True)
    for name, make in WAYS.items():
        try:
            run = make(p)
            run(False)  # compiles, warms up
            gaps[name] = apart(run(True), wanted)
            runs[name] = run
        except Skipped as reason:
            left_out[name] = str(reason)
        except Exception as error:  # a compiler that is missing, say
            left_out[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return runs, left_out, gaps


def compare(p: Problem, rounds: int) -> dict[str, Any]:
    """The milliseconds of all ways, taken in turns."""
    runs, left_out, gaps = ready(p)
    times: dict[str, Any] = {n: {"forward": [], "both": []} for n in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            run(True)  # as in a training: what it needs lies in the cache
            for part, backward in (("forward", False), ("both", True)):
                taken = clock(partial(run, backward), p.device)
                times[name][part].append(round(taken, 3))
    found = {
        "T": p.T, "B": p.B, "D": p.D, "H": p.H, "device": p.device,
        "dtype": str(p.dtype).removeprefix("torch."), "ms": times,
        "apart": {n: float(f"{g:.1e}") for n, g in gaps.items()},
        "left out": left_out,
    }  # fmt: skip
    print(table(found), flush=True)
    return found


def ratio(row: dict[str, Any], name: str, part: str = "both") -> float:
    """How many times torch.nn's: the median over the rounds, each by itself."""
    own, its = (np.array(row["ms"][n][part]) for n in (name, "torch.nn"))
    return float(np.median(own / its))


def table(row: dict[str, Any]) -> str:
    size = " ".join(f"{k}={row[k]}" for k in "TBDH")
    lines = [f"{row['device']}, {row['dtype']}, {size}"]
    for name, parts in row["ms"].items():
        shown = (
            f"{ratio(row, name, part):6.2f} ({np.median(parts[part]):8.2f} ms)"
            for part in ("forward", "both")
        )
        lines.append(f"  {name:12s}" + " ".join(shown))
    lines += [f"  {name:12s} {why}" for name, why in row["left out"].items()]
    return "\n".join(lines)


def roofline(device: str, dtype: torch.dtype, side: int) -> dict[str, float]:
    """Multiplications and additions per second, bytes per second, and what one small
    operation costs before it does anything."""
    square = torch.ones(side, side, device=device, dtype=dtype)
    large = torch.ones(2**25, device=device, dtype=dtype)
    small, out = large[:8], torch.empty_like(large)

    def best(run: Callable[[], Any], times: int = 10) -> float:
        return min(clock(run, device) for _ in range(times + 1)) / 1e3

    def many() -> None:
        for _ in range(1000):
            torch.add(small, small, out=small)

    with torch.no_grad():
        product = best(lambda: square @ square)
        copied = best(lambda: torch.add(large, 1, out=out))
        return {
            "flops": 2 * side**3 / product,
            "bandwidth": 2 * large.numel() * large.element_size() / copied,
            "launch": best(many, 3) / 1000,
        }


def unrolled(steps: tuple[int, ...]) -> dict[str, Any]:
    """Seconds until the first answer of a compiled loop, forward and backward."""
    seconds = {}
    torch._inductor.config.force_disable_caches = True
    for T in (1, *steps):  # the first one starts the compiler
        torch._dynamo.reset()
        p = problem((T, 4, 8, 16), "cpu", torch.float32)
        loop = torch.compile(at_once, dynamic=False)
        seconds[str(T)] = round(clock(partial(_taught, p, loop, True), "cpu") / 1e3, 2)
        print(f"compiled, {T} steps: {seconds[str(T)]} s", flush=True)
    return {"seconds until the first answer": seconds}


def hardware() -> dict[str, Any]:
    cuda = torch.cuda.is_available()
    return {
        "cpu": f"{processor()}, one thread of {os.cpu_count()} cores",
        "gpu": torch.cuda.get_device_name() if cuda else "none: not measured",
        "versions": {
            "python": platform.python_version(), "numpy": np.__version__,
            "torch": torch.__version__, "cuda": torch.version.cuda or "none",
            "cudnn": str(torch.backends.cudnn.version() or "none"),
        },
        "load": [round(n, 1) for n in os.getloadavg()],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try it")
    chosen = parser.parse_args()
    if not ONE_THREAD.items() <= os.environ.items():  # NumPy's has to be told before
        again = [sys.executable, "-m", "benchmarks.rnn_speed", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, **ONE_THREAD})
    torch.set_num_threads(1)
    places = [("cpu", torch.float32), ("cpu", torch.float64)]
    if torch.cuda.is_available():
        places.append(("cuda", torch.float32))
    found: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        **hardware(),
        "rounds": chosen.rounds,
        "roofline": {},
        "rows": [],
    }
    for device, dtype in places:
        side = 64 if chosen.quick else 1024 if device == "cpu" else 8192
        key = f"{device} {str(dtype).removeprefix('torch.')}"
        found["roofline"][key] = roofline(device, dtype, side)
        for size in QUICK if chosen.quick else SIZES:
            row = compare(problem(size, device, dtype), chosen.rounds)
            found["rows"].append(row)
            chosen.out.write_text(json.dumps(found) + "\n")
    found["whole loops compiled"] = unrolled(UNROLLED[: 1 if chosen.quick else None])
    found["load at the end"] = [round(n, 1) for n in os.getloadavg()]
    chosen.out.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
