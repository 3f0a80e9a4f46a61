"""The few Linux calls that Python 3.11 lacks."""

import concurrent.futures
import contextlib
import ctypes
import os
import resource
import signal

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PTRACE_ATTACH, _PTRACE_DETACH = 16, 17
_WALL = 0x40000000  # waitpid: for threads, too


def enter_network_namespace(name):
    """Moves this thread, and every thread and process it starts from now on, into the namespace."""
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns to network namespace {name}")
    finally:
        os.close(descriptor)


def in_network_namespace(name, work):
    """Runs `work` in a thread of that namespace (None: this one); yields what it returns."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        if name:
            pool.submit(enter_network_namespace, name).result()
        return pool.submit(work).result()


def die_with_parent():
    """For a child between fork and exec: whatever becomes of the test, it does not stay behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def raise_descriptor_limit():
    """To the hard limit; returns it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def halted_thread(pid, name):
    """Meanwhile the thread of that name stands still, and the others of its process go on."""
    thread = next(int(thread) for thread in os.listdir(f"/proc/{pid}/task")
                  if _read(f"/proc/{pid}/task/{thread}/comm").strip() == name)
    _ptrace(_PTRACE_ATTACH, thread)
    try:
        os.waitpid(thread, _WALL)
        yield
    finally:
        _ptrace(_PTRACE_DETACH, thread)


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}")


def _read(path):
    with open(path) as file:
        return file.read()


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_running(pid):
    """False for a process that has ended, waited for or not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
