"""Live figures in a real browser: by keyboard, by pointer, without script, on paper."""

import re
from pathlib import Path

import numpy as np
import pytest

from unrolled import widgets
from unrolled.widgets import show

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
KATEX = ROOT / "node_modules" / "katex" / "dist" / "katex.min.css"

pytestmark = pytest.mark.browser

TEXT = "def mean(xs):\n    return sum(xs) / len(xs)  # (a, b)\n"
ALT = "What is to be seen in this figure before anything is moved."
KINDS = [*widgets.SCRIPTS]
each_kind = pytest.mark.parametrize("kind", KINDS)
each_theme = pytest.mark.parametrize("theme", ["light", "dark"])
each_width = pytest.mark.parametrize("width", [1280, 375])


def data(kind: str) -> object:
    rng = np.random.default_rng(0)
    if kind == "neuron-text":
        units = {str(n): np.tanh(rng.normal(size=len(TEXT)) * 2) for n in range(12)}
        return {"text": TEXT, "states": units}
    if kind == "attention":
        rows, cols = ["le", "chat", "noir", "dort"], ["the", "black", "cat", "sleeps"]
        return {"rows": rows, "cols": cols, "weights": rng.dirichlet([0.4] * 4, 4)}
    if kind == "ctc":
        probs = rng.dirichlet([0.2] * 5, 18)
        return {"labels": [*"-abcd"], "probs": probs, "target": [1, 2]}
    return None


HEAD = """<!doctype html><html lang="en" data-theme="{theme}"><head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Live figures</title>
<link rel="stylesheet" href="{katex}"><link rel="stylesheet" href="{static}/book.css">
<link rel="stylesheet" href="{static}/widgets/widgets.css">
<style>body {{ margin: 0; background: var(--u-paper); color: var(--u-ink); }}
main {{ max-width: 44rem; margin: 0 auto; padding: 0 16px; }}</style>{scripts}</head>
<body><main class="bd-article"><h1>Live figures</h1>{body}</main></body></html>"""


@pytest.fixture(scope="module")
def bodies():
    return {kind: show(kind, data(kind), alt=ALT)._repr_html_() for kind in KINDS}


@pytest.fixture
def opened(browser, bodies, tmp_path):
    """Opens a page from the disk that holds the figures; keeps what it complains of."""
    contexts = []

    def open_page(*kinds, width=1280, theme="light", scripts=True, **options):
        files = ["core.js", *dict.fromkeys(widgets.SCRIPTS[kind] for kind in kinds)]
        tags = [
            f'<script defer src="{STATIC}/widgets/{file}"></script>' for file in files
        ]
        html = HEAD.format(
            theme=theme, katex=KATEX, static=STATIC,
            scripts="".join(tags) if scripts else "",
            body="".join(bodies[kind] for kind in kinds),
        )  # fmt: skip
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(html)
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=theme, **options)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda made: _elsewhere(page, made.url))
        page.goto(file.as_uri())
        if scripts and options.get("java_script_enabled", True):
            wake(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


def wake(page):
    """A figure wakes up when it comes near: go to each."""
    for one in page.locator("u-widget").all():
        one.scroll_into_view_if_needed()
        one.and_(page.locator("[ready]")).wait_for()
    page.evaluate("scrollTo(0, 0)")


def _elsewhere(page, url):
    if not url.startswith(("file:", "data:")):
        page.complaints.append(url)


def figure(page, kind):
    return page.locator(f'u-widget[kind="{kind}"]')


# Looking at it

EMPTY_DRAWINGS = "document.querySelectorAll('.w-svg').forEach(s => s.replaceChildren())"


@each_theme
@each_width
def test_all_kinds_wake_up_and_have_no_accessibility_fault(opened, width, theme):
    page = opened(*KINDS, width=width, theme=theme)
    assert page.locator("u-widget[ready]").count() == len(KINDS)
    assert page.locator("u-widget svg.w-svg").count() == len(KINDS)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if (width, theme) != (375, "dark"):  # hundreds of shapes: once is enough
        page.evaluate(EMPTY_DRAWINGS)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document)")["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert page.complaints == []


