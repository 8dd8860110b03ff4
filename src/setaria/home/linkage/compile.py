"""From the typed form to a flat program: steps become operations, branches and loops become jumps.

Flat, because a run that waits must be written down as a place in it. The operations are closures with everything looked
up beforehand: a write of a literal costs no more than the call that sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.home.linkage import rule as r
from setaria.home.linkage.conditions import all_of, test_of
from setaria.home.linkage.run import END, PAUSE, Op, Program, Run, Thread
from setaria.home.linkage.service import service_op
from setaria.home.linkage.world import World
from setaria.home.ports import Act, Value, Write
from setaria.home.spec.model import Property

LONGEST_DELAY: Final = 30 * 24 * 3600 * SECOND
LONGEST_MESSAGE: Final = 2_000
MOST_TURNS: Final = 10_000  # of a counted loop


def compile_steps(steps: Sequence[r.Step], world: World) -> Program:
    compiler = _Compiler(world)
    compiler.steps(steps)
    compiler.emit("", lambda run, thread: END)
    return Program(compiler.ops, compiler.paths, compiler.guards, compiler.waits)


def value_of(given: Any, world: World) -> Callable[[Run], Any]:
    """For a literal, a formula, or a list or mapping of these."""
    if isinstance(given, r.Formula):
        from setaria.expression import Template

        template = Template.parse(given.source)
        return lambda run: template.evaluate(run.scope)
    if isinstance(given, Mapping) and given.get("type") == "formula" and set(given) == {"type", "source"}:
        return value_of(r.Formula(str(given["source"])), world)  # as a fact gives it back inside `Any`
    if isinstance(given, Mapping):
        parts = {str(name): value_of(each, world) for name, each in given.items()}
        return lambda run: {name: part(run) for name, part in parts.items()}
    if isinstance(given, list | tuple):
        items = [value_of(each, world) for each in given]
        return lambda run: [item(run) for item in items]
    return lambda run: given


class _Compiler:
    def __init__(self, world: World) -> None:
        self.world = world
        self.ops: list[Op] = []
        self.paths: list[str] = []
        self.guards: list[tuple[int, int, int]] = []
        self.waits: dict[int, r.WaitStep] = {}

    def emit(self, path: str, op: Op) -> int:
        self.ops.append(op)
        self.paths.append(path)
        return len(self.ops) - 1

    def hole(self, path: str) -> int:
        """A place to be filled by `fill` once the jump's target is known."""
        return self.emit(path, lambda run, thread: END)

    def fill(self, at: int, op: Op) -> None:
        self.ops[at] = op

    @property
    def here(self) -> int:
        return len(self.ops)

    def steps(self, steps: Sequence[r.Step]) -> None:
        for step in steps:
            if step.enabled and not (isinstance(step, r.ConditionStep) and not step.condition.enabled):
                first = self.here
                _EMITTERS[type(step)](self, step)
                if step.continue_on_error:
                    self.guards.append((first, self.here, self.here))

    # One emitter a step.

    def set(self, step: r.SetStep) -> None:
        after = self.here + 1
        path, world = step.path, self.world
        if all(not isinstance(each.value, r.Formula) for each in step.assignments):
            by_thing: dict[str, list[Write]] = {}
            shown: dict[str, Value] = {}
            for each in step.assignments:
                thing = each.ref.address.partition("/")[0]
                assert each.value is not None
                assert not isinstance(each.value, r.Formula)
                by_thing.setdefault(thing, []).append(Write(each.ref.siid, each.ref.piid, each.value))
                shown[each.ref.address] = each.value
            sending = [(thing, tuple(writes)) for thing, writes in by_thing.items()]
            self.emit(path, _write_op(world, path, sending, shown, after))
            return
        values = [(each.ref, value_of(each.value, world)) for each in step.assignments]

        def op(run: Run, thread: Thread) -> int:
            for ref, value in values:
                thing = ref.address.partition("/")[0]
                write_checked(run, path, thing, ref.address, value(run))
            return after

        self.emit(path, op)

    def act(self, step: r.ActStep) -> None:
        after = self.here + 1
        arguments = [(piid, value_of(value, self.world)) for piid, value in step.arguments]
        path, world = step.path, self.world

        def op(run: Run, thread: Thread) -> int:
            require(run, step.thing)
            spec = world.catalogue.spec_of(step.thing)
            if spec is None:
                raise Refused("not_found", what="thing", id=step.thing)
            given = tuple((piid, _fitting(spec.property(step.siid, piid), value(run))) for piid, value in arguments)
            run.note(path, {"act": step.address})
            world.effects.act(step.thing, Act(step.siid, step.aiid, given), run.id)
            return after

        self.emit(path, op)

    def service(self, step: r.ServiceStep) -> None:
        after = self.here + 1
        self.emit(step.path, service_op(step, self.world, after, value_of))

    def scene(self, step: r.SceneStep) -> None:
        after, path, world = self.here + 1, step.path, self.world

        def op(run: Run, thread: Thread) -> int:
            for address in world.catalogue.scene_writes(step.scene):
                owner = address.partition("/")[0]
                if owner != "helper":
                    require(run, owner)
            run.note(path, {"scene": step.scene})
            world.effects.set_scene(step.scene, run.id)
            return after

        self.emit(path, op)

    def helper(self, step: r.HelperStep) -> None:
        after, path, world = self.here + 1, step.path, self.world
        value = value_of(step.value, world)

        def op(run: Run, thread: Thread) -> int:
            given = value(run)
            run.note(path, {"helper": step.helper, "operation": step.operation})
            world.effects.help(step.helper, step.operation, given, run.id)
            return after

        self.emit(path, op)

    def notify(self, step: r.NotifyStep) -> None:
        after, path, world = self.here + 1, step.path, self.world
        title, message = value_of(step.title, world), value_of(step.message, world)

        def op(run: Run, thread: Thread) -> int:
            said = str(message(run))[:LONGEST_MESSAGE]
            run.note(path, {"notify": list(step.to), "message": said})
            world.effects.notify(step.to, str(title(run) or "")[:LONGEST_MESSAGE], said, run.id)
            return after

        self.emit(path, op)

    def delay(self, step: r.DelayStep) -> None:
        after, path, world = self.here + 1, step.path, self.world
        given = value_of(step.duration, world)

        def op(run: Run, thread: Thread) -> int:
            duration = given(run)
            if isinstance(step.duration, r.Formula):
                duration = _microseconds(duration)
            if duration <= 0:
                return after
            thread.due = world.clock.now() + min(duration, LONGEST_DELAY)
            thread.pc = after
            run.note(path, {"until": thread.due})
            return PAUSE

        self.emit(path, op)

    def wait(self, step: r.WaitStep) -> None:
        """Two operations: one begins the wait, the other is where it goes on, however it ended."""
        path, world = step.path, self.world
        after = self.here + 2
        resumed = self.here + 1

        def begin(run: Run, thread: Thread) -> int:
            thread.pc = resumed
            thread.waits = True
            thread.since = world.clock.now()
            thread.due = 0 if step.timeout < 0 else thread.since + step.timeout
            run.variables["wait"] = thread.own["wait"] = {"trigger": None, "completed": False}
            run.note(path, {"until": thread.due} if thread.due else None)
            return PAUSE

        def go_on(run: Run, thread: Thread) -> int:
            completed = thread.own["wait"]["completed"]
            run.note(path, {"completed": completed})
            if not completed and not step.continue_on_timeout:
                run.finish("stopped", "timeout")
                return END
            return after

        self.emit(path, begin)
        self.emit(path, go_on)
        self.waits[resumed] = step

    def choose(self, step: r.ChooseStep) -> None:
        ends: list[int] = []
        for choice in step.choices:
            at = self.hole(step.path)
            self.steps(choice.steps)
            ends.append(self.hole(step.path))
            self.fill(at, self._branch(choice.conditions, at + 1, self.here))
        self.steps(step.default)
        self._land(ends)

    def if_(self, step: r.IfStep) -> None:
        at = self.hole(step.path)
        self.steps(step.then)
        end = self.hole(step.path)
        self.fill(at, self._branch(step.conditions, at + 1, self.here))
        self.steps(step.otherwise)
        self._land([end])

    def _branch(self, conditions: Sequence[r.Condition], yes: int, no: int) -> Op:
        check = all_of(conditions, self.world)
        if check is None:
            return lambda run, thread: yes
        return lambda run, thread: yes if check(run) else no

    def _land(self, holes: list[int]) -> None:
        after = self.here
        for at in holes:
            self.fill(at, lambda run, thread: after)

    def repeat(self, step: r.RepeatStep) -> None:
        """The count of turns stands in the thread under the step's path, so that it survives a pause."""
        start = self.hole(step.path)
        head = self.hole(step.path)
        self.steps(step.steps)
        tail = self.hole(step.path)
        self.fill(start, _loop_start(step, self.world, head))
        self.fill(head, _loop_head(step, self.world, head + 1, self.here))
        self.fill(tail, _loop_tail(step, self.world, head, self.here))

    def sequence(self, step: r.SequenceStep) -> None:
        self.steps(step.steps)

    def parallel(self, step: r.ParallelStep) -> None:
        at = self.hole(step.path)
        starts: list[int] = []
        for branch in step.branches:
            starts.append(self.here)
            self.steps(branch)
            self.emit(step.path, lambda run, thread: END)
        after = self.here
        self.fill(at, lambda run, thread: run.fork(thread, starts, after) if starts else after)

    def variables(self, step: r.VariablesStep) -> None:
        after = self.here + 1
        values = {name: value_of(value, self.world) for name, value in step.variables.items()}

        def op(run: Run, thread: Thread) -> int:
            for name, value in values.items():
                run.variables[name] = value(run)
            run.note(step.path, {"set": sorted(values)})
            return after

        self.emit(step.path, op)

    def stop(self, step: r.StopStep) -> None:
        def op(run: Run, thread: Thread) -> int:
            run.note(step.path, {"stop": step.reason})
            run.finish("failed" if step.error else "stopped", step.reason)
            return END

        self.emit(step.path, op)

    def event(self, step: r.EventStep) -> None:
        after, world = self.here + 1, self.world
        data = {name: value_of(value, world) for name, value in step.data.items()}

        def op(run: Run, thread: Thread) -> int:
            run.note(step.path, {"event": step.event})
            world.effects.fire(step.event, {name: _plain(value(run)) for name, value in data.items()}, run.id)
            return after

        self.emit(step.path, op)

    def condition(self, step: r.ConditionStep) -> None:
        after = self.here + 1
        test = test_of(step.condition, self.world)

        def op(run: Run, thread: Thread) -> int:
            holds = test(run)
            run.note(step.path, holds)
            if not holds:
                run.finish("stopped", "condition")
                return END
            return after

        self.emit(step.path, op)


