"""Many hand-ins at once: workers on this machine, or on a cluster by its address.

    with Pool() as pool:
        for name, result in pool.run(orders):  # in the order in which they are done
            ...

The workers are Dask's. A worker that dies is replaced, and what it held is tried again
by itself, when all others are done: so a hand-in that kills its worker a second time
did so alone, and is graded "crashed"; its neighbours lose nothing.

Without an address the cluster is this machine's, bound to 127.0.0.1, and speaks TLS
with keys that nobody else has: another user of the machine cannot talk to it.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing import forkserver, resource_tracker
from typing import Any, NamedTuple, Self

import dask
import distributed
from distributed import Client, Future, KilledWorker, LocalCluster, Security

from autograder import interrupt, worker
from autograder.faults import GraderFault
from autograder.worker import Order

AHEAD = 2  # orders out per thread: one in hand, one waiting
TICK_S = 5.0
PATIENCE_S = 120.0  # without any worker
JOIN_S = 120.0

_LOCAL = {
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.tick.interval": "1s",  # five servers, fifty times a second each
    "distributed.admin.tick.limit": "60s",
    "distributed.diagnostics.computations.max-history": 1,  # each keeps its hand-in
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.preload": ["autograder.worker"],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
}


class _Out(NamedTuple):
    """An order that some worker has."""

    name: str
    order: Order


class Pool:
    """Workers, and the hand-ins that are on their way through them. `imports` are
    modules that all workers will need: they are in memory once."""

    def __init__(
        self,
        workers: int | None = None,
        scheduler: str | None = None,
        imports: Sequence[str] = (),
    ) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self.scheduler = scheduler
        self.imports = imports
        self._undo = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        for name in ("distributed", "bokeh", "asyncio", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            with interrupt.held():  # Dask leaves workers behind if half started
                self._client = self._connect()
                self._undo.callback(self._client.close, timeout=5)
            self._client.wait_for_workers(1, timeout=JOIN_S)
            if self.scheduler:
                before = self._client.run_on_scheduler(_blame_at_once)
                self._undo.callback(self._put_back, before)
        except (OSError, TimeoutError) as error:
            self._close()
            where = self.scheduler or "this machine"
            raise GraderFault(
                f"No worker at {where} answers ({error or 'timed out'}): start the "
                "scheduler and its workers, then run the same command again."
            ) from None
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        with interrupt.held():
            self._undo.close()

    def run(self, orders: Iterable[tuple[str, Order]]) -> Iterator[tuple[str, dict]]:
        """Grade named orders; each name comes back once, with a plain result."""
        rest, done = iter(orders), queue.SimpleQueue[Future]()
        out: dict[str, _Out] = {}
        suspects: list[_Out] = []
        more = True
        while more or out:
            while more and len(out) < AHEAD * max(1, self.threads):
                more = self._send(rest, out, done)
            future = self._next(done) if out else None
            if future is None:
                continue
            one = out.pop(future.key)
            result = _result(future, one.order)
            if result is None:
                suspects.append(one)
            else:
                yield one.name, result
        for one in suspects:
            yield one.name, self._alone(one.order)

    def _send(
        self,
        rest: Iterator[tuple[str, Order]],
        out: dict[str, _Out],
        done: queue.SimpleQueue[Future],
    ) -> bool:
        """Send the next order; False if there is none."""
        one = next(rest, None)
        if one is None:
            return False
        future = self._submit(one[1])
        out[future.key] = _Out(*one)
        future.add_done_callback(done.put)
        return True

    def _submit(self, order: Order) -> Future:
        self._count += 1
        key = f"{order.slug}-{os.getpid()}-{self._count}"  # names no student
        return self._client.submit(worker.examine, order, key=key, pure=False)

    def _alone(self, order: Order) -> dict[str, Any]:
        """Once more, with nothing else running that could be to blame."""
        done = queue.SimpleQueue[Future]()
        future = self._submit(order)
        future.add_done_callback(done.put)
        while self._next(done) is None:
            pass
        return _result(future, order) or worker.crashed(order)

    def _next(self, done: queue.SimpleQueue[Future]) -> Future | None:
        """The next future that is done; GraderFault if there is nobody to do it."""
        since = time.monotonic()
        while True:
            try:
                return done.get(timeout=TICK_S)
            except queue.Empty:
                if self.threads:
                    return None  # there may be more workers by now, for more orders
                if time.monotonic() - since > PATIENCE_S:
                    raise GraderFault(
                        f"There has been no worker for {PATIENCE_S:g} s: start one, "
                        "then run the same command again."
                    ) from None

    @property
    def threads(self) -> int:
        """How many hand-ins are graded at the same time, now."""
        return sum(self._client.nthreads().values())

    def _connect(self) -> Client:
        if self.scheduler:
            return Client(self.scheduler, timeout=15, set_as_default=False)
        self._undo.enter_context(dask.config.set(_LOCAL))
        _preload(self.imports)
        scratch = tempfile.TemporaryDirectory(prefix="autograder-")
        security = Security.temporary()
        cluster = LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",  # None would be all addresses
            worker_dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            env=_course(),  # as it is now, not as the first pool of this process had it
            local_directory=self._undo.enter_context(scratch),
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
        self._undo.enter_context(cluster)
        return Client(cluster, security=security, set_as_default=False)

    def _put_back(self, before: int) -> None:
        self._client.run_on_scheduler(_allow, before)


def _course() -> dict[str, str]:
    """The settings by which a worker knows its course."""
    names = ("UNROLLED_GRADING", "UNROLLED_SECRET")
    return {name: os.environ[name] for name in names if name in os.environ}


def _preload(imports: Sequence[str]) -> None:
    """Workers are forks of one process that has imported what all of them need."""
    context = multiprocessing.get_context("forkserver")
    modules = ["distributed", "autograder.worker", *imports, "autograder.ancestor"]
    context.set_forkserver_preload(modules)
    # Dask would set its own list, and import all of that, pandas too, here as well
    distributed.utils._forkserver_preload_set = True
    if threading.current_thread() is threading.main_thread():
        resource_tracker.ensure_running()  # it opens what is shut below
        with _shut():
            forkserver.ensure_running()


@contextlib.contextmanager
def _shut() -> Iterator[None]:
    """What starts now takes no Ctrl-C: it is this process's to handle, afterwards.
    autograder/ancestor.py ignores it from then on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(future: Future, order: Order) -> dict[str, Any] | None:
    """What came of an order; None if its worker died."""
    if future.cancelled():
        raise GraderFault(
            "The scheduler is gone: start it again, then run the same command again."
        )
    try:
        return future.result()
    except KilledWorker:
        return None
    except worker.Refusal:
        raise
    except Exception as error:  # ours: the submission's own never reach this place
        return worker.failed(order, error)


def _blame_at_once(dask_scheduler: Any = None) -> int:
    """Tell of a worker's death, and do not send its orders to the next worker."""
    before = dask_scheduler.allowed_failures
    dask_scheduler.allowed_failures = 0
    return before


def _allow(failures: int, dask_scheduler: Any = None) -> None:
    dask_scheduler.allowed_failures = failures
