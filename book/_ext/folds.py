"""Proofs and derivations fold: ``{prf:proof}`` does, and ``{derivation} Title``.

They are closed on a page, are found by its search, and stand open on paper.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from markup import Element, element
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective


class Derivation(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        title, messages = self.state.inline_text(self.arguments[0], self.lineno)
        content = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, content)
        return [fold([*title, *messages], content.children)]


def fold(title: list[nodes.Node], content: list[nodes.Node]) -> Element:
    lead = element("summary", *title, latex=("\n\n\\noindent\\textit{", ".} "))
    return element("details", lead, *content, class_="u-fold", latex=("", "\n\n"))


class FoldProofs(SphinxPostTransform):
    default_priority = 300
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for proof in list(self.document.findall(_is_proof)):
            title, content = _title(proof)
            details = fold(title, content)
            if proof["ids"]:  # a reference to the proof leads into the fold
                details.insert(1, nodes.target(ids=proof["ids"]))
            proof.replace_self(details)


def _is_proof(node: nodes.Node) -> bool:
    return type(node).__name__ == "proof_node"


def _title(proof: nodes.Element) -> tuple[list[nodes.Node], list[nodes.Node]]:
    content = [
        child
        for part in proof.children
        for child in (part.children if isinstance(part, nodes.section) else [part])
    ]
    titles = [child for child in content if isinstance(child, nodes.title)]
    named = titles[0].children if titles else []
    rest = [child for child in content if child not in titles]
    return [nodes.Text("Proof "), *named] if named else [nodes.Text("Proof")], rest


def unlabel(app: Sphinx, page: str, template: str, context: Any, tree: Any) -> None:
    """The button of hidden code is called what it says, "Show the code"."""
    if "body" in context:
        label = '<summary aria-label="Toggle hidden content">'
        context["body"] = context["body"].replace(label, "<summary>")


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("markup")
    app.add_directive("derivation", Derivation)
    app.add_post_transform(FoldProofs)
    app.connect("html-page-context", unlabel)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
