#!/usr/bin/env python3
"""outer_notifier.py COMMAND...: run it under a seccomp filter that has a listener and allows all, as
some container runtimes do: the kernel then lets nobody below have one (EBUSY)."""
import ctypes
import fcntl
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER, ALLOW = 38, 1, 8, 0x7FFF0000
libc = ctypes.CDLL(None, use_errno=True)
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, ALLOW))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 1, ctypes.addressof(code)))
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
number = 317 if platform.machine() == "x86_64" else 277
listener = libc.syscall(number, SET_MODE_FILTER, NEW_LISTENER, program)
if listener < 0:
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
fcntl.fcntl(listener, fcntl.F_DUPFD, 50)  # open as long as the command lives
os.execvp(sys.argv[1], sys.argv[1:])
