"""Each page of the built book, as a reader's browser shows it."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
FILES = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [f"{file}.html" for file in [TOC["root"], *FILES]]
CHAPTER = "book/03-bptt.html"
EXERCISE = "exercises/02-recurrent-cell/02-recurrent-cell.html"
OTHERS = ["search.html?q=gradient", "genindex.html", "prf-prf.html"]
# each kind of page once: axe takes seconds
KINDS = ["book/intro.html", "book/02-recurrent-cell.html", "book/notation.html",
         "book/glossary.html", "book/references.html", EXERCISE, *OTHERS]  # fmt: skip
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.browser
each_page = pytest.mark.parametrize("name", PAGES)
each_theme = pytest.mark.parametrize("theme", ["light", "dark"])
each_width = pytest.mark.parametrize("width", [1280, 375])

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}

# thousands of parts, all hidden from a reader's tools: axe would take half a minute
EMPTY_FORMULAS = "document.querySelectorAll('.katex').forEach(k => k.textContent = '')"
FORMULAS = "e => [...e].filter(m => !m.querySelector('.katex-html')).length"
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"
CLIPPED = """boxes => boxes.filter(box => {
  const right = box.querySelector('.eqno')?.getBoundingClientRect().right ?? 0;
  return right > window.innerWidth;
}).length"""


@pytest.mark.parametrize("name", [*PAGES, *OTHERS])
@each_theme
@each_width
def test_a_page_is_whole_quiet_and_asks_nobody_else(visit, name, theme, width):
    seen = visit(name, width, theme)
    assert seen.elsewhere == []
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.dataset.theme") == theme
    assert seen.page.eval_on_selector_all(".math", FORMULAS) == 0
    assert seen.page.locator(".katex-error").count() == 0
    assert seen.page.evaluate(TOO_WIDE) <= 0
    assert seen.page.eval_on_selector_all(".math-row", CLIPPED) == 0


@each_theme
def test_a_page_has_its_theme_before_it_is_painted(browser, site, theme):
    page = browser.new_page(color_scheme=theme)
    page.route("**/*.js*", lambda route: route.abort())
    page.goto(site + CHAPTER)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.locator("img.u-figure").locator("visible=true").count() > 0
    assert (
        page.locator(f"img.u-figure:not(.only-{theme})").locator("visible=true").count()
        == 0
    )
    page.close()


def test_a_link_leads_to_its_place_on_a_phone(visit):
    anchor = "equation-eq-path-sum"
    arrived = f"document.getElementById('{anchor}').getBoundingClientRect().top"
    page = visit(f"{CHAPTER}#{anchor}", width=375).page
    page.wait_for_timeout(500)
    assert 0 <= page.evaluate(arrived) < 800
    page = visit(CHAPTER, width=375).page
    page.evaluate(f"location.hash = '{anchor}'")
    page.wait_for_timeout(500)
    assert 0 <= page.evaluate(arrived) < 800


@pytest.mark.parametrize("name", KINDS)
@each_theme
@each_width
def test_no_kind_of_page_has_an_accessibility_fault(visit, name, theme, width):
    page = visit(name, width, theme).page
    page.add_script_tag(path=AXE)
    page.evaluate(EMPTY_FORMULAS)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


@each_page
def test_every_link_inside_the_book_leads_somewhere(visit, site, name):
    page = visit(name).page
    hrefs = page.eval_on_selector_all("a[href]", "links => links.map(a => a.href)")
    own = {href for href in hrefs if href.startswith(site)}
    files = {href.split("#")[0] for href in own}
    assert [f for f in files if not page.request.get(f).ok] == []
    here = {href.split("#")[1] for href in own if href.startswith(page.url + "#")}
    missing = "ids => ids.filter(id => id && !document.getElementById(id))"
    assert page.evaluate(missing, [anchor for anchor in here if anchor]) == []


# of a picture's pixels, how bright those are on average that are not transparent
BRIGHTNESS = """async picture => {
  await picture.decode();
  const canvas = new OffscreenCanvas(200, 100).getContext('2d');
  canvas.drawImage(picture, 0, 0, 200, 100);
  let sum = 0, many = 0;
  const seen = canvas.getImageData(0, 0, 200, 100).data;
  for (let i = 0; i < seen.length; i += 4)
    if (seen[i + 3] > 200) { sum += seen[i] + seen[i + 1] + seen[i + 2]; many += 3; }
  return sum / many;
}"""


def brightness_of_a_figure(page) -> float:
    figure = page.locator("img.u-figure").locator("visible=true").first
    figure.scroll_into_view_if_needed()
    return figure.evaluate(BRIGHTNESS)


def test_figures_follow_the_theme_and_paper_is_light(visit):
    light = brightness_of_a_figure(visit(CHAPTER).page)
    page = visit(CHAPTER, theme="dark").page
    assert brightness_of_a_figure(page) > light + 50
    page.emulate_media(media="print", color_scheme="dark")
    assert brightness_of_a_figure(page) == light


def is_long(box) -> bool:
    """Whether it scrolls; what is far away has no size yet, so go there."""
    box.scroll_into_view_if_needed()
    box.page.wait_for_timeout(100)
    return box.evaluate("b => b.scrollWidth > b.clientWidth + 9")


def test_a_long_equation_is_scrolled_with_the_keyboard(visit):
    page = visit(CHAPTER, width=320).page
    boxes = page.locator(".bd-article > section > section > .math-row > .math").all()
    long = next(box for box in boxes if is_long(box))
    long.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0", timeout=5000)


def test_only_what_scrolls_takes_a_place_in_the_keyboards_order(visit):
    page = visit(CHAPTER, width=375).page
    near = page.locator(".bd-article > section > section").nth(1)
    near.locator("> .math-row").first.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # what comes near is laid out, and then measured
    math = near.locator("> .math-row > .math").first
    assert (math.get_attribute("tabindex") is not None) == is_long(math)


def test_a_links_name_is_more_than_a_formula(visit):
    page = visit("book/02-recurrent-cell.html").page
    names = page.locator("a.u-symbol:has(.katex)").evaluate_all(
        "links => links.map(a => a.querySelector('.u-name')?.textContent ?? '')"
    )
    assert names
    assert all(name.endswith(" in the notation") for name in names)


def test_equations_are_cited_by_their_chapters_number(visit):
    page = visit(CHAPTER).page
    cited = page.locator('a.reference[href*="#equation-"]').first
    assert cited.inner_text().startswith("Eq.\N{NO-BREAK SPACE}(")
    assert page.locator(".eqno").first.inner_text().startswith("(3.1)")


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("gradient", "book/03-bptt.html"),
        ("path sum", "book/03-bptt.html#equation-eq-path-sum"),
        ("3.17", "book/03-bptt.html#equation-eq-path-sum"),
        ("saturation", "book/glossary.html#term-saturation"),
    ],
)
def test_search_finds_words_terms_and_equations(visit, query, target):
    seen = visit(f"search.html?q={query}")
    seen.page.wait_for_selector(f'#search-results li a[href*="{target}"]')
    assert seen.elsewhere == []


# Cards, questions, folds, tabs

EQUATION = 'a.reference.internal[href="#equation-eq-path-sum"]'


def test_a_card_shows_an_equation_and_escape_closes_it(visit):
    page = visit(CHAPTER).page
    link = page.locator(EQUATION).locator("visible=true").first
    link.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # what comes near is laid out, and moves the link
    link.hover()
    card = page.locator("#u-card")
    card.wait_for()
    assert card.locator(".katex").count() == 1
    assert "(3." in card.inner_text()
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")


def test_a_card_comes_by_the_keyboard_from_another_page(visit):
    page = visit("book/glossary.html").page
    link = page.locator('article a[href*="03-bptt.html#equation"]').first
    page.keyboard.press("Tab")
    link.focus()
    page.locator("#u-card .katex").first.wait_for()
    assert link.get_attribute("aria-describedby") == "u-card"


def test_a_card_stays_within_a_phone(visit):
    page = visit(CHAPTER, width=375).page
    page.keyboard.press("Tab")
    page.locator(EQUATION).locator("visible=true").first.focus()
    page.locator("#u-card").wait_for()
    box = page.locator("#u-card").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 375
    assert page.evaluate(TOO_WIDE) <= 0


def test_fields_come_when_a_reader_comes_near(visit):
    """A browser lays out what is around each field as soon as a page is read."""
    page = visit("book/06-lstm.html", width=375).page
    kinds = "input[type=text], input[type=radio], select"
    fields = page.locator(f".bd-article :is({kinds})")
    assert fields.count() == 0
    for place in page.locator(".u-check, u-widget").all():
        place.scroll_into_view_if_needed()
    fields.nth(10).wait_for()


VISITED = """window.visited = []; addEventListener("focusin", ({ target }) => {
  const box = target.closest(".u-check, u-widget");
  if (box) visited.push([target.type, box.getAttribute("aria-labelledby")]);
})"""


def test_a_walk_with_the_keyboard_misses_no_field(visit):
    """Faster than a page can be scrolled: the fields are not there yet."""
    page = visit("book/06-lstm.html").page
    page.evaluate(VISITED)
    page.locator("h1 a").first.focus()
    for _ in range(300):
        page.keyboard.press("Tab")
    visited = page.evaluate("visited")
    boxes = {kind: {b for k, b in visited if k == kind} for kind, _ in visited}
    assert len(boxes["text"]) == 4
    assert len(boxes["radio"]) == 2
    assert len(boxes["select-one"]) == 1


def test_a_choice_is_answered_by_the_keyboard(visit):
    page = visit("book/02-recurrent-cell.html").page
    box = page.locator(".u-check:has([data-right])").first
    box.scroll_into_view_if_needed()
    choices = box.locator("input[type=radio]")
    right = box.locator("input[data-right]")
    choices.last.focus()
    page.keyboard.press("Space")
    assert box.locator(".u-verdict").inner_text().startswith("Not this")
    while not right.is_checked():
        page.keyboard.press("ArrowDown")
    assert box.locator(".u-verdict").inner_text() == "Right."
    assert box.locator("details").evaluate("fold => fold.open")


@pytest.mark.parametrize(
    ("written", "verdict"),
    [("3,9", "Right."), ("391/100", "Right."), ("4.2", "Not"), ("what", "Write a num")],
)
def test_a_number_is_answered_as_people_write_it(visit, written, verdict):
    page = visit("book/02-recurrent-cell.html").page
    box = page.locator(".u-check:has([data-number])").first
    box.scroll_into_view_if_needed()
    box.locator("input").fill(written)
    page.keyboard.press("Enter")
    assert box.locator(".u-verdict").inner_text().startswith(verdict)


def test_a_link_into_a_fold_opens_it_and_paper_has_none(visit):
    page = visit(CHAPTER + "#equation-eq-path-proof").page
    inside = page.locator("details.u-fold:has(#equation-eq-path-proof)")
    assert inside.evaluate("fold => fold.open")
    page.evaluate("document.querySelectorAll('details').forEach(f => f.open = false)")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.u-fold:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.u-fold[open]").count() == 0


TABS = '.sd-tab-set label:text-is("PyTorch")'


def test_the_choice_of_a_framework_is_kept_over_pages(browser, site):
    context = browser.new_context()
    page = context.new_page()
    page.goto(site + "book/02-recurrent-cell.html")
    page.locator(TABS).first.click()
    page.goto(site + "book/03-bptt.html")
    chosen = page.locator('.sd-tab-set input:checked + label:text-is("PyTorch")')
    chosen.first.wait_for()
    assert chosen.count() == page.locator(TABS).count()
    context.close()


def test_the_first_use_of_a_symbol_leads_to_its_row(visit):
    page = visit("book/02-recurrent-cell.html").page
    link = page.locator("a.u-symbol").first
    assert "notation.html#sym-" in link.get_attribute("href")
    link.click()
    page.wait_for_url("**/notation.html#sym-*")
    page.locator("tr:target").wait_for(state="attached", timeout=10_000)


def test_code_has_the_colours_of_formulas(visit):
    page = visit("book/02-recurrent-cell.html").page
    colour = "e => getComputedStyle(e).color"
    code = page.locator(".highlight .u-weight").first.evaluate(colour)
    formula = page.locator(".katex .u-weight").first.evaluate(colour)
    assert code == formula


@pytest.mark.parametrize("name", [CHAPTER, "exercises/03-bptt/03-bptt.html"])
def test_the_exercise_is_offered_for_download_and_to_be_opened(visit, name):
    page = visit(name).page
    links = page.locator(".exercise-links a[download]")
    names = [link.get_attribute("href").rsplit("/", 1)[1] for link in links.all()]
    assert names == ["03-bptt.ipynb", "checks.npz"]
    for link in links.all():
        assert page.request.get(link.evaluate("a => a.href")).ok
    launch = page.locator(".exercise-links a.u-launch").first.get_attribute("href")
    assert launch.endswith("/lab/tree/exercises/03-bptt/03-bptt.ipynb")


def test_the_book_opens_from_the_disk(browser, site):
    page = browser.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    page.goto((ROOT / "_build" / "html" / CHAPTER).as_uri())
    page.wait_for_function("document.documentElement.dataset.measured")
    assert page.locator(".katex").count() > 0
    page.keyboard.press("Tab")
    page.locator(EQUATION).locator("visible=true").first.focus()
    page.locator("#u-card .katex").first.wait_for()
    assert wrong == []
    page.close()