def require(run: Run, thing: str) -> None:
    """A linkage acts in its author's rights."""
    if not run.world.effects.may(run.author, thing):
        raise Refused("not_allowed", act="thing.control", why=run.author, thing=thing)


def write_checked(run: Run, path: str, thing: str, address: str, value: Any) -> None:
    """Send a value that was only known now, if the spec allows it."""
    slot = run.world.slot(address)
    if slot is None or slot.property is None:
        raise Refused("not_found", what="property", id=address)
    require(run, thing)
    checked = slot.property.parse(value)
    run.note(path, {address: checked})
    run.world.effects.write(thing, (Write(slot.property.siid, slot.property.piid, checked),), run.id)


def _write_op(
    world: World, path: str, sending: list[tuple[str, tuple[Write, ...]]], shown: dict[str, Value], after: int
) -> Op:
    def op(run: Run, thread: Thread) -> int:
        effects = world.effects
        for thing, writes in sending:
            if not effects.may(run.author, thing):
                require(run, thing)
            effects.write(thing, writes, run.id)
        run.note(path, shown)
        return after

    return op


def _microseconds(seconds: Any) -> int:
    if isinstance(seconds, str):
        try:
            seconds = float(seconds)
        except ValueError:
            seconds = None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise Refused("value_wrong_type", property="delay", value=str(seconds)[:80], format="seconds")
    return round(seconds * SECOND)


