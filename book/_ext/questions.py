"""``{check-yourself}``: a question in the text, answered as soon as one has tried.

The argument is the question. A list whose items begin with ``[ ]`` and one ``[x]``
makes it a choice; what follows an item's first paragraph is said to whoever chose it.
``:number:`` (and ``:within:``) asks for a number instead. All other text is the
answer, which folds open without a script, too.

The page holds no field to fill in, but buttons in their places: questions.js makes the
fields when a reader comes near, or reaches one by the keyboard. A browser that offers
to fill in forms looks at each field as soon as a page is read, and for that lays out
the whole section around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from docutils import nodes
from markup import Element, element
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MARK = re.compile(r"^\[([ xX])\]\s*")


class CheckYourself(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {"number": float, "within": float}

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        name = f"check-{self.env.new_serialno('check-yourself') + 1}"
        content = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, content)
        choices, answer = self._parts(content)
        if choices and "number" in self.options:
            raise self.error(
                "A check-yourself asks for a number or a choice, not both."
            )
        field = self._choices(choices, name) if choices else self._field(name)
        return [self._box(name, field, answer)]

    def _parts(self, content: nodes.Element) -> tuple[nodes.Element | None, list]:
        """The list of choices, if there is one, and the rest, which is the answer."""
        for child in content.children:
            if isinstance(child, nodes.bullet_list) and _mark(child[0]):
                rest = [other for other in content.children if other is not child]
                self._one_is_right(child, rest)
                return child, rest
        return None, list(content.children)

    def _one_is_right(self, choices: nodes.Element, answer: list) -> None:
        marks = [_mark(item) for item in choices]
        if None in marks or sum(mark in ("x", "X") for mark in marks) != 1:
            raise self.error(
                "Each choice of a check-yourself begins with [ ], and exactly one "
                f"with [x]; here: {[mark and f'[{mark}]' for mark in marks]}."
            )
        if not answer:
            raise self.error(
                "A check-yourself has an answer: write why, in a sentence."
            )

    def _choices(self, choices: nodes.Element, name: str) -> Element:
        items = [self._choice(item, name) for item in choices]
        latex = ("\\begin{itemize}", "\\end{itemize}")
        return element("div", *items, class_="u-choices", latex=latex)

    def _choice(self, item: nodes.Element, name: str) -> Element:
        right = _mark(item) in ("x", "X")
        first, *why = item.children
        first[0] = nodes.Text(MARK.sub("", first[0].astext()))
        said = (
            [element("span", *_inlines(why), class_="u-why", hidden=True)]
            if why
            else []
        )
        pick = element("button", type="button", class_="u-pick", role="radio",
                       aria_checked="false", data_name=name,
                       data_right=right)  # fmt: skip
        text = element("span", *first.children)
        return element(
            "label", pick, text, *said, class_="u-choice", latex=("\\item ", "\n")
        )

    def _field(self, name: str) -> Element | None:
        if "number" not in self.options:
            return None
        value, within = self.options["number"], self.options.get("within", 0.0)
        field = element("button", type="button", class_="u-write",
                        aria_label="Write a number", data_number=f"{value!r}",
                        data_within=f"{within!r}")  # fmt: skip
        button = element("button", nodes.Text("Check"), type="button")
        return element("div", field, button, class_="u-number", hidden=True,
                       latex=("\\iffalse ", "\\fi "))  # fmt: skip

    def _box(self, name: str, field: Element | None, answer: list) -> Element:
        asked, messages = self.state.inline_text(self.arguments[0], self.lineno)
        lead = element("span", nodes.Text("Check yourself"), class_="u-check-lead",
                       latex=("\\textbf{", ":} "))  # fmt: skip
        question = element("p", lead, nodes.Text(" "), *asked, *messages,
                           id=f"{name}-question", class_="u-check-question",
                           latex=("\n\n\\noindent ", "\n\n"))  # fmt: skip
        verdict = element("p", class_="u-verdict", role="status")
        summary = element("summary", nodes.Text("Answer"),
                          latex=("\\noindent\\textit{", ":} "))  # fmt: skip
        folded = element("details", summary, *answer, class_="u-answer")
        kind = (
            "group"
            if field is None or field["attributes"]["class"] == "u-number"
            else "radiogroup"
        )
        parts = [question, *([field, verdict] if field else []), folded]
        box = element("div", *parts, class_="u-check", role=kind,
                      aria_labelledby=f"{name}-question",
                      latex=("\n\n\\medskip", "\\medskip\n\n"))  # fmt: skip
        for node in box.findall(Element):
            node.source, node.line = self.get_source_info()
        return box


def _mark(item: nodes.Node) -> str | None:
    """The sign between the brackets at the beginning of a list's item."""
    found = MARK.match(item.astext())
    return found[1] if found else None


def _inlines(paragraphs: list[nodes.Node]) -> Iterator[nodes.Node]:
    """A label holds no paragraphs."""
    for paragraph in paragraphs:
        yield nodes.Text(" ")
        yield from paragraph.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("markup")
    app.add_directive("check-yourself", CheckYourself)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
