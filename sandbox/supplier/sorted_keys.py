"""Sorted set of integers with rank and slice, in microseconds at any size."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice

_RUN = 512


class SortedKeys:
    """Distinct integers in ascending order, stored in runs of a few hundred."""

    def __init__(self, keys: Iterable[int] = ()) -> None:
        ordered = sorted(keys)
        self._runs = [ordered[start : start + _RUN] for start in range(0, len(ordered), _RUN)]
        self._last = [run[-1] for run in self._runs]
        self._length = len(ordered)
        self._starts: list[int] | None = None

    def __len__(self) -> int:
        return self._length

    def add(self, key: int) -> None:
        if not self._runs:
            self._runs, self._last = [[key]], [key]
        else:
            run_index = min(bisect_left(self._last, key), len(self._runs) - 1)
            run = self._runs[run_index]
            insort(run, key)
            self._last[run_index] = run[-1]
            if len(run) > 2 * _RUN:
                self._runs[run_index : run_index + 1] = [run[:_RUN], run[_RUN:]]
                self._last[run_index : run_index + 1] = [run[_RUN - 1], run[-1]]
        self._length += 1
        self._starts = None

    def remove(self, key: int) -> None:
        """Remove a key.

        Raises:
            KeyError: the set does not contain the key.
        """
        run_index = bisect_left(self._last, key)
        run = self._runs[run_index] if run_index < len(self._runs) else []
        index = bisect_left(run, key)
        if index >= len(run) or run[index] != key:
            raise KeyError(key)
        del run[index]
        if run:
            self._last[run_index] = run[-1]
        else:
            del self._runs[run_index], self._last[run_index]
        self._length -= 1
        self._starts = None

    def rank(self, key: int) -> int:
        """Number of smaller keys."""
        run_index = bisect_left(self._last, key)
        if run_index == len(self._runs):
            return self._length
        return self._run_starts()[run_index] + bisect_left(self._runs[run_index], key)

    def slice(self, start: int, stop: int) -> Iterator[int]:
        """Keys with ranks from `start` (inclusive) to `stop` (exclusive)."""
        start, stop = max(start, 0), min(stop, self._length)
        if start >= stop:
            return
        starts = self._run_starts()
        run_index = bisect_left(starts, start + 1) - 1
        skip, remaining = start - starts[run_index], stop - start
        while remaining:
            keys = list(islice(self._runs[run_index], skip, skip + remaining))
            yield from keys
            remaining -= len(keys)
            run_index, skip = run_index + 1, 0

    def _run_starts(self) -> list[int]:
        # Computed on the next read after a change, so that a burst of changes costs one computation.
        if self._starts is None:
            self._starts = [0, *accumulate(len(run) for run in self._runs)]
            self._starts.pop()
        return self._starts
