"""The instructor's side: derive exercises, run submissions safely, judge them.

Mechanism only. Answers live in `solutions/`, the seed of the hidden cases in
`_grading/secret`; neither is part of this package.
"""

import signal
import sys

# jsonschema imports it if it is there, to check addresses that no notebook has; its
# grammar takes more than a second to build, in every process.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# Ctrl-C while `python -m autograder` imports what it needs ends it without a traceback.
_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _heard and sys.argv[:1] == ["-m"]:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