SMALLEST = """svg => Math.min(...[...svg.querySelectorAll('text')].map(
  t => parseFloat(getComputedStyle(t).fontSize) * svg.getScreenCTM().a))"""
OUTSIDE = """svg => { const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const b = t.getBoundingClientRect();
    return b.width && (b.left < box.left - 2 || b.right > box.right + 2);
  }).map(t => t.textContent); }"""
CUT = """svg => { const box = svg.getBBox(), view = svg.viewBox.baseVal;
  const ends = [box.x, box.y, view.width - box.x - box.width,
                view.height - box.y - box.height];
  return ends.filter(end => end < 0); }"""
HEIGHT = "e => e.getBoundingClientRect().height"


@each_width
def test_its_letters_can_be_read_and_all_stays_inside(opened, width):
    page = opened(*KINDS, width=width)
    for kind in KINDS:
        svg = figure(page, kind).locator("svg.w-svg")
        assert svg.evaluate(SMALLEST) >= 10, kind
        assert svg.evaluate(OUTSIDE) == [], kind
        assert svg.evaluate(CUT) == [], kind


@each_width
def test_nothing_on_the_page_moves_when_it_wakes_up(opened, width):
    asleep = opened(*KINDS, width=width, scripts=False)
    awake = opened(*KINDS, width=width)
    for kind in KINDS:
        before, after = figure(asleep, kind), figure(awake, kind)
        assert before.get_attribute("ready") is None
        assert after.get_attribute("ready") is not None
        assert abs(before.evaluate(HEIGHT) - after.evaluate(HEIGHT)) < 2, kind


@each_width
def test_without_javascript_it_is_a_picture_with_words(opened, width):
    page = opened(*KINDS, width=width, java_script_enabled=False)
    for kind in KINDS:
        outer = figure(page, kind).locator("svg.w-svg").all()
        shown = [svg for svg in outer if svg.is_visible()]
        assert [svg.get_attribute("aria-label") for svg in shown] == [ALT], kind
        knobs = figure(page, kind).locator(":is(input, select, button)").all()
        assert not any(knob.is_visible() for knob in knobs), kind


def test_on_paper_the_state_stays_and_the_controls_go(opened):
    page = opened(*KINDS)
    page.emulate_media(media="print")
    for kind in KINDS:
        assert figure(page, kind).locator("svg.w-svg").is_visible()
        assert not figure(page, kind).locator(".w-controls").is_visible()
    assert len(page.pdf()) > 20_000


def test_its_colours_are_the_theme_s(opened):
    fill = "e => getComputedStyle(e).fill"
    light, dark = (
        figure(opened("rnn-stepper", theme=theme), "rnn-stepper")
        .locator("text", has_text="t = 1")
        .evaluate(fill)
        for theme in ("light", "dark")
    )
    assert light != dark


# Moving it


FOCUSED = """() => { const e = document.activeElement;
  const look = getComputedStyle(e);
  return { ring: look.outlineStyle + look.outlineWidth,
           what: e.dataset.key || e.dataset.act || e.className || e.tagName }; }"""


@each_kind
def test_a_walk_with_the_keyboard(opened, kind):
    page = opened(kind)
    box = figure(page, kind)
    knobs = ":is(input, select, button, .w-figure)"
    stops = [k for k in box.locator(knobs).all() if k.is_visible()]
    visited = []
    for _ in stops:
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["ring"] == "solid2px", focused
        visited.append(focused["what"])
    assert visited[-1] == "w-figure"
    assert len(set(visited)) == len(stops)

    drawing = box.locator(".w-figure")
    assert drawing.get_attribute("role") == "slider"
    assert drawing.get_attribute("aria-label")
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "ArrowUp"):
        before = drawing.get_attribute("aria-valuetext")
        page.keyboard.press(key)
        page.wait_for_function(
            "([e, before]) => e.getAttribute('aria-valuetext') !== before",
            arg=[drawing.element_handle(), before],
            timeout=5000,
        )
        assert page.evaluate(FOCUSED)["what"] == "w-figure"  # drawn anew, still there
        low, now, high = (
            float(drawing.get_attribute(f"aria-value{end}"))
            for end in ("min", "now", "max")
        )
        assert low <= now <= high
    assert page.complaints == []


