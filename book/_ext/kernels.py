"""Chapters run side by side, one kernel for each core, before the first is read.

MyST-NB runs a chapter when it reads it, and so one after the other. Here every chapter
whose code, or what its code imports or reads of the course, is not as it was when it
last ran, runs first; MyST-NB then finds the results in its cache. Each kernel computes
in one thread, so that results do not depend on how many cores there are.
"""

from __future__ import annotations

import ast
import asyncio
import functools
import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from myst_nb.core.execute import NotebookClientCache, create_client
from myst_nb.core.read import create_nb_reader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

log = logging.getLogger(__name__)

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MOST = 8  # kernels at a time: each may hold half a gigabyte
PACKAGE = "unrolled"
COLOURS = re.compile(r"\x1b\[[\d;]*m")
NAME = re.compile(r"[\w.-]+")
LINE = re.compile(r"Cell In\[\d+\], line (\d+)")


@dataclass
class Chapter:
    """A page with code, as MyST-NB reads it."""

    name: str
    file: Path
    notebook: NotebookNode
    timeout: int | None
    mark: str
    cell: int = 0  # which one ran last
    seconds: float = field(default=0.0, compare=False)

    @property
    def code(self) -> int:
        cells = self.notebook.cells
        return sum(len(cell.source) for cell in cells if cell.cell_type == "code")

    def run(self) -> None:
        def begin(cell: NotebookNode, cell_index: int) -> None:
            self.cell = cell_index

        start = monotonic()
        client = NotebookClient(
            self.notebook, timeout=self.timeout, record_timing=False,
            resources={"metadata": {"path": str(self.file.parent)}},
            on_cell_start=begin, extra_arguments=["--log-level=ERROR"],
        )  # fmt: skip
        own = os.environ | dict.fromkeys(THREADS, "1")
        asyncio.run(client.async_execute(env=own))
        self.seconds = monotonic() - start

    def line(self, within: int = 1) -> int:
        """The line of the page where that line of the last cell stands."""
        text = self.file.read_text("utf-8")
        fence = self.notebook.metadata.get("source_map", [0])[self.cell]
        start = sum(map(len, text.splitlines(keepends=True)[:fence]))
        at = text.find(self.notebook.cells[self.cell].source, start)
        return text.count("\n", 0, max(at, start)) + within

    def complaint(self, error: Exception) -> str:
        """file:line, what happened, and what to do."""
        if isinstance(error, CellExecutionError):
            place = LINE.findall(COLOURS.sub("", error.traceback))
            said = COLOURS.sub("", error.evalue).strip()
            line = self.line(int(place[0]) if place else 1)
            what = f"the cell stops with {error.ename}: {said}".rstrip(": ")
        elif isinstance(error, CellTimeoutError):
            line = self.line()
            what = (
                f"the cell has not ended after {self.timeout} s: let it compute less, "
                "or raise execute.timeout in _config.yml."
            )
        elif isinstance(error, DeadKernelError):
            line = self.line()
            what = "the kernel died in this cell: does it take too much memory?"
        else:
            line, what = 1, f"the page could not be run: {error}"
        return f"{self.file}:{line}: {what}"


def chapters(env: BuildEnvironment, names: list[str]) -> Iterator[Chapter]:
    """Those of the pages that MyST-NB would run."""
    config = env.mystnb_config  # type: ignore[attr-defined]
    for name in names:
        file = Path(env.doc2path(name))
        if file.suffix != ".md" or not file.is_file():
            continue
        text = file.read_text("utf-8")
        reader = create_nb_reader(str(file), env.myst_config, config, text)  # type: ignore[attr-defined]
        if reader is None:
            continue
        with suppress(Exception):  # what cannot be read MyST-NB will say, with a line
            notebook = reader.read(text)
            own = dict(notebook.metadata.get(config.metadata_key, {}))
            own.pop("output_folder", None)
            settings = config.copy(**own)
            client = create_client(notebook, str(file), settings, log, reader.read_fmt)
            if isinstance(client, NotebookClientCache):
                mark = digest(needs(env, notebook))
                yield Chapter(name, file, notebook, settings.execution_timeout, mark)


