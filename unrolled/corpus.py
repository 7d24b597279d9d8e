"""A real text that every Python brings along, for the language models."""

from __future__ import annotations

import re
from itertools import pairwise
from pydoc_data import topics

BLOCKS = 20


def reference_text() -> str:
    """The topics of CPython's language reference as one text, about 465,000 characters.

    It is what `help("if")` shows, in alphabetical order, in plain ASCII: the few
    other characters are dropped. The text differs a little between Python versions.
    """
    joined = "\n\n".join(text for _, text in sorted(topics.topics.items()))
    return joined.encode("ascii", "ignore").decode()


def without_repeats(text: str) -> str:
    """The paragraphs of a text, each where it stands first.

    Topics of the reference share whole sections: whoever holds a part of it back to
    test a model on would find a tenth of that part in the rest, word for word.
    """
    kept: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", text):
        kept.setdefault(" ".join(paragraph.split()), paragraph)
    return "\n\n".join(kept.values())


def in_blocks(text: str) -> tuple[str, str, str]:
    """(training, validation, test): 16, 2 and 2 of 20 contiguous blocks of a text.

    The held-out blocks lie apart, so that one odd topic does not decide.
    """
    cuts = [len(text) * k // BLOCKS for k in range(BLOCKS + 1)]
    blocks = [text[a:b] for a, b in pairwise(cuts)]
    valid, test = (4, 14), (9, 18)
    rest = [k for k in range(BLOCKS) if k not in valid + test]
    learn, valid_text, test_text = (
        "".join(blocks[k] for k in chosen) for chosen in (rest, valid, test)
    )
    return learn, valid_text, test_text