@each_kind
def test_each_slider_and_each_choice_changes_the_figure(opened, kind):
    page = opened(kind)
    box = figure(page, kind)
    inside = box.locator(".w-figure")
    inside.focus()
    page.keyboard.press("End")  # of the stepper: where all of it is to be seen
    for knob in box.locator(":is(input, select)").all():
        before = inside.inner_html() + box.locator(".w-says").inner_html()
        knob.focus()
        slider = knob.get_attribute("type") == "range"
        page.keyboard.press("ArrowLeft" if slider else _other(knob))
        page.wait_for_function(
            """([box, before]) => box.querySelector('.w-figure').innerHTML +
               box.querySelector('.w-says').innerHTML !== before""",
            arg=[box.element_handle(), before],
            timeout=5000,
        )
    assert page.complaints == []


def _other(choice):
    at, many = choice.evaluate("e => [e.selectedIndex, e.options.length]")
    return "ArrowDown" if at + 1 < many else "ArrowUp"


def wait_for_words(page, kind, words):
    told = figure(page, kind).locator(".w-says")
    told.filter(has_text=re.compile(words)).wait_for(timeout=5000)


def test_what_it_says_is_announced(opened):
    page = opened("rnn-stepper")
    told = figure(page, "rnn-stepper").locator(".w-says")
    assert told.get_attribute("role") == "status"
    page.get_by_role("button", name="Next ›").click()
    wait_for_words(page, "rnn-stepper", "Forward, step 1: the input")
    page.get_by_role("button", name="Way back").press("Enter")
    wait_for_words(page, "rnn-stepper", "Back at step 3")
    page.get_by_role("button", name="End").click()
    wait_for_words(page, "rnn-stepper", "gradient of the initial state")


def test_a_bar_is_dragged_held_and_let_go(opened):
    page = opened("lstm-gates")
    bar = page.locator('[data-drag="f"][data-index="2"]').bounding_box()
    x = bar["x"] + bar["width"] / 2
    page.mouse.move(x, bar["y"] + 4)
    page.mouse.down()
    page.mouse.move(x, bar["y"] + bar["height"] + 30, steps=4)  # below: zero
    page.mouse.up()
    drawing = figure(page, "lstm-gates").locator(".w-figure")
    page.wait_for_function(
        "e => e.getAttribute('aria-valuetext').includes('step 3: 0.00, set by hand')",
        arg=drawing.element_handle(),
    )
    wait_for_words(page, "lstm-gates", r"c3.*=.*0\.00")
    drawing.focus()
    page.keyboard.press("Delete")
    page.wait_for_function(
        "e => e.getAttribute('aria-valuetext').includes('from the weights')",
        arg=drawing.element_handle(),
    )


def test_a_unit_and_a_place_are_picked_by_pointing(opened):
    page = opened("neuron-text")
    field = page.locator('[data-down="unit:0:11"]').bounding_box()
    page.mouse.click(
        field["x"] + field["width"] * (4.5 / len(TEXT)),
        field["y"] + field["height"] - 2,
    )
    wait_for_words(page, "neuron-text", "Unit 11 is .* after “m”")
    assert page.locator("select").input_value() == "11"


def test_reading_aloud_stops_when_asked_and_for_who_wants_no_motion(opened):
    page = opened("ctc")
    button = page.get_by_role("button", name="read the frames from here")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    wait_for_words(page, "ctc", "Frame [2-9]")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    still = opened("ctc", reduced_motion="reduce")
    assert not still.locator('[data-act="play"]').is_visible()


