"""A run of a linkage: threads that step through a compiled program, and wait where it says so.

A thread is a place in the program with its variables; `parallel` makes more of them. A run that waits is written down
whole (`freeze`), so that it goes on after a restart (`thaw`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from setaria.facts.clock import Timer
from setaria.facts.refused import Refused
from setaria.home.linkage.rule import WaitStep
from setaria.home.linkage.world import Scope, World

PAUSE: Final = -1
END: Final = -2
MOST_STEPS: Final = 20_000  # of one thread between two waits
MOST_TRACE: Final = 500
MOST_THREADS: Final = 64

_OWN: Final = frozenset({"trigger", "repeat", "wait"})  # of the firing, of a thread

logger = logging.getLogger(__name__)

Op = Callable[["Run", "Thread"], int]
"""Returns where to go on, or PAUSE or END."""


class Program:
    """Compiled actions. `guards` are (first, end, after): a fault in [first, end) goes on at `after`.

    `waits` are the waiting steps by the place where a thread goes on after them.
    """

    __slots__ = ("guards", "ops", "paths", "waits")

    def __init__(
        self, ops: list[Op], paths: list[str], guards: list[tuple[int, int, int]], waits: dict[int, WaitStep]
    ) -> None:
        self.ops = ops
        self.paths = paths
        self.guards = guards
        self.waits = waits


class Thread:
    """`due` is UTC microseconds, 0 for none; `waits` says that triggers may wake it; `children` are threads to join.

    `first` is where it began, `own` are the variables that are its alone (`repeat`, `wait`), `fault` is what a branch
    of it came to grief over, `since` when its wait began. `turn` tells one wait from the next.
    """

    # Most threads only run from start to end: what they never change stands here, once for all of them.
    children = 0
    fault = ""
    since = 0
    turn = 0
    due = 0
    waits = False
    timer: Timer | None = None
    unwatch: Callable[[], None] | None = None

    def __init__(self, number: int, pc: int, parent: int = -1) -> None:
        self.id = number
        self.first = pc
        self.pc = pc
        self.parent = parent
        self.own: dict[str, Any] = {}
        self.loops: dict[str, int] = {}

    def still(self) -> None:
        """Stop waiting."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.unwatch is not None:
            self.unwatch()
            self.unwatch = None
        self.due = 0
        self.waits = False
        self.turn += 1


