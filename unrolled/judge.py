"""Judge one graded function: ask, compare, forgive inherited faults, name the bug.

The student's own check and the grader share this code. They differ in whom they
ask (the notebook's functions, or a sandbox) and in their cases (public, or drawn
from a hidden seed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unrolled.compare import (
    FORMLESS,
    Fault,
    again_fault,
    arrays_of,
    changed_inputs,
    deviation,
    dtype_faults,
    faults,
    same_deviation,
    settled,
)
from unrolled.measures import measured_answer
from unrolled.task import Bug, Case, Task, Value, question
from unrolled.verdict import Ended, Line, Verdict

Answer = Mapping[str, Value]
Ask = Callable[[dict[str, Value]], Answer]
Known = Callable[[str], Sequence[Bug]]

# Names of built-in errors may be told of a hidden case; texts may not: a student's
# own error could carry the hidden numbers out.
_PLAIN_ERROR = re.compile(r"^[A-Z][A-Za-z]{2,40}(Error|Exception)$")


CACHE_OF = "cache from "


@dataclass(frozen=True)
class Attempt:
    """One way of asking: with the student's own neighbours, or with right ones."""

    own_cache: bool = True
    stand_ins: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        return self.own_cache and not self.stand_ins


@dataclass
class Trial:
    """The answers that one attempt gave to the cases of aspect "values"."""

    attempt: Attempt
    answers: dict[str, Answer] = field(default_factory=dict)
    wrong: dict[str, dict[str, Fault]] = field(default_factory=dict)

    def first(self, status: str) -> Answer | None:
        found = (a for a in self.answers.values() if a["status"] == status)
        return next(found, None)

    @property
    def right(self) -> bool:
        return all(a["status"] == "ok" for a in self.answers.values()) and all(
            f.harmless for faults in self.wrong.values() for f in faults.values()
        )

    def share(self, names: Sequence[str]) -> float:
        """The part of the returned arrays that is right in every case."""
        if any(a["status"] != "ok" for a in self.answers.values()):
            return 0.0
        every = [f for faults in self.wrong.values() for f in faults.values()]
        if any(f.kind in FORMLESS for f in every):
            return 0.0
        bad = {f.array for f in every if not f.harmless}
        return sum(name not in bad for name in names) / len(names)

    def entries(self, task: Task, case: Case) -> tuple[int, int]:
        """How many of a quiz's entries are right, and of how many."""
        value = self.answers[case.name]["value"]
        expected = np.asarray(case.expected[task.arrays[0]])
        try:
            got = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            return 0, expected.size
        right = got == expected if got.shape == expected.shape else np.zeros(1)
        return int(right.sum()), expected.size


