"""Shards on the workers of a Dask cluster (extra setaria[cluster]): the same tasks, the same order of addition.

Each shard has a home: the one worker that reads it, and keeps beside it what tasks leave there. So nothing large
travels after the start, and the digits do not depend on how many workers there are. A worker that is lost takes along
what it kept; the fit then ends with a word rather than with other digits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from setaria import __version__
from setaria.facts.refused import Refused
from setaria.flywheel.fit.engines import Argument, Result, Shard, Source
from setaria.flywheel.histories.histories import Histories

LOOK: Final = 5.0  # seconds of waiting after which one looks whether the worker is still there
REACH: Final = 15.0  # seconds to reach the scheduler


class DaskEngine:
    """`where` is a scheduler's address or a `distributed.Client`, which stays open.

    `Shards` are read by the workers themselves: their folder must be at the same path for all. Other sources are sent.
    """

    def __init__(self, where: Any) -> None:
        self._dask = _distributed()
        self._where = where
        self._client: Any = None
        self._key = ""
        self._homes: list[str] = []
        self._parts: list[Any] = []
        self._asked = count()

    def start(self, source: Source) -> None:
        """Raises Refused where the cluster cannot be reached, has no worker, or runs another version."""
        self.stop()
        self._client = self._reached()
        try:
            self._place(source)
        except BaseException:
            self.stop()
            raise

    def _place(self, source: Source) -> None:
        threads: dict[str, int] = self._client.nthreads()
        if not threads:
            raise Refused("flywheel_cluster_empty")
        self._key = f"flywheel-{uuid4().hex}"
        self._agree()
        # A worker with more threads gets more shards, in turns.
        turns = [each for turn in range(max(threads.values())) for each in sorted(threads) if threads[each] > turn]
        self._homes = [turns[number % len(turns)] for number in range(len(source))]
        self._parts = [self._sent(source, number) for number in range(len(source))]

    def sums(
        self, task: Callable[[Shard, Argument], Result], argument: Argument, only: Sequence[int] | None = None
    ) -> Iterator[Result]:
        numbers = range(len(self._homes)) if only is None else only
        homes = sorted({self._homes[number] for number in numbers})
        shared = self._client.scatter([argument], workers=homes, broadcast=True, hash=False)[0]
        asked = next(self._asked)
        futures = [
            self._client.submit(
                _run,
                self._key,
                number,
                self._parts[number],
                task,
                shared,
                workers=[self._homes[number]],
                allow_other_workers=False,
                pure=False,
                key=f"{self._key}-{asked}-{number}",
            )
            for number in numbers
        ]
        try:
            for number, future in zip(numbers, futures, strict=True):
                yield self._result(future, self._homes[number])
                future.release()
        except BaseException:
            self._client.cancel(futures)
            raise

    def stop(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        self._parts = []
        client.run(_forget, self._key, on_error="ignore")
        if client is not self._where:
            client.close()

    def _reached(self) -> Any:
        if not isinstance(self._where, str):
            return self._where
        try:
            return self._dask.Client(self._where, timeout=REACH, set_as_default=False)
        except (OSError, ValueError) as error:
            raise Refused("flywheel_cluster_unreachable", address=self._where[:80]) from error

    def _agree(self) -> None:
        for worker, version in self._client.run(_open, self._key).items():
            if version != __version__:
                raise Refused("flywheel_cluster_differs", worker=worker, theirs=version, ours=__version__)

    def _sent(self, source: Source, number: int) -> Any:
        folder = getattr(source, "folder", None)
        if isinstance(folder, Path):
            return str(folder.absolute())
        return self._client.scatter([source[number]], workers=[self._homes[number]], hash=False)[0]

    def _result(self, future: Any, home: str) -> Any:
        while True:
            try:
                return future.result(timeout=LOOK)
            except self._dask.TimeoutError:
                lost = home not in self._client.nthreads()
            except (self._dask.scheduler.KilledWorker, self._dask.CancelledError):
                lost = True
            if lost:
                raise Refused("flywheel_cluster_lost", worker=home)


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise Refused("flywheel_cluster_missing") from error


# What a worker holds, of each engine that is started its shards: here, in the worker's own process, between tasks.
_held: dict[str, dict[int, Shard]] = {}


class _One:
    """A source with a single part, whatever it is asked for."""

    def __init__(self, part: Histories) -> None:
        self._part = part

    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> Histories:
        return self._part


def _run(key: str, number: int, part: Histories | str, task: Callable[[Shard, Any], Any], argument: Any) -> Any:
    held = _held.get(key, {})  # nothing is kept of an engine that was stopped while this task waited
    shard = held.get(number)
    if shard is None:
        shard = held[number] = Shard(number, _source(part))
    return task(shard, argument)


def _source(part: Histories | str) -> Source:
    if isinstance(part, Histories):
        return _One(part)
    from setaria.flywheel.histories.shards import Shards

    return Shards(part)


def _open(key: str) -> str:
    _held[key] = {}
    return __version__


def _forget(key: str) -> None:
    _held.pop(key, None)
