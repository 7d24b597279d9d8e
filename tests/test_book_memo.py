"""What was set in the last build is taken over, and no complaint gets lost by it."""

import runpy
import sys
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import memo  # noqa: E402

CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_parser", "katexmath", "memo", "offline"]
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "katex"
node_modules = {str(ROOT / "node_modules")!r}
exclude_patterns = ["_build"]
"""


@pytest.fixture
def build(tmp_path, capsys):
    def run(text: str):
        (tmp_path / "conf.py").write_text(CONF)
        source = tmp_path / "index.md"
        if not source.exists() or source.read_text() != text:
            source.write_text(text)
        out = tmp_path / "_build" / "html"
        code = build_main(["-q", "-W", "--keep-going", str(tmp_path), str(out)])
        page = out / "index.html"
        return code, capsys.readouterr().err, page.read_text() if code == 0 else ""

    return run


PAGE = "# Title\n\nThe state $h_t$.\n\n```python\nh = 1\n```\n"


def test_a_page_is_the_same_from_memory(build, monkeypatch):
    first = build(PAGE)
    monkeypatch.setattr("katexmath.Katex._ask", None)  # not asked a second time
    code, messages, page = build(PAGE + "\nMore.\n")
    assert (code, messages) == (0, "")
    assert page.replace("<p>More.</p>\n", "") == first[2]


def test_a_page_is_read_again_when_an_extension_of_ours_has_changed(
    build, tmp_path, monkeypatch
):
    build(PAGE)
    (read,) = tmp_path.rglob("index.doctree")
    first = read.stat().st_mtime_ns
    build(PAGE)
    assert read.stat().st_mtime_ns == first
    monkeypatch.setattr(memo, "extensions", lambda: "others")
    build(PAGE)
    assert read.stat().st_mtime_ns > first


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("$\\foo$", "bad TeX"), ("```python\nh = $?\n```", "Lexing literal_block")],
)
def test_what_was_complained_about_is_complained_about_again(build, text, complaint):
    for _ in range(2):
        code, messages, _ = build(f"# Title\n\n{text}\n")
        assert code == 1
        assert complaint in messages


def test_what_is_used_no_more_is_forgotten_and_a_broken_file_is_none(tmp_path):
    file = tmp_path / "memo"
    first = memo.Memo(file)
    for word in ("one", "two"):
        key, text = first.get(word)
        assert text is None
        first.put(key, word.upper())
    first.save()
    second = memo.Memo(file)
    assert second.get("one")[1] == "ONE"
    second.save()
    assert memo.Memo(file).get("two")[1] is None
    file.write_bytes(file.read_bytes()[:9])
    assert memo.Memo(file).get("one")[1] is None


def test_the_preview_finds_all_that_its_settings_name():
    settings = runpy.run_path(str(ROOT / "book" / "_preview" / "conf.py"))
    for name in ("html_static_path", "templates_path", "bibtex_bibfiles"):
        assert all(Path(path).exists() for path in settings[name]), name
