"""One submission's processes, seen from outside: run its cells, ask it, end it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from autograder import wire
from autograder.faults import Ended, GraderFault
from autograder.inside import landlock
from autograder.sandbox import cgroup, outputs
from autograder.sandbox.cage import DOCTOR
from autograder.sandbox.limits import Limits
from autograder.sandbox.line import GoneError, LateError, Line
from autograder.sandbox.outputs import CellResult
from unrolled.report import opening

StandIn = Callable[[str, list], Any]

START_S = 10.0  # to get ready for the first cell
LINGER_S = 0.05  # for a question's process to end by itself
SWEEP_S = 3.0
REPLY_S = 20.0  # for process 1, which is ours: it is slow where all processors are busy
KILL_S = 10.0
_TOO_MUCH = {
    "full": "had written more to disk than it may",
    "many": "had started more processes than it may",
}


class Session:
    """One submission's processes. `run` its cells, then `ask`; `close` ends it all."""

    def __init__(
        self,
        limits: Limits,
        process: int,
        channel: socket.socket,
        life: socket.socket,
        group: cgroup.Group | None,
        folder: str,
        *,
        contained: bool,
        alone: bool,
        done: Callable[[cgroup.Group], None],
    ) -> None:
        self.contained = contained
        self._alone = alone  # no namespace of its own, which would die with process 1
        self.limits = limits
        self._done = done
        self._process = process
        self._channel = Line(channel, life)
        self._life = life
        self.group = group
        self._folder = folder
        self._end = time.monotonic() + self.limits.session_s
        self._over: Ended | None = None
        self._marked = self._untidy = self._closed = False
        self._examined: tuple[str, Line] | None = None  # the fork that may be asked on

    def give(self, files: bytes) -> None:
        """Put files into the folder in which the cells will run."""
        until = time.monotonic() + START_S
        try:
            self._channel.send(files, until)
            said = self._channel.receive(until)
        except (GoneError, LateError) as reason:
            raise self._fault(type(reason).__name__) from None
        if said != {"ready": True}:
            raise self._fault(str(said))

    def run(self, cells: list[str]) -> list[CellResult]:
        """Run cells in order; one that fails does not stop the next.

        After a timeout or a death the rest is not run, and its results say so.
        Ended("protocol") if what comes back is not a result.
        """
        self._tidy()
        self._marked = False
        results = []
        room = self.limits.outputs_bytes
        for source in cells:
            if self._over is None:
                result, room = outputs.within(self._cell(source), room)
                results.append(result)
            else:
                results.append(outputs.not_run(self._over))
        return results

    def ask(
        self, question: dict, stand_in: StandIn | None = None, within: str = ""
    ) -> dict[str, Any]:
        """One question, in a fork of the process that ran the cells.

        Questions that follow one another `within` the same name share a fork: what is
        one examination costs one fork. Ended says how a question ended without an
        answer; the next one may be asked. `stand_in` is called, here, when the
        submission calls a stood-in function. A question that is asked often may bring
        its `frame`.
        """
        if question.get("stand_ins") and stand_in is None:
            raise GraderFault("A question with stand-ins was asked without a stand_in.")
        try:
            data = getattr(question, "frame", None) or wire.frame(question)
        except wire.WireError as error:
            raise GraderFault(f"A question cannot cross the border: {error}.") from None
        try:
            line = self._line(within)
            answer = self._converse(line, data, question, stand_in)
        except (GoneError, LateError) as reason:
            self._hang_up()
            raise self._unanswered(reason, str(question.get("call"))) from None
        except BaseException:
            self._hang_up()
            raise
        if not within:
            self._hang_up()
        return answer

    def close(self) -> None:
        """Kill everything that this session started, and wait until it is gone."""
        if self._closed:
            return
        self._closed = True
        gone = self._kill()
        self._hang_up()
        self._channel.close()
        self._life.close()
        os.close(self._process)
        if self._alone:
            self._discard()
        if self.group and gone:
            self._done(self.group)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _until(self, seconds: float) -> float:
        return min(time.monotonic() + seconds, self._end)

    def _cell(self, source: str) -> CellResult:
        try:
            data = b"C" + wire.frame(source, outputs.SOURCE)
        except wire.WireError as error:
            raise GraderFault(f"A cell cannot be run: {error}.") from None
        until = self._until(self.limits.cell_s)
        try:
            self._channel.send(data, until)
            bounds = outputs.bounds(self.limits.output_bytes)
            result = outputs.read(self._channel.receive(until, bounds))
            if result.status == "error" and self.group and self.group.ran_out():
                return dataclasses.replace(result, status="memory")
            return result
        except LateError:
            self._over = self._late(f"The {opening(source)}", self.limits.cell_s)
        except GoneError as reason:
            self._over = self._death(reason, f"while the {opening(source)} ran")
        except Ended as ended:
            self._over = ended
            raise
        finally:
            if self._over is not None:
                self._kill()
        return outputs.cut_off(self._over)

    def _line(self, within: str) -> Line:
        """The line to the fork that is examined `within` this name, or to a new one."""
        if self._examined and self._examined[0] == within and self._over is None:
            return self._examined[1]
        self._begin()
        ours, theirs = socket.socketpair()
        line = Line(ours, self._life)
        self._examined = (within, line)
        with theirs:
            until = self._until(self.limits.question_s)
            self._channel.send_with(b"Q", theirs.fileno(), until)
        return line

    def _hang_up(self) -> None:
        """No more questions to the fork that is open: it ends by itself."""
        if self._examined:
            self._examined[1].close()
            self._examined = None

    def _converse(
        self,
        line: Line,
        data: bytes,
        question: dict,
        stand_in: StandIn | None,
    ) -> dict[str, Any]:
        """Send the question, serve its stand-ins, return the answer."""
        until, heard = self._until(self.limits.question_s), line.received
        line.send(data, until)
        for calls in range(self.limits.stand_in_calls + 1):
            message = line.receive(until)
            if isinstance(message, dict) and message.keys() == {"answer"}:
                return outputs.read_answer(message["answer"])
            name, args = outputs.read_call(message, question.get("stand_ins") or ())
            assert stand_in is not None  # read_call refuses where none was offered
            if calls == self.limits.stand_in_calls:
                break
            if line.received - heard > self.limits.stand_in_bytes:
                break
            line.send(_stood_in(stand_in, name, args), until)
        raise Ended("protocol", f"{question['call']} called {name} too often.")

    def _begin(self) -> None:
        """What runs now may go on; what a question starts is killed after it."""
        self._tidy()
        if self._over is None and not self._marked:
            try:
                self._order(b"mark", b"marked")
                self._marked = True
            except GoneError as reason:
                self._die(reason, "after the last cell")
        if self._over is not None:
            raise Ended(self._over.kind, self._over.sentence)
        self._untidy = True

    def _tidy(self) -> int | None:
        """Kill what a question left; the exit status of its process.

        Done when the next begins: the trusted side compares while the last one ends.
        """
        self._hang_up()
        if not self._untidy:
            return None
        self._untidy = False
        try:
            status = self._status(LINGER_S)
            self._order(b"sweep", b"swept")
            return self._status(SWEEP_S) if status is None else status
        except (GoneError, LateError, Ended) as reason:
            self._die(reason, "while a question was answered")
            return None

    def _die(self, reason: Exception, when: str) -> None:
        self._over = self._death(reason, when)
        self._kill()

    def _status(self, seconds: float) -> int | None:
        with contextlib.suppress(LateError):
            message = self._channel.receive(time.monotonic() + seconds)
            return outputs.read_status(message)
        return None

    def _order(self, order: bytes, reply: bytes) -> None:
        """Tell process 1 what to do, and wait until it is done."""
        try:
            self._life.send(order)
            if select.select([self._life], [], [], REPLY_S)[0]:
                heard = self._life.recv(600, socket.MSG_PEEK)
                if heard == reply:
                    self._life.recv(600)
                    return
        except OSError:
            pass
        raise GoneError

    def _unanswered(self, reason: Exception, call: str) -> Ended:
        status = self._tidy()
        if isinstance(reason, LateError):
            return self._late(call, self.limits.question_s)
        if self._over is not None:
            return self._over
        return self._ended_by(status or 0, f"while {call} was being called")

    def _late(self, what: str, seconds: float) -> Ended:
        if time.monotonic() >= self._end:
            text = f"The whole notebook took more than {self.limits.session_s:g} s."
            return Ended("timeout", text)
        return Ended("timeout", f"{what} was still busy after {seconds:g} s.")

    def _death(self, reason: Exception, when: str) -> Ended:
        """Why the process that ran the cells is gone; GraderFault if not its doing."""
        if isinstance(reason, Ended):
            return reason
        heard = self._last_words()
        if heard is None:  # it lives, and has closed its end
            return Ended("protocol", f"Your notebook stopped listening {when}.")
        if heard.startswith("exit "):
            return self._ended_by(int(heard[5:]), when)
        if heard == "stuck":
            text = "Your notebook starts processes faster than they can be ended."
            return Ended("crashed", text)
        if heard in _TOO_MUCH:
            return Ended("crashed", f"Your notebook {_TOO_MUCH[heard]} {when}.")
        if not heard and self.group and self.group.ran_out():
            return self._ended_by(-signal.SIGKILL, when, out_of_memory=True)
        raise self._fault(heard or "it was killed from outside")

    def _last_words(self) -> str | None:
        """What process 1 said before it ended; None if it has not ended."""
        try:
            if select.select([self._life], [], [], SWEEP_S)[0]:
                return self._life.recv(600).decode("utf-8", "replace")
        except OSError:
            return ""
        return None

    def _ended_by(self, status: int, when: str, out_of_memory: bool = False) -> Ended:
        if out_of_memory or (self.group and self.group.ran_out()):
            room = self.limits.memory_bytes >> 20
            return Ended("memory", f"More than {room} MB of memory was used {when}.")
        if status == -signal.SIGXCPU:
            text = f"More than {self.limits.cpu_s} s of CPU time were used {when}."
            return Ended("timeout", text, added_up=True)
        if status < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-status).name
                return Ended("crashed", f"The process was killed by {name} {when}.")
        return Ended("crashed", f"The process ended itself (status {status}) {when}.")

    def _fault(self, what: str) -> GraderFault:
        with contextlib.suppress(OSError):
            if select.select([self._life], [], [], 0)[0]:
                what = self._life.recv(600).decode("utf-8", "replace") or what
        self._kill()
        return GraderFault(
            f"The sandbox failed ({what.removeprefix('fault ')}). {DOCTOR}."
        )

    def _kill(self) -> bool:
        """Kill process 1; with it, the kernel kills all others of its namespace."""
        if self._alone:
            with contextlib.suppress(OSError):
                self._life.send(b"end")
                select.select([self._process], [], [], SWEEP_S)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        return bool(select.select([self._process], [], [], KILL_S)[0])

    def _discard(self) -> None:
        """What process 1 could not end or remove, if it was killed itself."""
        if self.group:
            self.group.kill()
        if os.path.lexists(self._folder):
            subprocess.run(landlock.removal(self._folder), check=False)


def _stood_in(stand_in: StandIn, name: str, args: list) -> bytes:
    try:
        return wire.frame({"value": stand_in(name, args)})
    except wire.WireError as error:
        raise GraderFault(f"The stand-in for {name} gave back {error}.") from None
    except ValueError as error:
        return wire.frame({"error": str(error)[:500]})
    except Exception as error:
        raise GraderFault(
            f"The stand-in for {name} failed: {type(error).__name__}: {error}"
        ) from error
