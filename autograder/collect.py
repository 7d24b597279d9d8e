"""Take hand-ins out of the archives of a learning platform: `nbgrader zip_collect`.

Archives that students made are unpacked within bounds, one level deep. Who handed in
is read from the first name on the way to a file that tells it, which the platform
wrote; what a student wrote below that cannot hand in for somebody else.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

from autograder.intake import MAX_BYTES

MAX_FILES = 100_000  # notebooks in one archive
MAX_UNPACKED = 32 << 30
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)


class Unpack(ExtractorPlugin):
    """Notebooks out of zip files; an archive inside an archive stays closed."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        for path in sorted(Path(archive_path).rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            place = Path(extracted_path) / path.relative_to(archive_path)
            if path.suffix == ".zip":
                self._unzip(path, place)  # a folder with the archive's own name
            elif path.suffix == ".ipynb":
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
            else:
                self.log.warning("%s is no zip file and no notebook", path.name)

    def _unzip(self, path: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        room = MAX_UNPACKED
        try:
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist()[:MAX_FILES]:
                    target = _place(entry, folder)
                    if target is None or room < 0:
                        said = ascii(entry.filename[:200])
                        self.log.warning("%s: left out %s", path.name, said)
                        continue
                    with archive.open(entry) as source:
                        data = source.read(MAX_BYTES + 1)  # what it claims may be a lie
                    room -= len(data)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
        except BROKEN as error:
            self.log.warning("%s cannot be unpacked: %s", path.name, error)


def _place(entry: zipfile.ZipInfo, folder: Path) -> Path | None:
    """Where an entry belongs; None if it is no notebook, or wants to be elsewhere."""
    name = PurePosixPath(entry.filename)
    plain = not entry.is_dir() and entry.external_attr >> 28 in (0, 8)  # no link
    proper = name.parts and all(map(_proper, name.parts)) and len(name.parts) <= 8
    if not plain or not proper or name.suffix != ".ipynb":
        return None
    target = folder / name
    taken = target.exists() or any(parent.is_file() for parent in target.parents)
    return None if taken else target


def _proper(part: str) -> bool:
    return part not in ("..", "/") and part.isprintable() and len(part.encode()) <= 200


class Collect(FileNameCollectorPlugin):
    """`named_regexp` tells the student from a folder's or an archive's name, or from a
    file's; the first on the way down counts. The file is the exercise's notebook."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._first: dict[str, Path] = {}

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        path, root = Path(submitted_file), self._root()
        if not self.named_regexp:
            return super().collect(submitted_file)  # says what is missing
        if path.suffix not in self.valid_ext or root not in path.parents:
            return None
        for part in path.relative_to(root).parts:
            match = re.match(self.named_regexp, part)
            if match and match.groupdict().get("student_id"):
                return self._one(match.groupdict(), path)
        return None

    def _one(self, found: dict[str, str], path: Path) -> dict[str, str] | None:
        """One notebook a student, unless times tell which one is newer: nbgrader
        would stop at the second."""
        student = found["student_id"]
        first = self._first.setdefault(student, path)
        if first != path and not found.get("timestamp"):
            self.log.warning("%s: %s is not taken, %s is", student, path, first)
            return None
        return {**found, "file_id": self.parent.coursedir.assignment_id}

    def _root(self) -> Path:
        app = self.parent
        return Path(app._format_collect_path(app.extracted_directory))
