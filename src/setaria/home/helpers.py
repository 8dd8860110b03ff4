"""Virtual switches, counters and timers: state that linkages keep for themselves. Each change is a fact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.facts.fact import Actor, Fact
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.live import Live
from setaria.home.ports import Value
from setaria.home.structure import Helper

SLOTS: Final = {"switch": "on", "counter": "count", "timer": "running"}
LARGEST_COUNT: Final = 1 << 53
LONGEST_TIMER: Final = 366 * 24 * 3600  # seconds
FINISHED: Final = "timer_finished"


def address_of(helper: Helper) -> str:
    return f"helper/{helper.id}.{SLOTS[helper.type]}"


def first_value(helper: Helper) -> bool | int:
    return helper.initial if helper.type == "counter" else False


class Helpers:
    def __init__(self, live: Live, clock: Clock, household: str) -> None:
        self._live = live
        self._clock = clock
        self._household = household
        self._helpers: dict[str, Helper] = {}
        self._timers: dict[str, Timer] = {}
        self.dues: dict[str, int] = {}

    def save(self, helper: Helper) -> None:
        self._helpers[helper.id] = helper
        self._live.add_slot(address_of(helper), f"helper/{helper.id}", first_value(helper))

    def remove(self, helper: str) -> None:
        self._stop(helper)
        self._helpers.pop(helper, None)
        self._live.remove_slots(f"helper/{helper}.")

    def operate(self, helper_id: str, operation: str, value: Value | None, actor: Actor) -> None:
        """Raises Refused: not_found, helper_operation_unknown, value_wrong_type, value_out_of_range."""
        helper = self._helpers.get(helper_id)
        if helper is None:
            raise Refused("not_found", what="helper", id=helper_id[:80])
        if operation not in _OPERATIONS[helper.type]:
            known = ", ".join(_OPERATIONS[helper.type])
            raise Refused("helper_operation_unknown", operation=operation[:40], type=helper.type, operations=known)
        if helper.type == "timer":
            self._operate_timer(helper, operation, value, actor)
            return
        address = address_of(helper)
        now = self._live.slots[address].value
        after = _switched(operation, value, now) if helper.type == "switch" else _counted(helper, operation, value, now)
        self._live.set(address, after, f"helper/{helper.id}", f.HelperSet(after), actor)

    def _operate_timer(self, helper: Helper, operation: str, value: Value | None, actor: Actor) -> None:
        if operation == "start":
            seconds = helper.initial if value is None else value
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_TIMER:
                raise Refused(
                    "value_out_of_range",
                    property=address_of(helper),
                    value=str(seconds)[:40],
                    minimum=1,
                    maximum=LONGEST_TIMER,
                    step=1,
                )
            due = self._clock.now() + round(seconds * SECOND)
            self._set_timer(helper, due, actor)
        else:
            self._stop(helper.id)
            self._running(helper, False, 0, actor)

    def _set_timer(self, helper: Helper, due: int, actor: Actor) -> None:
        self._arm(helper, due)
        self._running(helper, True, due, actor)

    def _arm(self, helper: Helper, due: int) -> None:
        self._stop(helper.id)
        self.dues[helper.id] = due
        at = self._clock.ticks() + max(0, due - self._clock.now())
        self._timers[helper.id] = self._clock.call_at(at, lambda: self._finished(helper))

    def _finished(self, helper: Helper) -> None:
        actor = Actor(f"helper/{helper.id}", "hub")
        self._stop(helper.id)
        self._running(helper, False, 0, actor)
        self._live.fire(FINISHED, {"helper": helper.id}, actor, self._household)

    def _running(self, helper: Helper, running: bool, due: int, actor: Actor) -> None:
        self._live.set(address_of(helper), running, f"helper/{helper.id}", f.HelperSet(running, due), actor)

    def _stop(self, helper: str) -> None:
        self.dues.pop(helper, None)
        timer = self._timers.pop(helper, None)
        if timer is not None:
            timer.cancel()

    def set_to(self, helper_id: str, value: Value, actor: Actor) -> None:
        """As a scene does; a timer is started or cancelled. Raises Refused as `operate` does."""
        helper = self._helpers.get(helper_id)
        if helper is not None and helper.type == "timer":
            self.operate(helper_id, "start" if value else "cancel", None, actor)
        else:
            self.operate(helper_id, "set", value, actor)

    def checked(self, address: str, value: Value) -> Value:
        """Whether a scene may set it so. Raises Refused: not_found, value_wrong_type."""
        helper = next((each for each in self._helpers.values() if address_of(each) == address), None)
        if helper is None:
            raise Refused("not_found", what="helper", id=address[:80])
        if isinstance(value, bool) is (helper.type == "counter") or not isinstance(value, int):
            wanted = "int" if helper.type == "counter" else "bool"
            raise Refused("value_wrong_type", property=address, value=str(value)[:40], format=wanted)
        return value

    # What is rebuilt.

    def blank(self) -> None:
        """Before the facts are applied, which tell when each began and with what."""
        self.dues.clear()
        for helper in self._helpers.values():
            slot = self._live.slots[address_of(helper)]
            slot.value, slot.changed = None, 0

    def complete(self) -> None:
        """After the facts were applied: what they say nothing of is as it was set up."""
        for helper in self._helpers.values():
            slot = self._live.slots[address_of(helper)]
            if slot.value is None:
                slot.value = first_value(helper)

    def apply(self, fact: Fact) -> None:
        body = fact.body
        if isinstance(body, f.HelperSet):
            self.restore(fact.aggregate.partition("/")[2], body.value, body.due, fact.time)
        elif isinstance(body, f.HelperRemoved):
            self.dues.pop(body.helper, None)
            self._live.forget(f"helper/{body.helper}")
        elif isinstance(body, f.HelperSaved) and body.helper in self._helpers:
            slot = self._live.slots[address_of(self._helpers[body.helper])]
            if slot.value is None:
                slot.value = first_value(Helper(body.helper, body.type, body.name, body.initial))

    def restore(self, helper_id: str, value: Value, due: int, time: int) -> None:
        helper = self._helpers.get(helper_id)
        if helper is None:
            return
        slot = self._live.slots[address_of(helper)]
        slot.value, slot.changed = value, time
        if due:
            self.dues[helper_id] = due
        else:
            self.dues.pop(helper_id, None)

    def resume(self) -> None:
        """After a start: timers go on; one that ran out meanwhile ends now. What was started since runs already."""
        for helper_id, due in list(self.dues.items()):
            if helper_id not in self._timers:
                self._arm(self._helpers[helper_id], due)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def all(self) -> Iterable[Helper]:
        return self._helpers.values()


_OPERATIONS: Final = {
    "switch": ("turn_on", "turn_off", "toggle", "set"),
    "counter": ("increment", "decrement", "reset", "set"),
    "timer": ("start", "cancel"),
}


def _switched(operation: str, value: Value | None, now: Value | None) -> bool:
    if operation == "set":
        if not isinstance(value, bool):
            raise Refused("value_wrong_type", property="helper", value=str(value)[:40], format="bool")
        return value
    return {"turn_on": True, "turn_off": False, "toggle": not now}[operation]


def _counted(helper: Helper, operation: str, value: Value | None, now: Value | None) -> int:
    count = now if isinstance(now, int) else helper.initial
    step = 1 if value is None else value
    if isinstance(step, bool) or not isinstance(step, int):
        raise Refused("value_wrong_type", property="helper", value=str(value)[:40], format="int")
    if operation == "increment":
        count += step
    elif operation == "decrement":
        count -= step
    elif operation == "set":
        count = step
    else:
        count = helper.initial
    return max(-LARGEST_COUNT, min(LARGEST_COUNT, count))