def _fitting(known: Property | None, value: Any) -> Value:
    if known is None:
        return _plain(value)
    return known.parse(value)


def _plain(value: Any) -> Value:
    """What a fact can carry."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def _loop_start(step: r.RepeatStep, world: World, head: int) -> Op:
    """A count is asked once. The `repeat` of the loop around this one is kept until this one ends."""
    count = value_of(step.count, world)
    path = step.path

    def op(run: Run, thread: Thread) -> int:
        thread.loops[path] = 0
        if step.count is not None:
            thread.loops[f"{path}/count"] = _whole(count(run), MOST_TURNS)
        thread.own[f"repeat around {path}"] = thread.own.get("repeat")
        return head

    return op


def _loop_head(step: r.RepeatStep, world: World, body: int, after: int) -> Op:
    items = None if step.for_each is None else value_of(step.for_each, world)
    go_on = None if step.while_ is None else all_of(step.while_, world, traced=False)
    path = step.path

    def op(run: Run, thread: Thread) -> int:
        turn = thread.loops[path]
        last = step.bound
        repeat: dict[str, Any] = {"index": turn + 1, "first": turn == 0}
        if step.count is not None:
            last = thread.loops[f"{path}/count"]
            repeat["last"] = turn + 1 == last
        elif items is not None:
            given = items(run)
            last = len(given)
            repeat["last"] = turn + 1 == last
            repeat["item"] = given[turn] if turn < last else None
        run.variables["repeat"] = thread.own["repeat"] = repeat
        if turn >= last or (go_on is not None and not go_on(run)):
            _loop_end(run, thread, path)
            return after
        return body

    return op


def _loop_tail(step: r.RepeatStep, world: World, head: int, after: int) -> Op:
    enough = None if step.until is None else all_of(step.until, world, traced=False)
    path = step.path

    def op(run: Run, thread: Thread) -> int:
        thread.loops[path] += 1
        if enough is not None and enough(run):
            _loop_end(run, thread, path)
            return after
        return head

    return op


def _loop_end(run: Run, thread: Thread, path: str) -> None:
    run.note(path, {"turns": thread.loops[path]})
    around = thread.own.pop(f"repeat around {path}", None)
    if around is None:
        thread.own.pop("repeat", None)
    else:
        run.variables["repeat"] = thread.own["repeat"] = around


def _whole(value: Any, most: int) -> int:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Refused("value_wrong_type", property="count", value=value[:80], format="number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Refused("value_wrong_type", property="count", value=str(value)[:80], format="number")
    return min(max(0, int(value)), most)


_EMITTERS: Final[dict[type, Callable[[_Compiler, Any], None]]] = {
    r.SetStep: _Compiler.set,
    r.ActStep: _Compiler.act,
    r.ServiceStep: _Compiler.service,
    r.SceneStep: _Compiler.scene,
    r.HelperStep: _Compiler.helper,
    r.NotifyStep: _Compiler.notify,
    r.DelayStep: _Compiler.delay,
    r.WaitStep: _Compiler.wait,
    r.ChooseStep: _Compiler.choose,
    r.IfStep: _Compiler.if_,
    r.RepeatStep: _Compiler.repeat,
    r.SequenceStep: _Compiler.sequence,
    r.ParallelStep: _Compiler.parallel,
    r.VariablesStep: _Compiler.variables,
    r.StopStep: _Compiler.stop,
    r.EventStep: _Compiler.event,
    r.ConditionStep: _Compiler.condition,
}
