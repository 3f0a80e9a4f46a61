"""Waiting for events, never for time. All seconds are stretched by one factor for slow builds."""

import time

_stretch = 1.0


def set_stretch(factor):
    """1 for ordinary builds; more under a sanitizer or a debugger."""
    global _stretch
    _stretch = factor


def stretched(seconds):
    return seconds * _stretch


class TooLate(AssertionError):
    """What was waited for did not happen in time."""


class Deadline:
    def __init__(self, seconds):
        self.seconds = stretched(seconds)
        self._end = time.monotonic() + self.seconds

    def left(self):
        """Seconds left, at least a tick, so that a last look always happens."""
        return max(0.001, self._end - time.monotonic())

    def passed(self):
        return time.monotonic() >= self._end


def wait_until(condition, seconds, what, pause=0.01):
    """Looks at `condition` until it yields something true, and returns that."""
    deadline = Deadline(seconds)
    while True:
        late = deadline.passed()
        result = condition()
        if result:
            return result
        if late:
            raise TooLate(f"not within {deadline.seconds:.1f} s: {what}")
        time.sleep(pause)
