"""Sphinx's settings for `make preview`, made of _config.yml as jupyter-book does."""

import sys
from pathlib import Path

from jupyter_book.config import get_final_config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

settings, _ = get_final_config(
    user_yaml=ROOT / "_config.yml",
    sourcedir=ROOT,
    cli_config={
        "external_toc_path": str(ROOT / "_toc.yml"),
        "latex_individualpages": False,
    },
)
# jupyter-book keeps conf.py at the root; seen from here these are elsewhere
for name in ("html_static_path", "templates_path", "bibtex_bibfiles"):
    settings[name] = [str(ROOT / path) for path in settings[name]]
for name in ("html_logo", "html_favicon"):
    settings[name] = str(ROOT / settings[name])
settings["lean"] = False
settings["nb_execution_cache_path"] = str(ROOT / "_build" / ".jupyter_cache")

globals().update(settings)