class Run:
    __slots__ = (
        "_scope",
        "author",
        "began",
        "id",
        "linkage",
        "outcome",
        "paused",
        "program",
        "reason",
        "revision",
        "started",
        "threads",
        "ticks",
        "trace",
        "trigger",
        "variables",
        "world",
    )

    def __init__(
        self,
        run_id: str,
        linkage: str,
        revision: int,
        author: str,
        program: Program,
        world: World,
        trigger: dict[str, Any],
        variables: dict[str, Any],
        began: int,
    ) -> None:
        self.id = run_id
        self.linkage = linkage
        self.revision = revision
        self.author = author
        self.program = program
        self.world = world
        self.trigger = trigger
        self.variables = variables
        self._scope: Scope | None = None
        self.began = began
        self.ticks = world.clock.ticks
        self.started = self.ticks()
        self.trace: list[tuple[Any, ...]] = []
        self.threads: dict[int, Thread] = {0: Thread(0, 0)}
        self.outcome = ""
        self.reason = ""
        self.paused = False  # whether the log knows of it

    @property
    def scope(self) -> Scope:
        """What formulas see; most runs have none."""
        if self._scope is None:
            self._scope = Scope(self.world, self.variables)
        return self._scope

    def note(self, path: str, what: object = None) -> None:
        if len(self.trace) < MOST_TRACE:
            self.trace.append((path, what, self.ticks() - self.started))

    def advance(self, thread: Thread) -> None:
        """Step until the thread waits or ends."""
        ops = self.program.ops
        pc = thread.pc
        steps = 0
        if thread.own:
            self.variables.update(thread.own)
        while pc >= 0:
            thread.pc = pc
            steps += 1
            try:
                if steps > MOST_STEPS:
                    raise Refused("linkage_too_long", steps=MOST_STEPS)
                pc = ops[pc](self, thread)
            except Refused as refused:
                self.note(self.program.paths[pc], {"refused": refused.code, **_plain(refused.details)})
                pc = self._failed(thread, pc, refused.code, steps <= MOST_STEPS)
            except Exception as error:
                logger.exception("linkage %s at %s", self.linkage, self.program.paths[pc])
                self.note(self.program.paths[pc], {"refused": "linkage_faulty", "why": type(error).__name__})
                pc = self._failed(thread, pc, "linkage_faulty", steps <= MOST_STEPS)
        if pc == END:
            self._end_thread(thread)

    def _failed(self, thread: Thread, pc: int, code: str, may_go_on: bool) -> int:
        """Go on after the innermost guard. One around the whole `parallel` waits for the other branches first."""
        guards = [guard for guard in self.program.guards if guard[0] <= pc < guard[1]] if may_go_on else []
        own = [guard for guard in guards if guard[0] >= thread.first]
        if own:
            return min(own, key=lambda guard: guard[1] - guard[0])[2]
        parent = self.threads.get(thread.parent)
        if guards and parent is not None:
            parent.fault = code
        else:
            self.finish("failed", code)
        return END

    def _joined(self, parent: Thread) -> int:
        """Where a thread goes on whose branches have all ended."""
        if parent.fault:
            code, parent.fault = parent.fault, ""
            return self._failed(parent, parent.pc - 1, code, True)
        self.variables.update(parent.own)
        return parent.pc

    def finish(self, outcome: str, reason: str = "") -> None:
        """End the whole run, with whatever still waits in it."""
        if not self.outcome:
            self.outcome, self.reason = outcome, reason
        for thread in self.threads.values():
            thread.still()
        self.threads.clear()

    def _end_thread(self, thread: Thread) -> None:
        thread.still()
        self.threads.pop(thread.id, None)
        parent = self.threads.get(thread.parent)
        if parent is not None:
            parent.children -= 1
            if parent.children == 0:
                parent.pc = self._joined(parent)
                if parent.pc == END:
                    self._end_thread(parent)
                else:
                    self.advance(parent)
        if not self.threads and not self.outcome:
            self.outcome = "done"

    def fork(self, parent: Thread, starts: list[int], after: int) -> int:
        """Go on in several threads at once; the parent goes on at `after` when the last of them has ended."""
        if len(self.threads) + len(starts) > MOST_THREADS:
            raise Refused("linkage_too_wide", threads=MOST_THREADS)
        parent.pc = after
        parent.children = len(starts) + 1  # one more while they are started: none may end the wait too early
        next_id = max(self.threads) + 1
        made = []
        for number, start in enumerate(starts):
            child = Thread(next_id + number, start, parent.id)
            child.loops = dict(parent.loops)
            child.own = dict(parent.own)
            self.threads[child.id] = child
            made.append(child)
        for child in made:
            if child.id in self.threads:
                self.advance(child)
        if parent.id not in self.threads:
            return END
        parent.children -= 1
        return self._joined(parent) if parent.children == 0 else PAUSE

    # What a pause writes down.

    def freeze(self) -> tuple[dict[str, Any], ...]:
        shared = {name: value for name, value in self.variables.items() if name not in _OWN and _storable(value)}
        for thread in self.threads.values():
            for name in thread.own:
                shared.pop(name, None)
        return tuple(
            {
                "id": thread.id,
                "pc": thread.pc,
                "at": self.program.paths[thread.pc],
                "first": thread.first,
                "fault": thread.fault,
                "since": thread.since,
                "own": {name: value for name, value in thread.own.items() if _storable(value)},
                "parent": thread.parent,
                "children": thread.children,
                "due": thread.due,
                "waits": thread.waits,
                "loops": dict(thread.loops),
                **({"variables": shared} if number == 0 else {}),
            }
            for number, thread in enumerate(self.threads.values())
        )

    def thaw(self, threads: tuple[dict[str, Any], ...], trace: tuple[tuple[Any, ...], ...]) -> None:
        """Raises Refused("linkage_outdated") when the program is no longer laid out as it was."""
        self.threads = {}
        self.paused = True
        self.trace = [tuple(each) for each in trace]
        self.started = self.ticks() - max(0, self.world.clock.now() - self.began)
        paths = self.program.paths
        for frozen in threads:
            thread = Thread(int(frozen["id"]), int(frozen["pc"]), int(frozen["parent"]))
            waits = bool(frozen["waits"])
            if not 0 <= thread.pc < len(paths) or paths[thread.pc] != frozen.get("at", paths[thread.pc]):
                raise Refused("linkage_outdated", path=str(frozen.get("at", "")))
            if waits and thread.pc not in self.program.waits:
                raise Refused("linkage_outdated", path=str(frozen.get("at", "")))
            thread.first = int(frozen.get("first", 0))
            thread.fault = str(frozen.get("fault", ""))
            thread.since = int(frozen.get("since", 0))
            thread.own = dict(frozen.get("own", {}))
            thread.children = int(frozen["children"])
            thread.due = int(frozen["due"])
            thread.waits = waits
            thread.loops = {str(name): int(count) for name, count in frozen["loops"].items()}
            self.threads[thread.id] = thread
            self.variables.update(frozen.get("variables", {}))


def _plain(details: dict[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value) for name, value in details.items()
    }


def _storable(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_storable(each) for each in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _storable(each) for key, each in value.items())
    return value is None or isinstance(value, bool | int | float | str)
