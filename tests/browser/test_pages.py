"""Each page of the built book, as a reader's browser shows it."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
FILES = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [f"{file}.html" for file in [TOC["root"], *FILES]]
CHAPTER = "book/03-bptt.html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.browser
each_page = pytest.mark.parametrize("name", PAGES)
each_theme = pytest.mark.parametrize("theme", ["light", "dark"])
each_width = pytest.mark.parametrize("width", [1280, 375])

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}

# thousands of parts, all hidden from a reader's tools: axe would take half a minute
EMPTY_FORMULAS = "document.querySelectorAll('.katex').forEach(k => k.replaceChildren())"
FORMULAS = "e => [...e].filter(m => !m.querySelector('.katex-html')).length"
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"
CLIPPED = """boxes => boxes.filter(box => {
  const right = box.querySelector('.eqno')?.getBoundingClientRect().right ?? 0;
  return right > window.innerWidth;
}).length"""


@each_page
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


@each_page
@each_theme
def test_a_page_has_no_serious_accessibility_fault(visit, name, theme):
    page = visit(name, theme=theme).page
    page.add_script_tag(path=AXE)
    page.evaluate(EMPTY_FORMULAS)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == []


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


def stroke_of_state(page) -> str:
    line = page.locator('.u-figure [style*="--u-state"]').first
    return line.evaluate("e => getComputedStyle(e).stroke + getComputedStyle(e).fill")


def test_figures_follow_the_theme(visit):
    light, dark = (visit(CHAPTER, theme=t).page for t in ("light", "dark"))
    assert stroke_of_state(light) != stroke_of_state(dark)


def test_a_long_equation_is_scrolled_with_the_keyboard(visit):
    page = visit(CHAPTER, width=375).page
    long = page.locator(".math[tabindex]").first
    long.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0", timeout=5000)


def test_only_what_scrolls_takes_a_place_in_the_keyboards_order(visit):
    page = visit(CHAPTER).page
    fits = "boxes => boxes.filter(b => b.scrollWidth <= b.clientWidth).length"
    assert page.eval_on_selector_all(".math[tabindex]", fits) == 0


def test_equations_are_cited_by_their_chapters_number(visit):
    page = visit(CHAPTER).page
    cited = page.locator('a.reference[href*="#equation-"]').first
    assert cited.inner_text().startswith("Eq.\N{NO-BREAK SPACE}(")
    assert page.locator(".eqno").first.inner_text().startswith("(3.1)")


def test_search_works_without_a_network(visit):
    seen = visit("search.html?q=gradient")
    seen.page.wait_for_selector("#search-results li a", timeout=10_000)
    assert seen.elsewhere == []


def test_the_exercise_is_offered_for_download(visit, site):
    page = visit(CHAPTER).page
    links = page.locator(".exercise-notebook a[download]")
    names = [link.get_attribute("href").rsplit("/", 1)[1] for link in links.all()]
    assert names == ["03-bptt.ipynb", "checks.npz"]
    for link in links.all():
        assert page.request.get(link.evaluate("a => a.href")).ok


def test_the_book_opens_from_the_disk(browser, site):
    page = browser.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((ROOT / "_build" / "html" / CHAPTER).as_uri())
    assert page.locator(".katex").count() > 0
    assert wrong == []
    page.close()
