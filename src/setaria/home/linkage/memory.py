"""What linkages must remember across a restart: waiting runs, queue places, holds, dues. Built of facts."""

from __future__ import annotations

import msgspec

from setaria.facts.kinds import Body
from setaria.home import facts as f

FORM = "linkages/1"


class Hold(msgspec.Struct, frozen=True, array_like=True):
    linkage: str
    trigger: int
    address: str
    due: int


class Memory(msgspec.Struct):
    """`began` is when each linkage last began a run; `dues` the last due of each time trigger, by `linkage/number`."""

    paused: dict[str, tuple[str, f.RunPaused]] = {}
    queued: dict[str, tuple[str, f.RunQueued]] = {}
    holds: dict[str, Hold] = {}
    began: dict[str, int] = {}
    dues: dict[str, int] = {}

    def apply(self, linkage: str, body: Body, time: int) -> None:
        if isinstance(body, f.RunEnded):
            self.paused.pop(body.run, None)
            self.queued.pop(body.run, None)
            if body.outcome != "cancelled":  # one that waited in the queue has not begun
                self.began[linkage] = max(body.began, self.began.get(linkage, 0))
            self._due(linkage, body.trigger)
        elif isinstance(body, f.RunDeclined):
            self._due(linkage, body.trigger)
        elif isinstance(body, f.RunPaused):
            self.queued.pop(body.run, None)
            self.paused[body.run] = (linkage, body)
            self.began[linkage] = max(body.began, self.began.get(linkage, 0))
            self._due(linkage, body.trigger)
        elif isinstance(body, f.RunQueued):
            self.queued[body.run] = (linkage, body)
        elif isinstance(body, f.HoldBegan):
            self.holds[hold_key(linkage, body.trigger, body.address)] = Hold(
                linkage, body.trigger, body.address, body.due
            )
        elif isinstance(body, f.HoldEnded):
            self.holds.pop(hold_key(linkage, body.trigger, body.address), None)

    def _due(self, linkage: str, trigger: dict[str, object]) -> None:
        due = trigger.get("due")
        if isinstance(due, int):
            key = f"{linkage}/{trigger.get('number', 0)}"
            self.dues[key] = max(due, self.dues.get(key, 0))

    def forget(self, linkage: str) -> None:
        """Of a linkage that is gone nothing needs to be remembered."""
        self.paused = {run: each for run, each in self.paused.items() if each[0] != linkage}
        self.queued = {run: each for run, each in self.queued.items() if each[0] != linkage}
        self.holds = {key: hold for key, hold in self.holds.items() if hold.linkage != linkage}
        self.dues = {key: due for key, due in self.dues.items() if key.partition("/")[0] != linkage}
        self.began.pop(linkage, None)

    def freeze(self) -> bytes:
        return msgspec.msgpack.encode(self)


def hold_key(linkage: str, trigger: int, address: str) -> str:
    return f"{linkage}/{trigger}/{address}"


def thaw(frozen: bytes) -> Memory:
    return msgspec.msgpack.decode(frozen, type=Memory)
