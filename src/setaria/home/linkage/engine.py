"""Runs the linkages of a home.

A trigger fires; conditions, cooldown and rate are asked; the mode says what happens if a run is under way; the run
steps until it ends or waits. What waits, is queued or is held is a fact first, so that a restart finds it (`resume`).
One firing is carried through before the next: what a linkage sets off in another is taken up when it is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
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
from setaria.home.linkage.watch import as_variable, take_up, watch
from setaria.home.linkage.world import World
from setaria.home.live import Slot

MOST_PENDING: Final = 10_000
MOST_QUEUED: Final = 100
MOST_TRACE_PAUSED: Final = 100  # of the trace, written anew at each pause


class Engine:
    def __init__(self, world: World, ids: IdSource, memory: Memory | None = None) -> None:
        self.world = world
        self.memory = memory or Memory()
        self.armed: dict[str, Armed] = {}
        self.dropped = 0
        self._ids = ids
        self._holds = Holds(world, self.memory, self._record)
        self._schedule = Schedule(world, self.memory, self.fire, self._decline)
        self._pending: deque[Callable[[], None]] = deque()
        self._draining = False
        world.live.on_change(self._changed)

    def remember(self, memory: Memory) -> None:
        """Take over what was remembered, before anything is armed."""
        self.memory = memory
        self._holds.remember(memory)
        self._schedule.remember(memory)

    # Arming.

    def arm(self, rule: r.Rule, author: str, revision: int, enabled: bool, saved: int = 0) -> Armed:
        """Take a linkage into service, in place of its earlier revision if there is one.

        Times before `saved` (UTC microseconds) were none of its business.
        """
        self.disarm(rule.id, "changed")
        armed = self.armed[rule.id] = Armed(rule, author, revision, enabled)
        armed.saved = saved
        armed.remember(self.memory.began.get(rule.id, 0))
        self._watch(armed)
        return armed

    def _watch(self, armed: Armed, times: bool = True) -> None:
        if not armed.enabled:
            return
        holder = self._holds.of(armed)
        for number, trigger in enumerate(armed.rule.triggers):
            unwatch = watch(trigger, number, self.world, self._firing(armed, number), holder)
            if unwatch is not None:
                armed.unwatch.append(unwatch)
            elif times and trigger.enabled:
                self._schedule.add(armed, number, trigger)

    def _firing(self, armed: Armed, number: int) -> Callable[[dict[str, Any]], None]:
        later = _told_of_a_change(armed.rule.triggers[number])

        def fired(told: dict[str, Any]) -> None:
            told["number"] = number
            if later:
                self._later(partial(self._fire, armed, told))
            else:
                self.fire(armed, told)

        return fired

    def disarm(self, linkage: str, how: str) -> None:
        armed = self.armed.pop(linkage, None)
        if armed is not None:
            self._unwatch(armed, how)
            queue, armed.queue = armed.queue, deque()
            for run in list(armed.runs.values()):
                self._cancel(armed, run, how)
            for run_id, told in queue:
                self._record_end(armed, run_id, self.world.clock.now(), 0, "cancelled", told, ())

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
        """Specs, rooms, helpers or the place are others now. Watches on slots that were replaced are taken anew."""
        self._schedule.reckon()
        for armed in self.armed.values():
            armed.forget_compiled()
            for unwatch in armed.unwatch:
                unwatch()
            armed.unwatch.clear()
            self._holds.prune(armed)
            self._watch(armed, times=False)
            for run in armed.runs.values():
                program = armed.program(self.world)
                if program.paths == run.program.paths:
                    run.program = program
                for thread in run.threads.values():
                    if thread.unwatch is not None:
                        thread.unwatch()
                        thread.unwatch = self._watch_for(armed, run, thread, again=True)

    def resume(self) -> None:
        """After a start: take up what waited. Needs a clock that can be trusted; what began since the start goes on
        as it is."""
        now = self.world.clock.now()
        alive = max([*self.memory.began.values(), *self.memory.dues.values()], default=0)
        present = {
            run for armed in self.armed.values() for run in (*armed.runs, *(queued for queued, _ in armed.queue))
        }
        for run_id, (linkage, paused) in list(self.memory.paused.items()):
            if run_id not in present:
                self._resume_run(run_id, linkage, paused, now)
        for run_id, (linkage, queued) in list(self.memory.queued.items()):
            if run_id not in present:
                self._resume_queued(run_id, linkage, queued, now)
        self._holds.resume(self.armed, self._firing)
        for armed in list(self.armed.values()):
            self._carry(partial(self._next_of_queue, armed))
        self._schedule.catch_up(alive)

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
        self._later(partial(self._fire, armed, told))
        if not self._draining:
            self.settle()

    def _later(self, firing: Callable[[], None]) -> None:
        if len(self._pending) >= MOST_PENDING:
            self.dropped += 1
        else:
            self._pending.append(firing)

    def _changed(self, slot: Slot) -> None:
        """All who watch the slot have been told of the change; before that no run may change it again."""
        if self._pending and not self._draining:
            self.settle()

    def _carry(self, act: Callable[[], None]) -> None:
        """Now, or when what is under way is done: no run steps inside the step of another."""
        self._pending.append(act)
        if not self._draining:
            self.settle()

    def settle(self) -> None:
        """Carry through what was set off, and what that sets off, in order."""
        self._draining = True
        try:
            while self._pending:
                self._pending.popleft()()
        finally:
            self._draining = False

    def run_now(self, linkage: str, by: str) -> str:
        """Run a linkage's actions for a person who asked, whatever its triggers and conditions say. Its mode holds."""
        armed = self.armed[linkage]
        run = self._make(armed, {"platform": "person", "id": by}, self.world.clock.now())
        self._carry(partial(self._begin, armed, run))
        return run.id

    def _fire(self, armed: Armed, told: dict[str, Any]) -> None:
        if self.armed.get(armed.id) is not armed or not armed.enabled:
            return
        world = self.world
        now = world.clock.now()
        if armed.too_fast(now):
            self.dropped += 1
            if armed.first_too_fast():
                self._decline(armed, "too_fast", told, ())
            return
        check = armed.check(world)
        run = self._make(armed, told, now)
        if armed.rule.variables and not self._with_variables(armed, run):
            return
        if check is not None and not self._holds_true(check, run):
            self._decline(armed, "conditions", told, tuple(run.trace))
            return
        resting = armed.resting(run.began) if armed.rule.cooldown or armed.rule.rate else ""
        if resting:
            self._decline(armed, resting, told, tuple(run.trace))
            return
        if (armed.runs or armed.queue) and not self._make_way(armed, run):
            return
        self._start(armed, run)

    def _with_variables(self, armed: Armed, run: Run) -> bool:
        """Work out the linkage's own variables; a run whose variables cannot be worked out has failed."""
        try:
            armed.variables(run)
        except Refused as refused:
            run.note("variables", {"refused": refused.code})
            run.finish("failed", refused.code)
            self._settle(armed, run)
            return False
        return True

    @staticmethod
    def _holds_true(check: Callable[[Run], bool], run: Run) -> bool:
        try:
            return check(run)
        except Refused as refused:
            run.note("condition", {"refused": refused.code})
            return False

    def _make(self, armed: Armed, told: dict[str, Any], now: int) -> Run:
        program = armed.program(self.world)
        variables: dict[str, Any] = {} if armed.plain else {"trigger": as_variable(told)}
        return Run(
            self._ids.next(now).hex(),
            armed.id,
            armed.revision,
            armed.author,
            program,
            self.world,
            told,
            variables,
            now,
        )

    def _begin(self, armed: Armed, run: Run) -> None:
        if armed.rule.variables and not self._with_variables(armed, run):
            return
        if not (armed.runs or armed.queue) or self._make_way(armed, run):
            self._start(armed, run)

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
            trace = tuple(run.trace[-MOST_TRACE_PAUSED:])
            paused = f.RunPaused(run.id, run.revision, run.began, run.trigger, run.freeze(), trace)
            self._record(armed, paused)
            return
        armed.runs.pop(run.id, None)
        if run.paused or "due" in run.trigger:
            took = max(0, self.world.clock.now() - run.began)
            self._record_end(armed, run.id, run.began, took, run.outcome, run.trigger, tuple(run.trace))
        else:
            took = run.ticks() - run.started
            body = f.RunEnded(run.id, run.revision, run.began, took, run.outcome, run.trigger, tuple(run.trace))
            self.world.live.record(armed.aggregate, body, armed.actor, run.began + took)
            self.memory.began[armed.id] = run.began  # all there is to remember of a run that never waited
        if armed.queue:
            self._carry(partial(self._next_of_queue, armed))

    def _next_of_queue(self, armed: Armed) -> None:
        if armed.queue and not armed.runs:
            run_id, told = armed.queue.popleft()
            run = self._make(armed, told, self.world.clock.now())
            run.id = run_id
            run.paused = True  # the log knows of its place
            if not armed.rule.variables or self._with_variables(armed, run):
                self._start(armed, run)

    def _cancel(self, armed: Armed, run: Run, why: str) -> None:
        run.finish("cancelled", why)
        run.note("", {"cancelled": why})
        self._settle(armed, run)

    # Waiting.

    def _wait(self, armed: Armed, run: Run, thread: Thread) -> None:
        """Set what will wake a thread, if that is not done yet."""
        clock = self.world.clock
        if thread.due and thread.timer is None:
            at = clock.ticks() + max(0, thread.due - clock.now())
            thread.timer = clock.call_at(at, self._waking(armed, run, thread))
        if thread.waits and thread.unwatch is None:
            thread.unwatch = self._watch_for(armed, run, thread)

    def _waking(self, armed: Armed, run: Run, thread: Thread) -> Callable[[], None]:
        return partial(self._carry, partial(self._wake, armed, run, thread, thread.turn, None))

    def _watch_for(self, armed: Armed, run: Run, thread: Thread, again: bool = False) -> Callable[[], None]:
        """`again`: the wait began earlier, before a restart or a change of the home."""
        step = run.program.waits[thread.pc]
        turn = thread.turn
        holder = LocalHolder(self.world.clock)
        stops: list[Callable[[], None]] = [holder.close]

        def fired(told: dict[str, Any]) -> None:
            self._carry(partial(self._wake, armed, run, thread, turn, told))

        def fired_by_change(told: dict[str, Any]) -> None:
            self._pending.append(partial(self._wake, armed, run, thread, turn, told))

        for number, trigger in enumerate(step.triggers):
            tell = fired_by_change if _told_of_a_change(trigger) else fired
            unwatch = watch(trigger, number, self.world, tell, holder)
            if unwatch is not None:
                stops.append(unwatch)
            elif trigger.enabled:
                stops.append(self._schedule.once(trigger, fired))
            if again:
                take_up(trigger, number, self.world, fired, holder, thread.since)

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def _wake(self, armed: Armed, run: Run, thread: Thread, turn: int, told: dict[str, Any] | None) -> None:
        if run.threads.get(thread.id) is not thread or thread.turn != turn:
            return
        if thread.waits:
            thread.own["wait"] = {"trigger": as_variable(told) if told else None, "completed": told is not None}
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
        run = self._make(armed, paused.trigger, now)
        run.id, run.began = run_id, paused.began
        armed.runs[run_id] = run
        try:
            run.thaw(paused.threads, paused.trace)
        except Refused as refused:
            run.note("", {"refused": refused.code})
            run.finish("failed", refused.code)
            self._settle(armed, run)
            return
        late = max((now - thread.due for thread in run.threads.values() if thread.due), default=0)
        missed = armed.rule.missed
        if late > 0 and missed is not None and 0 <= missed.within < late:
            run.note("", {"missed": late})
            run.finish("missed")
            self._settle(armed, run)
            return
        for thread in list(run.threads.values()):
            if thread.due or thread.waits or thread.children:
                if thread.waits:
                    thread.unwatch = self._watch_for(armed, run, thread, again=True)
                self._wait(armed, run, thread)
            else:
                self._waking(armed, run, thread)()

    def _resume_queued(self, run_id: str, linkage: str, queued: f.RunQueued, now: int) -> None:
        armed = self.armed.get(linkage)
        if armed is None:
            self.memory.queued.pop(run_id)
        elif armed.revision != queued.revision:
            self._record_end(armed, run_id, now, 0, "cancelled", queued.trigger, ())
        else:
            armed.queue.append((run_id, queued.trigger))

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


def _told_of_a_change(trigger: r.Trigger) -> bool:
    """Whether it fires while those who watch a slot are being told: the others are told first."""
    return isinstance(trigger, r.ZoneTrigger) or (
        isinstance(trigger, r.StateTrigger | r.NumericTrigger) and not trigger.held
    )
