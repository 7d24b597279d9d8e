# Runs inside the sandbox as the first cell of every attack: what attackers share.
# ruff: noqa: F401
import contextlib
import ctypes
import gc
import mmap
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import numpy as np

LIBC = ctypes.CDLL(None, use_errno=True)
SHARED = mmap.mmap(-1, 1 << 16)  # seen by every fork: questions can leave notes here


def attempt(what, action):
    """Say GAINED if `action` does what it should not be able to do."""
    try:
        found = action()
    except BaseException:
        return
    if found is not False:
        print("GAINED", what, repr(found)[:200])


def syscall(number, *args):
    """True if the kernel did it."""
    return LIBC.syscall(number, *args) >= 0


def lie(make):
    """Define every function; `make` gets an array like the one that is asked for."""
    globals().update(
        rnn_step_forward=lambda x_t, h_prev, *rest: (make(h_prev), {}),
        rnn_forward=lambda xs, h0, *rest: (make(np.stack([h0] * len(xs))), {}),
        stable_sigmoid=lambda a: make(a),
        cross_entropy=lambda logits, *rest: (make(logits.sum()), make(logits)),
        mse=lambda pred, target: (make(pred.sum()), make(pred)),
        read_traces=lambda: make(np.full(7, -7.0)),
    )


def everywhere(function):
    """Every graded name is this function."""
    names = ("rnn_step_forward", "rnn_forward", "stable_sigmoid", "cross_entropy")
    globals().update(dict.fromkeys((*names, "mse", "read_traces"), function))


def raw(data):
    """Send bytes on every socket of this process: the grader's line is one of them."""
    for fd in range(3, 64):
        with contextlib.suppress(OSError):
            socket.socket(fileno=os.dup(fd)).sendall(data)


def framed(body):
    return struct.pack(">I", len(body)) + body


def forged(**fields):
    """The bytes of an answer, written by hand."""
    from autograder import wire

    return wire.frame({"answer": fields})
