"""Imported last by the process that all workers of a pool are forks of.

It was started with Ctrl-C shut out, so that none came while it imported, and ignores it
from now on: the process that has the terminal tells it when to end.

A collection of garbage writes to every object that it looks at, and a page that is
written to is no longer shared: what has been imported so far is not looked at again.
"""

import gc
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

gc.collect()
gc.freeze()