class Examiner:
    """Judges the functions of one submission, each once, callees first."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        cases: Mapping[str, Sequence[Case]],
        known: Known,
        ask: Ask,
        stands_in: bool = False,
        hidden: bool = False,
    ) -> None:
        self.tasks, self.cases, self.known = tasks, cases, known
        self.ask, self.stands_in, self.hidden = ask, stands_in, hidden
        self._verdicts: dict[str, Verdict] = {}

    def verdict(self, name: str) -> Verdict:
        if name not in self._verdicts:
            task = self.tasks[name]
            try:
                self._verdicts[name] = self._judge(task)
            except Ended as end:
                self._verdicts[name] = _ended(task, end)
        return self._verdicts[name]

    def _judge(self, task: Task) -> Verdict:
        trial = self._trial(task, Attempt())
        unfinished = trial.first("stub") or trial.first("missing")
        if unfinished and unfinished["function"] == task.name:
            return _not_done(task, unfinished)
        own = trial
        blames: tuple[str, ...] = ()
        if not trial.right:
            trial, blames = self._forgiving(task, trial)
        if not trial.right:
            return self._wrong(task, trial, blames)
        return self._right(task, trial, own, blames)

    # asking

    def _trial(self, task: Task, attempt: Attempt) -> Trial:
        trial = Trial(attempt)
        for case in self._cases(task, "values"):
            answer = self._ask(task, case, attempt)
            trial.answers[case.name] = answer
            if answer["status"] != "ok":
                break
            trial.wrong[case.name] = faults(task, case, answer)
        return trial

    def _ask(self, task: Task, case: Case, attempt: Attempt) -> Answer:
        before = self.tasks.get(task.before) if task.before else None
        cache = None if attempt.own_cache else case.cache
        asked = question(task, case, before, cache, attempt.stand_ins)
        return measured_answer(task, case.inputs, settled(case, self.ask(asked)))

    def _cases(self, task: Task, aspect: str) -> list[Case]:
        return [case for case in self.cases[task.name] if case.aspect == aspect]

    # one fault is counted once

    def _forgiving(self, task: Task, own: Trial) -> tuple[Trial, tuple[str, ...]]:
        """Ask again without the faults of other functions; the best trial and them.

        First without those whose values are wrong. Then without all that have any
        fault: one that consumes its cache is right once and breaks what calls it
        twice.
        """
        leans = self._leans_on(task)
        blamed = tuple(n for n in leans if not self.verdict(n).values_right)
        suspects = tuple(n for n in leans if self.verdict(n).status != "full")
        best = own
        for faulty in dict.fromkeys((blamed, suspects)):
            for attempt in self._attempts(task, faulty):
                try:
                    trial = self._trial(task, attempt)
                except Ended:
                    continue
                if trial.right:
                    return trial, faulty or (CACHE_OF + str(task.before),)
                if blamed and trial.share(task.arrays) > best.share(task.arrays):
                    best = trial
        return best, blamed

    def _leans_on(self, task: Task) -> list[str]:
        """The graded functions that may have a part in what this one returns."""
        leans = [*task.uses]
        if task.before:
            leans += [task.before, *self.tasks[task.before].uses]
        return [name for name in dict.fromkeys(leans) if name in self.cases]

    def _attempts(self, task: Task, blamed: tuple[str, ...]) -> list[Attempt]:
        own_cache = task.before is None or not (
            {task.before, *self.tasks[task.before].uses} & set(blamed)
        )
        # where nothing else is to blame, what the forward saved may still be
        given = not own_cache or (task.before and not blamed)
        attempts = [Attempt(own_cache=False)] if given else []
        if self.stands_in and blamed:
            wrong = tuple(n for n in blamed if n in task.uses)
            around = self.tasks[task.before].uses if task.before else ()
            attempts += [Attempt(own_cache, wrong)] if wrong else []
            attempts += [Attempt(False, wrong)] if wrong and task.before else []
            attempts += [Attempt(True, tuple(dict.fromkeys((*task.uses, *around))))]
        return attempts

    # verdicts

    def _right(
        self, task: Task, trial: Trial, own: Trial, blames: tuple[str, ...]
    ) -> Verdict:
        shapes, shape_fault = self._shapes(task, trial)
        purity, purity_fault = self._purity(task, trial)
        found = shape_fault or purity_fault
        bug = None
        if found and trial.attempt.is_own:
            bug = self._named(task, trial, everywhere=True)
        lines = [_line(task, "values", 1.0, "your values are right")]
        lines += [_line(task, "shapes", float(not shape_fault), shapes)]
        lines += [_line(task, "purity", float(not purity_fault), purity)]
        lines = [line for line in lines if line.of]
        if not own.right and lines:
            text = f"graded with a right {' and '.join(blames)}, because yours is not"
            lines[0] = replace(lines[0], text=f"{lines[0].text} ({text})")
        return Verdict(
            function=task.name,
            label=task.label,
            status="partial" if found else "full",
            lines=tuple(lines),
            summary=(found and f"Your values are right; {found}.") or "Right.",
            bug=bug.name if bug else "",
            says=bug.says if bug else "",
            blames=blames,
            read=task.read if found else "",
        )

    def _wrong(self, task: Task, trial: Trial, blames: tuple[str, ...]) -> Verdict:
        bug = self._named(task, trial)
        fault = _first_fault(task, trial)
        text = self._told(task, trial, fault)
        share = trial.share(task.arrays)
        if task.quiz and not trial.first("error"):
            right, entries = trial.entries(task, self._cases(task, "values")[0])
            share, text = right / entries, f"{right} of {entries} are right."
        if not bug and not trial.first("error"):
            text += self._isolated(task, trial.attempt)
        if blames:
            text += f" Repair {' and '.join(blames)} first: it is not right either."
        lines = [_line(task, "values", share, text)]
        for aspect in ("shapes", "purity"):
            lines.append(_line(task, aspect, 0.0, "judged once the values are right"))
        earned = any(line.earned for line in lines)
        if (self.hidden or task.quiz) and fault:
            fault = replace(fault, got=None, expected=None)
        return Verdict(
            function=task.name,
            label=task.label,
            status="partial" if earned else "wrong",
            lines=tuple(line for line in lines if line.of),
            summary=text,
            bug=bug.name if bug else "",
            says=bug.says if bug else "",
            fault=fault,
            blames=blames,
            read=task.read,
        )

    def _named(self, task: Task, trial: Trial, everywhere: bool = False) -> Bug | None:
        """The known bug that gives just these answers, if there is one."""
        if not trial.attempt.own_cache and everywhere:
            return None
        aspects = ("values", "shapes", "purity") if everywhere else ("values",)
        seen = {}
        for case in self.cases[task.name]:
            if case.aspect not in aspects:
                continue
            answer = trial.answers.get(case.name)
            if answer is None:
                answer = self._ask(task, case, trial.attempt)
            seen[case.name] = deviation(task, case, answer)
        known = self.known(task.name)
        bug = _matching(known, seen)
        if bug is None and not everywhere:  # the same values, but not as clean
            bug = _matching(known, seen, of_values=True)
        return bug

    def _told(self, task: Task, trial: Trial, fault: Fault | None) -> str:
        error = trial.first("error")
        if error is None:
            error = trial.first("stub") or trial.first("missing")
        if error is not None:
            return self._told_error(task, error)
        assert fault is not None
        where = _where(fault) + _since(task, trial, fault) + _only_in(trial)
        text = f"{fault.text}{where}."
        if fault.got is not None and not self.hidden:
            text += f" Got {fault.got:.6g}, expected {fault.expected:.6g}."
        return text[0].upper() + text[1:] if text.startswith("expected") else text

    def _told_error(self, task: Task, answer: Answer) -> str:
        name = answer["function"]
        if answer["status"] != "error":
            return f"{name}, which {task.name} needs, is not written yet."
        kind, _, rest = str(answer.get("error", "")).partition(":")
        if self.hidden:
            known = _PLAIN_ERROR.match(kind) is not None
            return f"{name} raised {kind if known else 'an error of its own'}."
        line = f" (line {answer['line']}: {answer['code']})" if "line" in answer else ""
        return f"{name} raised {kind}:{rest}{line}."

    def _isolated(self, task: Task, attempt: Attempt) -> str:
        """Which term is wrong, found by setting all the others to zero."""
        good: list[str] = []
        bad: list[str] = []
        for case in self._cases(task, "isolate"):
            answer = self._ask(task, case, attempt)
            right = answer["status"] == "ok" and not faults(task, case, answer)
            (good if right else bad).append(case.name)
        if not good or not bad:
            return ""
        return (
            f" With everything else set to zero, {' and '.join(bad)} "
            f"goes wrong and {' and '.join(good)} is right."
        )

    # the other aspects

    def _shapes(self, task: Task, trial: Trial) -> tuple[str, str]:
        """(sentence, fault or "") of the small and odd shapes."""
        for found in trial.wrong.values():
            for fault in found.values():
                return fault.text, fault.text
        for case in self._cases(task, "shapes"):
            answer = self._ask(task, case, trial.attempt)
            if answer["status"] != "ok":
                text = f"at {case.name} {self._told_error(task, answer)}".rstrip(".")
                return text, text
            for fault in faults(task, case, answer).values():
                text = f"at {case.name} {fault.text}"
                return text, text
        names = [case.name for case in self._cases(task, "shapes")]
        return f"right at {', '.join(names)}", ""

    def _purity(self, task: Task, trial: Trial) -> tuple[str, str]:
        """(sentence, fault or "") of side effects, second calls and dtypes."""
        for case in self._cases(task, "values"):
            text = _impure(task, case, trial.answers[case.name])
            if text:
                return text, text
        for case in self._cases(task, "purity"):
            answer = self._ask(task, case, trial.attempt)
            text = ""
            if answer["status"] != "ok":
                text = f"with {case.name} {self._told_error(task, answer)}".rstrip(".")
            elif wrong := [
                f for f in faults(task, case, answer).values() if not f.harmless
            ]:  # a fault of form has cost the shape point already
                text = f"with {case.name} {wrong[0].text}"
            elif kinds := dtype_faults(task, case, answer):
                name, kind = next(iter(kinds.items()))
                text = f"with {case.name} inputs {name} comes back as {kind}"
            if text:
                return text, text
        return "leaves its inputs alone, can be called twice, keeps the dtype", ""


def _impure(task: Task, case: Case, answer: Answer) -> str:
    if changed := changed_inputs(case, answer):
        return f"{task.name} writes into {' and '.join(changed)}, which is the caller's"
    again = again_fault(task, case, answer)
    same = "on the same cache" if task.backward else "with the same inputs"
    if again == "error":
        return f"a second call of {task.name} {same} fails"
    if again == "differs":
        return f"a second call of {task.name} {same} gives something else"
    return ""


def _matching(
    known: Sequence[Bug], seen: Mapping[str, dict], of_values: bool = False
) -> Bug | None:
    """The bug whose answers to all the cases in `seen` are these."""

    def part(found: Mapping[str, Value]) -> Mapping[str, Value]:
        if not of_values:
            return found
        return {k: v for k, v in found.items() if k not in ("changed", "again")}

    for bug in known:
        if all(
            same_deviation(part(seen[name]), part(bug.deviations.get(name, {})))
            for name in seen
        ):
            return bug
    return None


def _line(task: Task, aspect: str, share: float, text: str) -> Line:
    of = task.points.get(aspect, 0)
    return Line(aspect, round(share * of, 2), of, text)


def _not_done(task: Task, answer: Answer) -> Verdict:
    missing = answer["status"] == "missing"
    text = f"{task.label}: {task.name} is not written yet."
    if missing:
        text = f"{task.label}: there is no function {task.name}; run its cell first."
    return _unjudged(task, "not_done", text)


def _ended(task: Task, end: Ended) -> Verdict:
    kind = "crashed" if end.kind == "protocol" else end.kind
    return _unjudged(task, kind, end.sentence)


def _unjudged(task: Task, status: str, text: str) -> Verdict:
    lines = tuple(
        Line(aspect, 0, of, text if aspect == "values" else "")
        for aspect, of in task.points.items()
    )
    return Verdict(task.name, task.label, status, lines, text, read=task.read)


def could_not_check(task: Task, reason: str) -> Verdict:
    """The grader's own fault: a person has to look, and nobody gets a zero for it."""
    return _unjudged(task, "could_not_check", f"Could not be checked: {reason}")


