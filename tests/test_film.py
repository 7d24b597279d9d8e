"""A film is one drawing that needs nothing: no network, no scripts for its still."""

import re

import matplotlib.pyplot as plt
import pytest

from unrolled import plots
from unrolled.film import Film


@pytest.fixture
def film():
    with plt.rc_context(plots.STYLE):
        fig, ax = plt.subplots()
        ax.plot([0, 1], [0, 1], color=plots.MUTED)  # in all frames
        film = Film(fig, 'a line that "rises"')
        for k in range(3):
            with film.frame(f"update {k} < 3"):
                ax.plot([0, 1], [0, k], color=plots.STATE)
                ax.text(0.5, 0.5, str(k))
        yield film
        plt.close(fig)


def frames(page):
    return re.findall(r'data-frame="(\d+)"( style="display: none")?', page)


def test_only_the_last_frame_is_seen_before_a_script_runs(film):
    shown = {k for k, hidden in frames(film.svg()) if not hidden}
    assert shown == {"2"}
    assert sorted(k for k, _ in frames(film.svg())) == list("001122")


def test_it_has_the_pages_colours(film):
    page = film.svg()
    assert f"var(--u-state, {plots.STATE})" in page
    assert not re.search(rf"(?<!, ){plots.STATE}", page, re.I)


def test_it_asks_for_nothing_from_elsewhere(film):
    page = film.html()
    addresses = set(re.findall(r"https?://[^\"' ]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_it_moves_only_when_asked_and_can_be_paused(film):
    page = film.html()
    assert "Play" in page
    assert "Pause" in page
    assert "prefers-reduced-motion: reduce" in page
    assert "@media print" in page
    assert "autoplay" not in page
    assert "@keyframes" not in page


def test_its_text_is_escaped(film):
    page = film.html()
    assert 'aria-label="a line that &quot;rises&quot;"' in page
    assert "update 1 &lt; 3" in page


def test_a_tag_of_one_film_is_not_another_ones(film):
    page = film.svg()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert ids
    assert all(re.match(r"d[0-9a-f]{8}-", name) for name in ids)
    used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)
    assert {a or b for a, b in used} <= set(ids)


def test_the_same_film_is_the_same_text(film):
    assert film.html() == film.html()


def test_a_film_without_frames_is_refused():
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match="at least one frame"):
        Film(fig).svg()
    plt.close(fig)


def test_a_thousand_dots_share_their_style():
    with plt.rc_context(plots.STYLE):
        fig, ax = plt.subplots()
        film = Film(fig)
        with film.frame():
            ax.plot(range(1000), range(1000), "o", color=plots.STATE)
        page = film.svg()
        plt.close(fig)
    assert page.count("<use ") >= 1000
    assert page.count("style=") < 100
    assert len(page) < 80_000
