"""One linkage as it stands ready: its triggers watched, its steps compiled when first needed, its runs."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.facts.fact import Actor
from setaria.facts.refused import Refused
from setaria.home.linkage import rule as r
from setaria.home.linkage.run import Program, Run, Thread
from setaria.home.linkage.watch import Unwatch
from setaria.home.linkage.world import World

MOST_STARTS_A_SECOND: Final = 500
_FORMULAS: Final = re.compile(rb'"type":"formula","source":"((?:[^"\\]|\\.)*)"')


class Armed:
    __slots__ = (
        "_check",
        "_compiled",
        "_program",
        "_second",
        "_starts",
        "actor",
        "aggregate",
        "author",
        "enabled",
        "id",
        "last",
        "lately",
        "plain",
        "queue",
        "revision",
        "rule",
        "runs",
        "saved",
        "unwatch",
    )

    def __init__(self, rule: r.Rule, author: str, revision: int, enabled: bool) -> None:
        self.rule = rule
        self.id = rule.id
        self.author = author
        self.revision = revision
        self.enabled = enabled
        self.aggregate = f"linkage/{rule.id}"
        self.actor = Actor(self.aggregate, "linkage")
        self.runs: dict[str, Run] = {}
        self.queue: deque[tuple[str, dict[str, Any]]] = deque()
        self.unwatch: list[Unwatch] = []
        self.last = 0  # when the last run began, UTC microseconds
        self.saved = 0
        self.lately: deque[int] = deque()  # the runs that `rate` counts
        self.plain = False  # whether no formula of it asks for the trigger; known once compiled
        self._compiled = False
        self._check: Callable[[Run], bool] | None = None
        self._program: Program | None = None
        self._second = 0
        self._starts = 0

    def compile(self, world: World) -> None:
        if not self._compiled:
            from setaria.home.linkage.compile import compile_steps  # late: a hub starts without
            from setaria.home.linkage.conditions import all_of

            try:
                self._check = all_of(self.rule.conditions, world)
                self._program = compile_steps(self.rule.actions, world)
            except Refused as refused:  # a formula that this program no longer reads: each run says so
                self._check, self._program = None, _failing(refused)
            self.plain = not _asks_for_trigger(self.rule)
            self._compiled = True

    def forget_compiled(self) -> None:
        """The home has changed: rooms and specs are looked up anew at the next run."""
        self._compiled = False

    def check(self, world: World) -> Callable[[Run], bool] | None:
        self.compile(world)
        return self._check

    def program(self, world: World) -> Program:
        self.compile(world)
        assert self._program is not None
        return self._program

    def variables(self, run: Run) -> None:
        from setaria.home.linkage.compile import value_of

        for name, value in self.rule.variables.items():
            run.variables[name] = value_of(value, run.world)(run)

    def too_fast(self, now: int) -> bool:
        """A loop that the checks did not see must not eat the hub."""
        second = now // SECOND
        if second != self._second:
            self._second, self._starts = second, 0
        self._starts += 1
        return self._starts > MOST_STARTS_A_SECOND

    def first_too_fast(self) -> bool:
        return self._starts == MOST_STARTS_A_SECOND + 1

    def remember(self, last: int) -> None:
        """When it last began, from before a restart or an edit."""
        self.last = last
        if last and self.rule.rate is not None:
            self.lately.append(last)

    def resting(self, now: int) -> str:
        """Why it may not run yet: cooldown, rate, or ""."""
        rule = self.rule
        if rule.cooldown and self.last and 0 <= now - self.last < rule.cooldown:
            return "cooldown"
        if rule.rate is not None:
            while self.lately and not 0 <= now - self.lately[0] < rule.rate.within:
                self.lately.popleft()
            if len(self.lately) >= rule.rate.runs:
                return "rate"
        return ""

    def began(self, now: int) -> None:
        self.last = now
        if self.rule.rate is not None:
            self.lately.append(now)


def _asks_for_trigger(rule: r.Rule) -> bool:
    written = msgspec.json.encode((rule.conditions, rule.actions, rule.variables))
    return any(b"trigger" in source for source in _FORMULAS.findall(written))


def _failing(refused: Refused) -> Program:
    def op(run: Run, thread: Thread) -> int:
        raise refused

    return Program([op], [""], [], {})
