"""Run a submission where it can harm nobody, and hear only plain values from it.

    with Sandbox() as sandbox, sandbox.open(public_dir) as session:
        results = session.run(cells)
        answer = session.ask(question)

Covered, on Linux with bubblewrap, tried by tests/test_sandbox.py:
  no network and no unix socket of the host; no file of the course, of other
  submissions or of the home folders; a read-only system; own processes, users,
  hostname and shared memory; no capability, no new privilege, no new namespace; memory
  of each process, its processes, open files, file sizes, CPU and wall time and output;
  everything that a session started is gone when it closes; the trusted process never
  holds more of an output than the limits say, and a forged, cut or endless message is
  `Ended("protocol")`. Where a cgroup can be made, memory of the session as a whole.

Not covered:
  a flaw in the kernel; side channels of the shared CPU; the sum of memory where no
  cgroup can be made (then each process is bounded, and their number); notes that a
  submission passes from one question to the next through memory that its cells shared,
  so ask first what a stand-in would tell; whatever the interpreter's own folders hold,
  which are readable inside. With `unsafe=True` nothing but time, memory of each process
  and the values is bounded, and `contained` is False.

Where this machine refuses user namespaces, landlock and a longer system-call filter
take their place (`how` is "landlock"; tests/test_landlock.py). The same is then out of
reach, with these differences: which paths exist can be asked, though not read; other
processes can be neither seen nor signalled, but share the process numbers; disk is
measured, not refused, and a deleted file that is still open escapes the measure; there
is no /proc, no /dev/shm, and no unix socket but a pair; a session that writes or starts
too much is ended, where bubblewrap would have refused the one call.
"""

from autograder.faults import Ended, GraderFault
from autograder.sandbox.limits import Limits
from autograder.sandbox.outputs import CellResult
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.session import Session, StandIn

__all__ = [
    "CellResult",
    "Ended",
    "GraderFault",
    "Limits",
    "Sandbox",
    "Session",
    "StandIn",
]
