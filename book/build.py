"""jupyter-book build, from the course's root, with the options given.

One of its libraries compiles grammars of web addresses whenever it is imported, which
takes two seconds and is used by no setting of the book: it does without.
"""

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

from jupyter_book.cli.main import main  # noqa: E402

if __name__ == "__main__":
    try:
        main(["build", ".", *sys.argv[1:]])
    except RuntimeError as error:  # Sphinx has said where and why
        sys.exit(str(error))
