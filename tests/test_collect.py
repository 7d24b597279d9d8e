"""Archives of a learning platform: nobody hands in for somebody else."""

import io
import logging
import zipfile
from types import SimpleNamespace

import pytest
from traitlets.config import Application

from autograder.collect import Collect, Unpack
from autograder.intake import MAX_BYTES

SLUG = "02-recurrent-cell"
LINK = 0o120777 << 16


def archive(*entries):
    """A zip file of (name, content, attributes)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content, *attributes in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = attributes[0] if attributes else 0
            file.writestr(entry, content)
    return made.getvalue()


class App(Application):
    """As much of nbgrader's application as the plugins ask."""

    extracted_directory = "extracted"
    coursedir = SimpleNamespace(assignment_id=SLUG)
    log = logging.getLogger("zip_collect")

    def _format_collect_path(self, step):
        return str(self.folder / step)


@pytest.fixture
def app(tmp_path):
    made = App()
    made.folder = tmp_path
    (tmp_path / "archive").mkdir()
    (tmp_path / "extracted").mkdir()
    return made


def collected(app, regexp=r"(?P<student_id>[a-z]+)_"):
    """Unpack everything; student -> contents, as nbgrader would take them over."""
    Unpack(parent=app).extract(
        str(app.folder / "archive"), str(app.folder / "extracted")
    )
    collect = Collect(parent=app, named_regexp=regexp)
    found = {}
    for path in sorted((app.folder / "extracted").rglob("*")):
        info = collect.collect(str(path)) if path.is_file() else None
        if info:
            assert info["file_id"] == SLUG
            found.setdefault(info["student_id"], []).append(path.read_text())
    return found


def put(app, name, content):
    (app.folder / "archive" / name).write_bytes(content)


def test_the_platform_names_the_student_not_the_archive_s_content(app):
    put(app, "alice_1.zip", archive((f"{SLUG}.ipynb", "of alice")))
    bad = [(f"alice_9/{SLUG}.ipynb", "of mallory"), ("alice_1.ipynb", "of mallory")]
    put(app, "mallory_2.zip", archive(*bad))
    assert collected(app) == {"alice": ["of alice"], "mallory": ["of mallory"]}


def test_files_of_one_large_archive_are_told_by_their_names(app):
    bulk = [("alice_1_x.ipynb", "of alice"), ("bob_2/x.ipynb", "of bob")]
    put(app, "submissions.zip", archive(*bulk))
    assert collected(app) == {"alice": ["of alice"], "bob": ["of bob"]}


def test_an_archive_in_an_archive_stays_closed(app):
    inner = archive(("alice_1.ipynb", "of mallory"))
    put(app, "bulk.zip", archive(("mallory_2_x.zip", inner), ("alice_1.ipynb", "own")))
    assert collected(app) == {"alice": ["own"]}


def test_no_entry_leaves_its_folder_is_a_link_or_takes_another_s_place(app):
    entries = [
        ("../alice_1/x.ipynb", "out"),
        ("/tmp/alice_1.ipynb", "out"),
        ("a/../../alice_1.ipynb", "out"),
        ("alice_1.ipynb", "/etc/passwd", LINK),
        ("x.ipynb", "first"),
        ("x.ipynb/y.ipynb", "below a file"),
        ("n" * 300 + ".ipynb", "a name too long"),
        ("\u202ealice_1.ipynb", "turned round"),
        ("run.sh", "no notebook"),
    ]
    put(app, "mallory_2.zip", archive(*entries))
    assert collected(app) == {"mallory": ["first"]}
    names = {p.name for p in app.folder.rglob("*") if p.is_file()}
    assert names == {"mallory_2.zip", "x.ipynb"}


def test_a_bomb_is_cut_where_a_hand_in_is_too_large_anyway(app):
    put(app, "mallory_2.zip", archive(("x.ipynb", b" " * (64 << 20))))
    assert len(collected(app)["mallory"][0]) == MAX_BYTES + 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"\x1f\x8b"])
def test_a_broken_archive_leaves_the_others_theirs(app, content):
    put(app, "mallory_2.zip", content)
    put(app, "alice_1.zip", archive(("x.ipynb", "of alice")))
    assert collected(app) == {"alice": ["of alice"]}


def test_a_link_beside_the_archives_is_not_followed(app, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (app.folder / "archive" / "mallory_2.ipynb").symlink_to(tmp_path / "secret")
    assert collected(app) == {}
