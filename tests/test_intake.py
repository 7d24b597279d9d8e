import json
import os

import pytest

from autograder import intake
from autograder.intake import Unreadable


def notebook(*cells, **fields):
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": list(cells), **fields})


def code(source, **fields):
    return {"cell_type": "code", "source": source, "metadata": {}, **fields}


@pytest.fixture
def read(tmp_path):
    """Read a file with the given content."""

    def reads(content):
        path = tmp_path / "02-recurrent-cell.ipynb"
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
        return intake.read(path)

    return reads


def test_a_cell_is_its_text_and_the_names_to_find_it_by(read):
    marks = {"nbgrader": {"grade_id": "mse", "points": 3, "locked": True}, "tags": [1]}
    found = read(notebook(code(["a\n", "b"], metadata=marks, id="x", outputs=[1])))
    assert found.cells == (intake.Cell("code", "a\nb", "mse", "x", 3.0),)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b" \n", "The file is empty"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"PK\x03\x04\xff", "not text in UTF-8"),
        ('{"cells": [', "JSON breaks at line 1, column 12"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "a number that JSON does not have"),
        ("9" * 10_000, "a number that JSON does not have"),
        ("[1]", "JSON, but not a notebook"),
        ('{"nbformat": "4"}', "JSON, but not a notebook"),
        ('{"nbformat": true}', "JSON, but not a notebook"),
        ('{"nbformat": 5}', "format is not one that can be read"),
        ("[" + "1," * 500_000 + "1]", "far more parts than a notebook"),
        (" " * (intake.MAX_BYTES + 1), "larger than 8 MB"),
    ],
)
def test_an_unreadable_file_is_one_sentence(read, content, sentence):
    with pytest.raises(Unreadable, match=sentence) as caught:
        read(content)
    assert len(str(caught.value)) < 200


def test_too_many_or_too_long_cells_are_refused(read):
    with pytest.raises(Unreadable, match="more than 500 cells"):
        read(notebook(*[code("1")] * 501))
    with pytest.raises(Unreadable, match=r"begins `x{40}…` has more than 100,000 char"):
        read(notebook(code("1"), code("x" * 100_001)))


@pytest.mark.parametrize(
    "cells",
    [
        None,
        3,
        {"a": 1},
        [None, 3, [], "code"],
        [{"cell_type": ["code"]}, {"cell_type": "raw", "source": "x"}],
    ],
)
def test_what_is_no_cell_is_passed_over(read, cells):
    assert read(json.dumps({"nbformat": 4, "cells": cells})).cells == ()


@pytest.mark.parametrize("source", [None, 3, {"a": 1}, [1, None, {}]])
def test_a_source_that_is_no_text_is_empty(read, source):
    assert read(notebook(code(source))).cells[0].source == ""


@pytest.mark.parametrize(
    "marks",
    [None, 3, [], {"grade_id": 3}, {"grade_id": "a b"}, {"grade_id": "x" * 101}],
)
def test_a_name_that_is_no_name_is_dropped(read, marks):
    found = read(notebook(code("1", metadata={"nbgrader": marks}))).cells[0]
    assert (found.name, found.points) == ("", None)


@pytest.mark.parametrize("points", ["3", None, 10**400, 1e300, [1]])
def test_points_that_are_no_number_are_dropped(read, points):
    marks = {"nbgrader": {"grade_id": "mse", "points": points}}
    text = notebook(code("1", metadata=marks))
    assert read(text).cells[0].points is None


def test_half_a_surrogate_does_not_come_in(read):
    text = r'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "\ud800"}]}'
    assert read(text).cells[0].source == "?"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_tolerated(read, encoding):
    found = read(notebook(code("é")).encode(encoding))
    assert found.cells[0].source == "é"
    assert len(found.notes) == (encoding == "utf-16")


def test_format_3_is_read(read):
    cells = [
        {"cell_type": "code", "input": ["a"], "metadata": {}},
        {"cell_type": "heading", "level": 1, "source": "Title"},
    ]
    found = read(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert [(c.kind, c.source) for c in found.cells] == [
        ("code", "a"),
        ("markdown", "Title"),
    ]
    assert "old format (3)" in found.notes[0]


def test_another_kernel_is_noted(read):
    found = read(notebook(metadata={"kernelspec": {"language": "ju<b>lia"}}))
    assert found.notes == (
        "The notebook names a kernel for ju?b?lia; it was run as Python.",
    )


def test_links_pipes_and_folders_are_not_opened(tmp_path):
    (tmp_path / "real.ipynb").write_text(notebook())
    (tmp_path / "link.ipynb").symlink_to("real.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "device.ipynb").symlink_to("/dev/zero")
    (tmp_path / "linked").symlink_to(tmp_path)
    names = ("link.ipynb", "pipe.ipynb", "folder.ipynb", "device.ipynb")
    for name in (*names, "linked/real.ipynb", "none.ipynb"):
        with pytest.raises(Unreadable, match="not a plain file"):
            intake.read(tmp_path / name)


class TestFind:
    def test_the_expected_file(self, tmp_path):
        expected = tmp_path / "02.ipynb"
        expected.touch()
        assert intake.find(expected) == (expected, ())

    def test_others_beside_it_are_named(self, tmp_path):
        expected = tmp_path / "02.ipynb"
        expected.touch()
        (tmp_path / "<b>.ipynb").touch()
        assert intake.find(expected)[1] == (
            "Other notebooks in the hand-in were not graded: ?b?.ipynb.",
        )

    def test_the_only_one_whatever_its_name(self, tmp_path):
        (tmp_path / "mine.ipynb").touch()
        path, notes = intake.find(tmp_path / "02.ipynb")
        assert path.name == "mine.ipynb"
        assert "was called mine.ipynb; it was graded as 02.ipynb" in notes[0]

    def test_none_or_several_need_a_person(self, tmp_path):
        with pytest.raises(Unreadable, match="no notebook in the hand-in"):
            intake.find(tmp_path / "02.ipynb")
        (tmp_path / "a.ipynb").touch()
        (tmp_path / "b.ipynb").touch()
        with pytest.raises(Unreadable, match=r"a\.ipynb, b\.ipynb"):
            intake.find(tmp_path / "02.ipynb")


class TestTimestamp:
    @pytest.mark.parametrize(
        "text", ["2026-01-05 10:00:00 UTC", "2026-01-05T12:00:00+02:00"]
    )
    def test_in_utc(self, tmp_path, text):
        (tmp_path / "timestamp.txt").write_text(text)
        assert str(intake.timestamp(tmp_path))[:13] == "2026-01-05 10"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "not a time",
            "2026-99-99 10:00:00",
            "2026-01-05 10:00:00 /etc/passwd",
            "9" * 300,
            "é",
        ],
    )
    def test_what_is_no_time_is_none(self, tmp_path, text):
        (tmp_path / "timestamp.txt").write_text(text)
        assert intake.timestamp(tmp_path) is None

    def test_a_link_or_a_pipe_is_none(self, tmp_path):
        assert intake.timestamp(tmp_path) is None
        os.mkfifo(tmp_path / "timestamp.txt")
        assert intake.timestamp(tmp_path) is None
