"""What runs inside the sandbox. Nothing here is trusted once a student's cell ran.

warm.py imports once and forks; keeper.py is process 1 of one session; student.py
runs the cells and answers questions; contain.py and syscalls.py shut the doors.
These modules import the standard library, numpy, IPython, `unrolled` and the wire.
"""
