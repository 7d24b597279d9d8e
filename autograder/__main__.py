"""The instructor's commands: `python -m autograder --help`."""

from __future__ import annotations

import signal
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from sqlalchemy.exc import DatabaseError

from autograder import adopt as adopting
from autograder import derive as deriving
from autograder import release, results
from autograder.exercise import ExerciseError, load, slugs
from autograder.faults import GraderFault

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
    refusals = 0
    for slug in exercises or slugs():
        try:
            said = "adopted" if adopting.adopt(slug) else "no edits"
        except ExerciseError as refusal:  # the others' edits are not its hostage
            refusals += 1
            said = f"refused: {refusal}"
        console.print(f"{slug}: {said}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if refusals else 0)


@app.command()
def grade(
    exercise: Annotated[str, typer.Argument(help="NN-slug")],
    students: Annotated[
        list[str] | None, typer.Option(help="only this one; may be given again")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes here; all cores if left out")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="a Dask cluster, tcp://... or tls://...")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--force", help="keep what is known, or run all")
    ] = True,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="without a sandbox: your own code only")
    ] = False,
    lines: Annotated[
        bool, typer.Option("--json", help="print one JSON line a student")
    ] = False,
) -> None:
    """Grade all hand-ins in parallel, then write the gradebook."""
    from autograder import batch, own, screen

    if own.is_own(exercise):
        raise GraderFault(
            f"{exercise} is an assignment of your own, with tests in its notebook: "
            f"grade it with `nbgrader autograde {exercise} --create`, which runs it in "
            "the same sandbox."
        )
    load(exercise)  # or the sentence that there is none
    names = tuple(students or ())
    choice = batch.Choice(names, workers, scheduler, unsafe=unsafe, force=not resume)
    raise typer.Exit(screen.grade(exercise, choice, lines=lines))


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
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see __init__.py
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except (ExerciseError, FileNotFoundError, GraderFault) as error:
        _stop(str(error))
    except OSError as error:  # a full disk, a folder that is not ours
        _stop(f"{error}. What was graded is kept: mend it, run the same command again.")
    except DatabaseError as error:
        _stop(f"The gradebook cannot be used: {error.orig}. No grade was changed.")


def _stop(sentence: str) -> NoReturn:
    errors = Console(stderr=True)
    errors.print(sentence, style="red", highlight=False, soft_wrap=True, markup=False)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
