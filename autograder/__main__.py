"""The instructor's commands: `python -m autograder --help`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from autograder import adopt as adopting
from autograder import derive as deriving
from autograder import release, results
from autograder.exercise import ExerciseError, slugs

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()
Slugs = Annotated[list[str] | None, typer.Argument(help="NN-slug; all if left out")]


@app.command()
def derive(exercises: Slugs = None) -> None:
    """Make the notebooks and checks that follow from solutions/."""
    for slug in exercises or slugs():
        changed = deriving.derive(slug)
        names = ", ".join(path.name for path in changed) or "already fresh"
        console.print(f"{slug}: {names}", highlight=False)


@app.command()
def fresh() -> None:
    """Fail if a derived file is stale or edited, or if exercises/ holds an answer."""
    found = deriving.stale_everywhere() + release.leaks()
    for sentence in found:
        console.print(sentence, style="red", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if found else 0)


@app.command()
def adopt(exercises: Slugs = None) -> None:
    """Bring edits of the instructor's notebooks back into solutions/."""
    for slug in exercises or slugs():
        said = "adopted" if adopting.adopt(slug) else "no edits"
        console.print(f"{slug}: {said}", highlight=False)


@app.command()
def show(exercise: str) -> None:
    """A table of the graded class: who got what, and which bug was named."""
    console.print(results.table(exercise))


@app.command()
def doctor() -> None:
    """Try what this machine can contain of a student's code."""
    from autograder import doctor as trying

    raise typer.Exit(trying.main())


def main() -> None:
    try:
        app()
    except (ExerciseError, FileNotFoundError) as error:
        console.print(str(error), style="red", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