def test_a_figure_goes_upright_when_the_page_gets_narrow(opened):
    page = opened("gru-gates")
    view = "svg => svg.viewBox.baseVal.width"
    svg = "u-widget svg.w-svg"
    assert page.locator(svg).evaluate(view) == 660
    page.set_viewport_size({"width": 375, "height": 800})
    page.wait_for_function(f"({view})(document.querySelector('{svg}')) === 340")


# In the book


def pages_with_figures():
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    for page in sorted((ROOT / "book").glob("*.md")):
        text = page.read_text("utf-8")
        kinds = re.findall(r"```\{widget\} ([\w-]+)|show\(\s*[\"']([\w-]+)", text)
        if kinds and re.search(rf"\bbook/{page.stem}\b", toc):
            yield page.stem, sorted({a or b for a, b in kinds})


@pytest.mark.parametrize(("name", "kinds"), [*pages_with_figures()])
def test_the_book_s_pages_load_what_they_show_and_nothing_else(visit, name, kinds):
    seen = visit(f"book/{name}.html", width=375)
    wake(seen.page)
    assert seen.complaints == []
    assert seen.page.locator("u-widget").count() >= len(kinds)
    assert seen.page.locator("u-widget:not([ready])").count() == 0
    loaded = seen.page.eval_on_selector_all(
        'script[src*="/widgets/"]',
        "s => s.map(e => e.src.split('/').pop().split('?')[0])",
    )
    assert {*loaded} == {"core.js", *(widgets.SCRIPTS[kind] for kind in kinds)}


STILLS = "imgs => imgs.filter(i => i.checkVisibility()).map(i => [i.alt, i.src])"


@each_theme
@each_width
def test_its_still_is_one_file_that_is_fetched_when_a_reader_comes(
    browser, site, width, theme
):
    size = {"width": width, "height": 800}
    with browser.new_context(viewport=size, color_scheme=theme) as context:
        page = context.new_page()
        fetched = []
        page.on("response", lambda got: fetched.append(got.url))
        page.route("**/core.js*", lambda route: route.abort())  # it stays asleep
        page.goto(site + "book/04-training.html", wait_until="networkidle")
        for one in page.locator("u-widget").all():
            [[alt, address]] = one.locator("img").evaluate_all(STILLS)
            assert address.endswith(".svg#dark" if theme == "dark" else ".svg")
            assert len(alt) > 40
            file = address.removesuffix("#dark")
            assert file not in fetched
            with page.expect_response(file):
                one.scroll_into_view_if_needed()
            asleep = one.evaluate(HEIGHT)
            one.locator(f'img[src$="{address.split("/")[-1]}"]').evaluate(
                "i => i.decode()"
            )
            assert abs(one.evaluate(HEIGHT) - asleep) < 2


@each_width
def test_nothing_in_the_book_moves_when_it_wakes_up(browser, site, width):
    heights = []
    for scripts in ("**/core.js*", "**/none.js"):
        with browser.new_context(viewport={"width": width, "height": 800}) as context:
            page = context.new_page()
            page.route(scripts, lambda route: route.abort())
            page.goto(site + "book/05-vanishing-gradients.html")
            if not heights:
                page.locator("u-widget").scroll_into_view_if_needed()
                page.locator("u-widget img:visible").evaluate("i => i.decode()")
            else:
                wake(page)
            heights.append(page.locator("u-widget").evaluate(HEIGHT))
    assert abs(heights[1] - heights[0]) < 2


def test_from_the_disk_too_it_has_its_numbers(browser):
    with browser.new_context() as context:
        page = context.new_page()
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((ROOT / "_build/html/book/08-looking-inside.html").as_uri())
        wake(page)
        text = page.locator('u-widget[kind="neuron-text"] svg text')
        assert "classmethod" in "".join(text.all_text_contents())
        assert faults == []


def test_a_page_without_figures_loads_none_of_their_scripts(visit):
    page = visit("book/intro.html").page
    assert page.locator('script[src*="/widgets/"]').count() == 0
