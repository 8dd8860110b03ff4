"""Where the sums over households are made: three methods, so that a fit need not know.

A task is a function of a shard and an argument that gives something small. Results are taken in the order of the
shards, so the same shards give the same digits with any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from setaria.flywheel.histories.histories import Histories

Array = TypeVar("Array", bound=np.ndarray[Any, Any])
Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Source(Protocol):
    """Histories in parts that share touchpoints and currencies: a list, or `Shards`, which reads each when asked."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Histories: ...


@dataclass(slots=True)
class Shard:
    """What a task sees. `kept` stays where the shard is: what a later task would otherwise have to find again."""

    number: int
    source: Source
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def histories(self) -> Histories:
        """Read anew each time where they lie on disk: a task asks once."""
        return self.source[self.number]

    @property
    def lean(self) -> Histories:
        """As `histories`; a source may leave out names, amounts and references."""
        read = getattr(self.source, "lean", None)
        return self.source[self.number] if read is None else cast("Histories", read(self.number))

    @property
    def households(self) -> int:
        """How many; a source may know without reading them."""
        size = getattr(self.source, "size", None)
        return len(self.source[self.number]) if size is None else int(size(self.number))


class Engine(Protocol):
    """Raises what a task raises."""

    def start(self, source: Source) -> None:
        """Takes hold of the shards; nothing is kept of those before."""

    def sums(
        self, task: Callable[[Shard, Argument], Result], argument: Argument, only: Sequence[int] | None = None
    ) -> Iterator[Result]:
        """One result a shard, in the order of the shards, or of `only`. Tasks and arguments must pickle where workers
        are other processes. The iterator must be read to its end."""

    def stop(self) -> None: ...


class Threads:
    """The shards of this process, so many at a time; the kernels run without the GIL.

    Out of core as well: of a source that reads from disk no more than `workers` shards are in memory at once.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.shards: list[Shard] = []

    def start(self, source: Source) -> None:
        self.shards = [Shard(number, source) for number in range(len(source))]

    def sums(
        self, task: Callable[[Shard, Argument], Result], argument: Argument, only: Sequence[int] | None = None
    ) -> Iterator[Result]:
        shards = self.shards if only is None else [self.shards[number] for number in only]
        if self.workers <= 1 or len(shards) <= 1:
            yield from (task(shard, argument) for shard in shards)
            return
        with ThreadPoolExecutor(self.workers, "flywheel") as pool:
            yield from pool.map(lambda shard: task(shard, argument), shards)

    def stop(self) -> None:
        self.shards = []


class Adds(Protocol):
    def add(self, other: Any, /) -> None: ...


Sum = TypeVar("Sum", bound=Adds)


def added(results: Iterable[Sum]) -> Sum:
    """All added into the first, one after another: no more than a few are in memory."""
    total: Sum | None = None
    for each in results:
        if total is None:
            total = each
        else:
            total.add(each)
    assert total is not None
    return total


@contextmanager
def running(engine: Engine, source: Source) -> Iterator[Engine]:
    engine.start(source)
    try:
        yield engine
    finally:
        engine.stop()


def plain(array: Array) -> Array:
    """As kernels are compiled for: contiguous, aligned, writable. What comes from Parquet or another process is often
    read-only, which Numba takes for another type and compiles everything once more. Copies only then."""
    made: Array = np.require(array, requirements=["C", "A", "W"])
    return made
