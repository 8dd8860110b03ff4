"""Runs the linkages of a home.

A trigger fires; conditions, cooldown and rate are asked; the mode says what happens if a run is under way; the run
steps until it ends or waits. What waits, is queued or is held is a fact first, so that a restart finds it (`resume`).
One firing is carried through before the next: what a linkage sets off in another is taken up when it is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.linkage import rule as r
from setaria.home.linkage.armed import Armed
from setaria.home.linkage.holds import Holds, LocalHolder
from setaria.home.linkage.memory import Memory
from setaria.home.linkage.run import Run, Thread
from setaria.home.linkage.schedule import Schedule
from setaria.home.linkage.watch import as_variable, watch
from setaria.home.linkage.world import World

MOST_PENDING: Final = 10_000
MOST_QUEUED: Final = 100


class Engine:
    def __init__(self, world: World, ids: IdSource, memory: Memory | None = None) -> None:
        self.world = world
        self.memory = memory or Memory()
        self.armed: dict[str, Armed] = {}
        self.dropped = 0
        self._ids = ids
        self._holds = Holds(world.clock, self.memory, self._record)
        self._schedule = Schedule(world, self.memory, self.fire, self._decline)
        self._pending: deque[tuple[Armed, dict[str, Any]]] = deque()
        self._draining = False

    def remember(self, memory: Memory) -> None:
        """Take over what was remembered, before anything is armed."""
        self.memory = memory
        self._holds.remember(memory)
        self._schedule.remember(memory)

    # Arming.

    def arm(self, rule: r.Rule, author: str, revision: int, enabled: bool) -> Armed:
        """Take a linkage into service, in place of its earlier revision if there is one."""
        self.disarm(rule.id, "changed")
        armed = self.armed[rule.id] = Armed(rule, author, revision, enabled)
        armed.last = self.memory.began.get(rule.id, 0)
        self._watch(armed)
        return armed

    def _watch(self, armed: Armed) -> None:
        if not armed.enabled:
            return
        holder = self._holds.of(armed)
        for number, trigger in enumerate(armed.rule.triggers):
            unwatch = watch(trigger, number, self.world, self._firing(armed, number), holder)
            if unwatch is not None:
                armed.unwatch.append(unwatch)
            elif trigger.enabled:
                self._schedule.add(armed, number, trigger)

    def _firing(self, armed: Armed, number: int) -> Callable[[dict[str, Any]], None]:
        def fired(told: dict[str, Any]) -> None:
            told["number"] = number
            self.fire(armed, told)

        return fired

    def disarm(self, linkage: str, how: str) -> None:
        armed = self.armed.pop(linkage, None)
        if armed is not None:
            self._unwatch(armed, how)
            for run in list(armed.runs.values()):
                self._cancel(armed, run, how)
            for run_id, told in armed.queue:
                self._record_end(armed, run_id, self.world.clock.now(), 0, "cancelled", told, ())
            armed.queue.clear()

    def _unwatch(self, armed: Armed, how: str) -> None:
        for unwatch in armed.unwatch:
            unwatch()
        armed.unwatch.clear()
        self._schedule.remove(armed)
        self._holds.drop(armed, how)

    def switch(self, linkage: str, enabled: bool) -> None:
        """Off: no trigger is watched any more; runs under way go on to their end."""
        armed = self.armed.get(linkage)
        if armed is not None and armed.enabled != enabled:
            armed.enabled = enabled
            self._unwatch(armed, "changed")
            self._watch(armed)

    def home_changed(self) -> None:
        """Specs, rooms or helpers are others now. Watches on slots that were replaced are taken anew."""
        for armed in self.armed.values():
            armed.forget_compiled()
            for unwatch in armed.unwatch:
                unwatch()
            armed.unwatch.clear()
            self._schedule.remove(armed)
            self._watch(armed)

    def resume(self) -> None:
        """After a start: take up what waited. Needs a clock that can be trusted."""
        now = self.world.clock.now()
        for run_id, (linkage, paused) in list(self.memory.paused.items()):
            self._resume_run(run_id, linkage, paused, now)
        for run_id, (linkage, queued) in list(self.memory.queued.items()):
            armed = self.armed.get(linkage)
            if armed is None:
                self.memory.queued.pop(run_id)
            else:
                armed.queue.append((run_id, queued.trigger))
                self._next_of_queue(armed)
        self._holds.resume(self.armed, self._firing)
        self._schedule.catch_up()

    def started(self) -> None:
        """The hub runs: fire what waits for that."""
        for armed in list(self.armed.values()):
            for number, trigger in enumerate(armed.rule.triggers):
                if isinstance(trigger, r.StartTrigger) and trigger.enabled and armed.enabled:
                    self.fire(armed, {"platform": "start", "id": trigger.id, "number": number})

    def close(self) -> None:
        """Stop all timers and watches; what waits stays in the log."""
        self._schedule.close()
        for armed in self.armed.values():
            for unwatch in armed.unwatch:
                unwatch()
            for run in armed.runs.values():
                for thread in run.threads.values():
                    thread.still()
        self._holds.close()

    # Firing.

    def fire(self, armed: Armed, told: dict[str, Any]) -> None:
        if self._draining:
            if len(self._pending) >= MOST_PENDING:
                self.dropped += 1
                return
            self._pending.append((armed, told))
            return
        self._draining = True
        try:
            self._fire(armed, told)
            while self._pending:
                self._fire(*self._pending.popleft())
        finally:
            self._draining = False

    def run_now(self, linkage: str, by: str) -> str:
        """Run a linkage's actions for a person who asked, whatever its triggers and conditions say."""
        armed = self.armed[linkage]
        return self._begin(armed, {"platform": "person", "id": by})

    def _fire(self, armed: Armed, told: dict[str, Any]) -> None:
        if self.armed.get(armed.id) is not armed or not armed.enabled:
            return
        world = self.world
        if armed.too_fast(world.clock.ticks()):
            self.dropped += 1
            return
        check = armed.check(world)
        run = self._make(armed, told)
        if armed.rule.variables:
            armed.variables(run)
        if check is not None and not self._holds_true(check, run):
            self._decline(armed, "conditions", told, tuple(run.trace))
            return
        resting = armed.resting(run.began) if armed.rule.cooldown or armed.rule.rate else ""
        if resting:
            self._decline(armed, resting, told, tuple(run.trace))
            return
        if armed.runs and not self._make_way(armed, run):
            return
        self._start(armed, run)

    @staticmethod
    def _holds_true(check: Callable[[Run], bool], run: Run) -> bool:
        try:
            return check(run)
        except Refused as refused:
            run.note("condition", {"refused": refused.code})
            return False

    def _make(self, armed: Armed, told: dict[str, Any]) -> Run:
        variables: dict[str, Any] = {} if armed.plain else {"trigger": as_variable(told)}
        return Run(
            self._ids.next().hex(),
            armed.id,
            armed.revision,
            armed.author,
            armed.program(self.world),
            self.world,
            told,
            variables,
            self.world.clock.now(),
        )

    def _begin(self, armed: Armed, told: dict[str, Any]) -> str:
        run = self._make(armed, told)
        if armed.rule.variables:
            armed.variables(run)
        self._start(armed, run)
        return run.id

    def _make_way(self, armed: Armed, run: Run) -> bool:
        """What the mode says of a run that finds another under way."""
        mode = armed.rule.mode
        if mode is r.Mode.RESTART:
            for other in list(armed.runs.values()):
                self._cancel(armed, other, "restarted")
            return True
        if mode is r.Mode.PARALLEL and len(armed.runs) < armed.rule.max_runs:
            return True
        if mode is r.Mode.QUEUED and len(armed.runs) + len(armed.queue) < min(armed.rule.max_runs, MOST_QUEUED):
            armed.queue.append((run.id, run.trigger))
            self._record(armed, f.RunQueued(run.id, armed.revision, run.trigger))
            return False
        self._decline(armed, "busy", run.trigger, tuple(run.trace))
        return False

    def _start(self, armed: Armed, run: Run) -> None:
        armed.began(run.began)
        armed.runs[run.id] = run
        run.advance(run.threads[0])
        self._settle(armed, run)

    def _settle(self, armed: Armed, run: Run) -> None:
        """After stepping: write down how the run ended, or that it waits."""
        if not run.outcome:
            for thread in run.threads.values():
                self._wait(armed, run, thread)
            run.paused = True
            paused = f.RunPaused(run.id, run.revision, run.began, run.trigger, run.freeze(), tuple(run.trace))
            self._record(armed, paused)
            return
        armed.runs.pop(run.id, None)
        took = self.world.clock.ticks() - run.started
        if run.paused:
            took = self.world.clock.now() - run.began
        self._record_end(armed, run.id, run.began, took, run.outcome, run.trigger, tuple(run.trace))
        if armed.queue:
            self._next_of_queue(armed)

    def _next_of_queue(self, armed: Armed) -> None:
        if armed.queue and not armed.runs:
            run_id, told = armed.queue.popleft()
            run = self._make(armed, told)
            run.id = run_id
            if armed.rule.variables:
                armed.variables(run)
            self._start(armed, run)

    def _cancel(self, armed: Armed, run: Run, why: str) -> None:
        run.finish("cancelled", why)
        run.note("", {"cancelled": why})
        queue, armed.queue = armed.queue, deque()
        self._settle(armed, run)
        armed.queue = queue

    # Waiting.

    def _wait(self, armed: Armed, run: Run, thread: Thread) -> None:
        """Set what will wake a thread, if that is not done yet."""
        clock = self.world.clock
        if thread.due and thread.timer is None:
            at = clock.ticks() + max(0, thread.due - clock.now())
            thread.timer = clock.call_at(at, lambda: self._wake(armed, run, thread, None))
        if thread.waits and thread.unwatch is None:
            thread.unwatch = self._watch_for(armed, run, thread)

    def _watch_for(self, armed: Armed, run: Run, thread: Thread) -> Callable[[], None]:
        step = run.program.waits[thread.pc]
        holder = LocalHolder(self.world.clock)
        stops: list[Callable[[], None]] = [holder.close]

        def fired(told: dict[str, Any]) -> None:
            self._wake(armed, run, thread, told)

        for number, trigger in enumerate(step.triggers):
            unwatch = watch(trigger, number, self.world, fired, holder)
            stops.append(unwatch or self._schedule.once(trigger, fired))

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def _wake(self, armed: Armed, run: Run, thread: Thread, told: dict[str, Any] | None) -> None:
        if run.threads.get(thread.id) is not thread:
            return
        if thread.waits and told is not None:
            run.variables["wait"] = {"trigger": as_variable(told), "completed": True}
        thread.still()
        run.advance(thread)
        self._settle(armed, run)

    def _resume_run(self, run_id: str, linkage: str, paused: f.RunPaused, now: int) -> None:
        armed = self.armed.get(linkage)
        if armed is None or armed.revision != paused.revision:
            self.memory.paused.pop(run_id)
            if armed is not None:
                self._record_end(armed, run_id, paused.began, 0, "cancelled", paused.trigger, paused.trace)
            return
        run = self._make(armed, paused.trigger)
        run.id, run.began = run_id, paused.began
        run.thaw(paused.threads, paused.trace)
        armed.runs[run_id] = run
        late = max((now - thread.due for thread in run.threads.values() if thread.due), default=0)
        missed = armed.rule.missed
        if late > 0 and missed is not None and 0 <= missed.within < late:
            run.note("", {"missed": late})
            run.finish("missed")
            self._settle(armed, run)
            return
        for thread in list(run.threads.values()):
            self._wait(armed, run, thread)

    # Writing down.

    def _record(self, armed: Armed, body: Body) -> None:
        self.world.live.record(armed.aggregate, body, armed.actor)
        self.memory.apply(armed.id, body, 0)

    def _record_end(
        self,
        armed: Armed,
        run_id: str,
        began: int,
        took: int,
        outcome: str,
        told: dict[str, Any],
        trace: tuple[tuple[Any, ...], ...],
    ) -> None:
        self._record(armed, f.RunEnded(run_id, armed.revision, began, took, outcome, told, trace))

    def _decline(self, armed: Armed, reason: str, told: dict[str, Any], trace: tuple[tuple[Any, ...], ...]) -> None:
        self._record(armed, f.RunDeclined(armed.revision, reason, told, trace))