def _first_fault(task: Task, trial: Trial) -> Fault | None:
    for found in trial.wrong.values():
        serious = [f for f in found.values() if not f.harmless]
        if serious:
            return serious[0]
    return None


def _where(fault: Fault) -> str:
    if not fault.index:
        return ""
    inner = ", ".join(map(str, fault.index))
    step = "" if fault.step is None else f", time step {fault.step}"
    return f" at [{inner}]{step}"


def _only_in(trial: Trial) -> str:
    """Which case goes wrong, where the plain one goes right."""
    first, *others = trial.wrong
    odd = [name for name in others if trial.wrong[name]]
    return f", in the case {odd[0]!r} only" if odd and not trial.wrong[first] else ""


def _since(task: Task, trial: Trial, fault: Fault) -> str:
    """What the first wrong time step says by itself."""
    if fault.step is None or fault.kind != "value":
        return ""
    answer = next(a for name, a in trial.answers.items() if trial.wrong.get(name))
    steps = len(arrays_of(task, answer["value"])[0][fault.array])
    if steps < 2:
        return ""
    if task.backward:
        if fault.step == steps - 2:
            return " (the last step is right: look at what is carried back to it)"
        if fault.step == 0:
            return " (only there: look at how the first step is treated)"
        return ""
    if fault.step == 1:
        return " (step 0 is right: look at how the state is carried)"
    return ""


__all__ = ["Attempt", "Ended", "Examiner", "could_not_check"]
