"""Copies formulas' style and the fonts from node_modules into the built pages.

``npm ci`` puts them there from package-lock.json; nothing of them is committed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FONTS = "@fontsource-variable"
# what to copy: files of a package -> folder below _static/vendor
WANTED = [
    ("katex", "dist/katex.min.css", "katex"),
    ("katex", "dist/fonts/*.woff2", "katex/fonts"),
    (f"{FONTS}/source-serif-4", "files/*-latin-wght-*.woff2", "fonts"),
    (f"{FONTS}/source-sans-3", "files/*-latin-wght-normal.woff2", "fonts"),
    (f"{FONTS}/source-code-pro", "files/*-latin-wght-normal.woff2", "fonts"),
]


def package(app: Sphinx, name: str) -> Path:
    """The folder of an npm package; says what to run if it is not there."""
    folder = Path(app.srcdir) / app.config.node_modules / name
    if not (folder / "package.json").is_file():
        raise ExtensionError(
            f"The npm package {name} is not in {app.config.node_modules}: "
            "run `make setup`, which installs it."
        )
    return folder


def copy(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    for name, pattern, target in WANTED:
        folder = Path(app.outdir) / "_static" / "vendor" / target
        folder.mkdir(parents=True, exist_ok=True)
        files = list(package(app, name).glob(pattern))
        if not files:
            raise ExtensionError(f"The npm package {name} has no file {pattern}.")
        for file in files:
            shutil.copyfile(file, folder / file.name)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("node_modules", "node_modules", "env")
    app.connect("builder-inited", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
