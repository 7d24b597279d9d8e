"""Judge one graded function: ask, compare, forgive inherited faults, name the bug.

The student's own check and the grader share this code. They differ in whom they
ask (the notebook's functions, or a sandbox) and in their cases (public, or drawn
from a hidden seed).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from unrolled.compare import Fault, deviation, dtype_faults, faults, settled
from unrolled.measures import measured_answer
from unrolled.task import Bug, Case, Task, Value, question
from unrolled.trial import (
    Answer,
    Attempt,
    Trial,
    impure,
    listed,
    matching,
    mishap,
    place,
    unwritten,
)
from unrolled.verdict import Ended, Line, Verdict

Ask = Callable[[dict[str, Value]], Answer]
Known = Callable[[str], Sequence[Bug]]
Afresh = Callable[[str], bool]
Pose = Callable[..., dict[str, Value]]

CACHE_OF = "cache from "


class Examiner:
    """Judges the functions of one submission, each once, callees first.

    `afresh` is told of a function that has a fault. True means that what was asked
    before it may be to blame: the next questions come to where nothing was.
    `pose` makes a question of a case.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        cases: Mapping[str, Sequence[Case]],
        known: Known,
        ask: Ask,
        stands_in: bool = False,
        hidden: bool = False,
        afresh: Afresh = lambda name: False,
        pose: Pose = question,
    ) -> None:
        self.tasks, self.cases, self.known = tasks, cases, known
        self.ask, self.stands_in, self.hidden = ask, stands_in, hidden
        self.afresh, self.pose = afresh, pose
        self._verdicts: dict[str, Verdict] = {}

    def verdict(self, name: str) -> Verdict:
        if name not in self._verdicts:
            task = self.tasks[name]
            try:
                self._verdicts[name] = self._judge(task)
            except Ended as end:
                self._verdicts[name] = ended(task, end)
        return self._verdicts[name]

    def _judge(self, task: Task) -> Verdict:
        trial = self._trial(task, Attempt())
        faulty = not trial.right and trial.first("stub") is None
        if faulty and self.afresh(task.name):
            trial = self._trial(task, Attempt())
        blames: tuple[str, ...] = ()
        if not trial.right and not _unfinished(task, trial):
            trial, blames = self._forgiving(task, trial)
        if unfinished := _unfinished(task, trial):
            return _not_done(task, unfinished)
        if trial.ended:
            raise trial.ended
        if not trial.right:
            return self._wrong(task, trial, blames)
        verdict = self._right(task, trial, blames)
        if verdict.status != "full" and self.afresh(task.name):
            return self._judge(task)
        return self._cleanest(task, verdict)

    # asking

    def _trial(self, task: Task, attempt: Attempt) -> Trial:
        trial = Trial(attempt)
        for case in self._cases(task, "values"):
            try:
                answer = self._ask(task, case, attempt)
            except Ended as end:  # perhaps in a function that this one calls
                trial.ended = end
                break
            trial.answers[case.name] = answer
            if answer["status"] != "ok":
                break
            trial.wrong[case.name] = faults(task, case, answer)
        return trial

    def _ask(self, task: Task, case: Case, attempt: Attempt) -> Answer:
        before = self.tasks.get(task.before) if task.before else None
        cache = None if attempt.own_cache else case.cache
        asked = self.pose(task, case, before, cache, attempt.stand_ins)
        return measured_answer(task, case.inputs, settled(case, self.ask(asked)))

    def _asked(self, task: Task, case: Case, attempt: Attempt) -> Answer:
        """The same, where no answer is one fault among others."""
        try:
            return self._ask(task, case, attempt)
        except Ended as end:
            return {"status": "ended", "function": task.name, "error": end.sentence}

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
        best = own
        for faulty in dict.fromkeys((blamed, self._suspects(task))):
            for trial in self._retried(task, faulty):
                if trial.right or _unfinished(task, trial):
                    return trial, faulty or (CACHE_OF + str(task.before),)
                if blamed and trial.share(task.arrays) > best.share(task.arrays):
                    best = trial
        return best, blamed

    def _cleanest(self, task: Task, verdict: Verdict) -> Verdict:
        """The same without other functions' faults of shape and purity."""
        if verdict.status == "full" or verdict.blames:
            return verdict
        suspects = self._suspects(task)
        for trial in self._retried(task, suspects) if suspects else ():
            if trial.right:
                other = self._right(task, trial, suspects)
                if other.points > verdict.points:
                    return other
        return self._pointing_at(suspects, verdict)

    def _pointing_at(self, suspects: tuple[str, ...], verdict: Verdict) -> Verdict:
        """At home nothing stands in: say that the fault may be another's."""
        if not suspects or self.stands_in:
            return verdict
        hint = f" (repair {listed(suspects)} first, it may come from there)"
        lines = tuple(
            line if line.ok else replace(line, text=line.text + hint)
            for line in verdict.lines
        )
        return replace(verdict, lines=lines, bug="", says="")

    def _retried(self, task: Task, faulty: tuple[str, ...]) -> Iterator[Trial]:
        for attempt in self._attempts(task, faulty):
            yield self._trial(task, attempt)

    def _suspects(self, task: Task) -> tuple[str, ...]:
        """The functions that this one leans on and that have any fault, of which
        a faulty cache shows only in the verdict on the function that reads it."""
        leans = self._leans_on(task)
        blames = {blame for name in leans for blame in self.verdict(name).blames}
        return tuple(
            name
            for name in leans
            if self.verdict(name).status != "full" or CACHE_OF + name in blames
        )

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

    def _right(self, task: Task, trial: Trial, blames: tuple[str, ...]) -> Verdict:
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
        if blames and lines:
            are = "are" if len(blames) > 1 else "is"
            text = f"graded with a right {listed(blames)}, because yours {are} not"
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
        fault = trial.first_fault()
        text = self._told(task, trial, fault)
        share = 0.0 if task.trains else trial.share(task.arrays)
        if task.quiz and not trial.first("error"):
            share, text = trial.quizzed(task, self._cases(task, "values")[0])
        if not bug and not trial.first("error"):
            text += self._isolated(task, trial.attempt)
        if blames:
            text += self._repair_first(task, trial, blames)
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

    def _repair_first(self, task: Task, trial: Trial, blames: tuple[str, ...]) -> str:
        failed = trial.first("error") or trial.first("missing") or trial.first("stub")
        if failed and unwritten(self.tasks, failed):
            return ""  # has been said
        it, are = ("they", "are") if len(blames) > 1 else ("it", "is")
        text = f" Repair {listed(blames)} first: {it} {are} not right"
        if not self.stands_in and set(blames) & set(task.uses):
            return f"{text}, and that may be all."  # nothing could stand in
        return f"{text} either."

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
                answer = self._asked(task, case, trial.attempt)
            if answer["status"] == "ended":
                return None  # each further one may take as long
            seen[case.name] = deviation(task, case, answer)
        known = self.known(task.name)
        bug = matching(known, seen)
        if bug is None and not everywhere:  # the same values, but not as clean
            bug = matching(known, seen, of_values=True)
        return bug

    def _told(self, task: Task, trial: Trial, fault: Fault | None) -> str:
        error = trial.first("error")
        if error is None:
            error = trial.first("stub") or trial.first("missing")
        if error is not None:
            return self._told_error(task, error)
        assert fault is not None
        text = f"{fault.text}{place(task, trial, fault)}."
        if fault.got is not None and not self.hidden:
            text += f" Got {fault.got:.6g}, expected {fault.expected:.6g}."
        return text[0].upper() + text[1:] if text.startswith("expected") else text

    def _told_error(self, task: Task, answer: Answer) -> str:
        return mishap(self.tasks, task, answer, self.hidden)

    def _isolated(self, task: Task, attempt: Attempt) -> str:
        """Which term is wrong, found by setting all the others to zero."""
        good: list[str] = []
        bad: list[str] = []
        for case in self._cases(task, "isolate"):
            answer = self._asked(task, case, attempt)
            right = answer["status"] == "ok" and not faults(task, case, answer)
            (good if right else bad).append(case.name)
        if not good or not bad:
            return ""
        go = "go" if len(bad) > 1 else "goes"
        are = "are" if len(good) > 1 else "is"
        return (
            f" With everything else set to zero, {listed(bad)} {go} wrong"
            f" and {listed(good)} {are} right."
        )

    # the other aspects

    def _shapes(self, task: Task, trial: Trial) -> tuple[str, str]:
        """(sentence, fault or "") of the small and odd shapes."""
        for found in trial.wrong.values():
            for fault in found.values():
                return fault.text, fault.text
        for case in self._cases(task, "shapes"):
            answer = self._asked(task, case, trial.attempt)
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
            text = impure(task, case, trial.answers[case.name])
            if text:
                return text, text
        for case in self._cases(task, "purity"):
            answer = self._asked(task, case, trial.attempt)
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


def _unfinished(task: Task, trial: Trial) -> Answer | None:
    """The answer that says that this very function is not written."""
    answer = trial.first("stub") or trial.first("missing")
    return answer if answer and answer["function"] == task.name else None


def _line(task: Task, aspect: str, share: float, text: str) -> Line:
    of = task.points.get(aspect, 0)
    return Line(aspect, round(share * of, 2), of, text)


def _not_done(task: Task, answer: Answer) -> Verdict:
    missing = answer["status"] == "missing"
    text = f"{task.label}: {task.name} is not written yet."
    if missing:
        text = f"{task.label}: there is no function {task.name}; run its cell first."
    return _unjudged(task, "not_done", text)


def ended(task: Task, end: Ended) -> Verdict:
    """A submission that was gone before it answered."""
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


__all__ = ["Attempt", "Ended", "Examiner", "could_not_check", "ended"]