def needs(env: BuildEnvironment, notebook: NotebookNode) -> list[Path]:
    """The course's own files that the code imports, or reads by name."""
    root = Path(env.srcdir)
    trees = list(_trees(notebook))
    found = {file for tree in trees for file in _data(tree, root)}
    ahead = {file for tree in trees for file in _modules(tree, root)}
    while new := ahead - found:
        found |= new
        ahead = {file for module in new for file in _imports(module, root)}
    if root / PACKAGE / "widgets.py" in found:
        found |= set(root.glob("book/_static/widgets/*.js"))
    return sorted(found)


@functools.cache
def _imports(module: Path, root: Path) -> set[Path]:
    return _modules(ast.parse(module.read_text("utf-8")), root)


def _trees(notebook: NotebookNode) -> Iterator[ast.AST]:
    """The cells that are Python; one with a magic in it says nothing here."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with suppress(SyntaxError):
                yield ast.parse(cell.source)


def _modules(tree: ast.AST, root: Path) -> set[Path]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [PACKAGE * bool(node.level), node.module]))
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    own = [name.replace(".", "/") for name in names if name.split(".")[0] == PACKAGE]
    own += [PACKAGE] * bool(own)
    files = {root / f"{name}{end}" for name in own for end in (".py", "/__init__.py")}
    return {file for file in files if file.is_file()}


def _data(tree: ast.AST, root: Path) -> Iterator[Path]:
    """What was measured, and the public cases of an exercise."""
    for node in ast.walk(tree):
        name = node.value if isinstance(node, ast.Constant) else None
        if isinstance(name, str) and NAME.fullmatch(name):
            places = (f"benchmarks/{name}", f"exercises/{name}/checks.npz")
            yield from (root / place for place in places if (root / place).is_file())


def digest(files: list[Path]) -> str:
    sums = map(_sum, files)
    return hashlib.sha256("".join(sums).encode()).hexdigest()


@functools.cache
def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def fresh(cache: JupyterCacheAbstract, chapter: Chapter) -> bool:
    with suppress(KeyError):
        record = cache.match_cache_notebook(chapter.notebook)
        return bool(record.data.get("mark") == chapter.mark)
    return False


def keep(cache: JupyterCacheAbstract, chapter: Chapter) -> None:
    data = {"execution_seconds": chapter.seconds, "mark": chapter.mark}
    bundle = CacheBundleIn(chapter.notebook, str(chapter.file), data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def run(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    for remembered in (_imports, _sum):
        remembered.cache_clear()
    cache = get_cache(env.mystnb_config.execution_cache_path)  # type: ignore[attr-defined]
    waiting = [one for one in chapters(env, names) if not fresh(cache, one)]
    if not waiting:
        return
    # the longest first, so that no core waits for it at the end
    waiting.sort(key=lambda chapter: chapter.code, reverse=True)
    wrong = []
    with ThreadPoolExecutor(min(cores(), MOST)) as pool:
        runs: dict[Future[None], Chapter] = {pool.submit(c.run): c for c in waiting}
        try:
            for done in as_completed(runs):
                chapter = runs[done]
                if error := done.exception():
                    wrong.append(chapter.complaint(error))  # type: ignore[arg-type]
                else:
                    keep(cache, chapter)
                    log.info("ran %s in %.0f s", chapter.name, chapter.seconds)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if wrong:
        raise ExtensionError("\n".join(["A cell failed.", *sorted(wrong)]))


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def depend(app: Sphinx, name: str, source: list[str]) -> None:
    """A page is read again when something that its code needs has changed."""
    for chapter in chapters(app.env, [name]):
        for file in needs(app.env, chapter.notebook):
            app.env.note_dependency(str(file))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-before-read-docs", run)
    app.connect("source-read", depend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
