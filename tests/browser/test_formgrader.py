"""An instructor's way through formgrader: release, grade, look, give feedback."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from autograder.exercise import ROOT

sys.path.insert(0, str(ROOT / "tests"))
import classroom

SLUG = "02-recurrent-cell"
STUDENTS = ("bug-state-not-carried", "hostile-forged-outputs", "broken-json")
ANSWER = 120_000  # milliseconds

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server():
    """A Jupyter server on a course of its own: its address."""
    (ROOT / "_grading").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="formgrader-", dir=ROOT / "_grading"))
    for submission in classroom.submissions():
        if submission.name in STUDENTS:
            submission.write(folder / "submitted" / submission.name / SLUG)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = _serve(folder, port)
    try:
        _wait(process, f"http://127.0.0.1:{port}/api?token=t")
        yield f"http://127.0.0.1:{port}/formgrader"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def _serve(folder, port):
    env = {**os.environ, "UNROLLED_GRADING": str(folder.relative_to(ROOT))}
    for name in ("CONFIG", "RUNTIME", "DATA"):
        env[f"JUPYTER_{name}_DIR"] = str(folder / "jupyter")
    command = [
        *(sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", f"--ServerApp.root_dir={ROOT}"),
        "--IdentityProvider.token=t",
    ]
    with (folder / "server.log").open("w") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT
        )


def _wait(process, address):
    for _ in range(240):
        assert process.poll() is None, "the Jupyter server did not start"
        try:
            urllib.request.urlopen(address)
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the Jupyter server does not answer")


@pytest.fixture(scope="module")
def page(server, browser):
    found = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    found.elsewhere = []
    found.on("request", lambda made: _note(made.url, server, found.elsewhere))
    found.goto(f"{server}/manage_assignments?token=t")
    return found


def _note(url, server, elsewhere):
    if not url.startswith((server.removesuffix("/formgrader"), "data:")):
        elsewhere.append(url)


def press(page, row, column):
    """Press the button of a table's row and read the dialogue that answers."""
    page.click(f"tr:has-text('{row}') td.{column} a", timeout=ANSWER)
    dialogue = page.wait_for_selector(".modal.in .modal-content", timeout=ANSWER)
    text = dialogue.inner_text()
    page.click(".modal.in button.close")
    page.wait_for_selector(".modal", state="detached", timeout=ANSWER)
    return text


def test_an_instructor_s_way(server, page):
    assert "Successfully created" in press(page, SLUG, "assign")

    page.goto(f"{server}/manage_submissions/{SLUG}")
    for student in STUDENTS:
        assert "Successfully autograded" in press(page, student, "autograde")
        said = press(page, student, "generate-feedback")
        assert "Successfully generated feedback" in said

    page.goto(f"{server}/gradebook/{SLUG}/{SLUG}")
    page.wait_for_selector("td.name a", timeout=ANSWER)
    scores = [cell.inner_text() for cell in page.query_selector_all("td.score")]
    assert sorted(scores) == ["0 / 28", "0 / 28", "19 / 28"]

    links = "elements => [...new Set(elements.map(element => element.href))]"
    texts, formulas = [], []
    for link in page.eval_on_selector_all("td.name a", links):
        page.goto(link)
        page.wait_for_selector(".unrolled-verdict", timeout=ANSWER)
        assert page.evaluate("window.hacked") is None
        texts.append(page.inner_text("#notebook"))
        formulas.append(page.locator("#notebook math").count())
    assert sum("This looks like:" in text for text in texts) == 1
    assert sum("About this hand-in" in text for text in texts) == 1
    assert sum("<script>window.hacked=1</script>" in text for text in texts) == 1
    assert formulas.count(0) == 1  # of the broken file nothing is shown
    assert page.elsewhere == []
