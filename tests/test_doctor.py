import os
import tempfile

import pytest

from autograder import doctor
from autograder.sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    not doctor.usable(), reason="this machine cannot contain: autograder doctor"
)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to step down from")
def test_a_temporary_folder_that_keeps_nobody_out_is_named(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Sandbox() as sandbox, sandbox.open():
        if sandbox.how != "root":
            pytest.skip("there is no bubblewrap as root here")
        row = doctor._user(sandbox)
    assert not row.holds
    assert f"nobody cannot enter {tmp_path}: set TMPDIR" in row.sentence


def test_every_row_says_what_it_found():
    rows = doctor.examine()
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    assert {"memory in all", "processors in all", "user"} <= set(names)
    assert all(row.sentence.endswith(".") for row in rows)
    assert doctor.holds(rows)
