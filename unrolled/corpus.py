"""A real text that every Python brings along, for the language models."""

from __future__ import annotations

from pydoc_data import topics


def reference_text() -> str:
    """The topics of CPython's language reference as one text, about 465,000 characters.

    It is what `help("if")` shows, in alphabetical order, in plain ASCII: the few
    other characters are dropped. The text differs a little between Python versions.
    """
    joined = "\n\n".join(text for _, text in sorted(topics.topics.items()))
    return joined.encode("ascii", "ignore").decode()
