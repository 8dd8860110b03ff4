"""One device's protocol with no I/O and no clock: fed datagrams and the time, it fills `events` and `outbox`.

    state     what happens          next      and
    silent    a command, or time    greeting  a hello; again after 1, 2 and 4 s
    silent    hello answered        ready
    greeting  hello answered        ready     the device's clock is learnt; everything readable is read
    greeting  3 hellos unanswered   silent    commands end Unreachable; the next try after 10, 20, 40, 60 s
    ready     request unanswered    greeting  it was sent 3 times with the same id, waiting 1, 2 and 4 s
    ready     3 pings unanswered    silent    commands end Unreachable
    any       message with our key  ready
    any       token disproved       barred    commands end Refused; the next try after 60 s
    barred    time                  greeting

The token is disproved when hellos are answered but requests are not (twice running, or six times if it has worked
before), when three messages running fail the checksum, or when a reset device gives away another token.

Stamps are the device's own clock, kept as an offset to ours: a device that restarted begins anew, so what is on its
way is sent again as soon as its hello shows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import Final

from setaria.facts.clock import MINUTE, SECOND
from setaria.facts.refused import Refused
from setaria.home.ports import Outcome, Unreachable
from setaria.radio.miio import payload
from setaria.radio.miio.alarms import NEVER
from setaria.radio.miio.batches import Batches
from setaria.radio.miio.codec import CodecError, Fault, HelloReply, Keys, decode, encode, encode_hello
from setaria.radio.miio.events import Answered, Event, Happened, Informed, Lost, Observed, Reached, Settings
from setaria.radio.miio.liveness import Liveness
from setaria.radio.miio.pushes import Pushes
from setaria.radio.miio.replies import Reply, read_reply
from setaria.radio.miio.requests import TIMEOUTS, Ids, Kind, Queue, Request

GREET_AGAIN: Final = (10 * SECOND, 20 * SECOND, 40 * SECOND, 60 * SECOND)
BARRED_FOR: Final = 60 * SECOND
CLOCK_JUMP: Final = 2  # seconds by which a device's clock may wander without having been restarted
MUTE_LIMIT: Final = 2
MUTE_LIMIT_PROVEN: Final = 6  # of 1 in 3 datagrams lost, so many in a row are all but impossible
GARBLED_LIMIT: Final = 3
SUBSCRIBE_AGAIN: Final = MINUTE
REACHED: Final = ""


class State(StrEnum):
    SILENT = "silent"
    GREETING = "greeting"
    READY = "ready"
    BARRED = "barred"


class Cause(StrEnum):
    GREET = "greet"
    HELLO_ANSWERED = "hello_answered"
    HELLOS_UNANSWERED = "hellos_unanswered"
    REQUEST_UNANSWERED = "request_unanswered"
    PINGS_UNANSWERED = "pings_unanswered"
    HEARD = "heard"
    TOKEN_DISPROVED = "token_disproved"  # noqa: S105  no secret


# What is not listed changes nothing.
TRANSITIONS: Final = {
    (State.SILENT, Cause.GREET): State.GREETING,
    (State.SILENT, Cause.HELLO_ANSWERED): State.READY,
    (State.SILENT, Cause.HEARD): State.READY,
    (State.SILENT, Cause.TOKEN_DISPROVED): State.BARRED,
    (State.GREETING, Cause.HELLO_ANSWERED): State.READY,
    (State.GREETING, Cause.HELLOS_UNANSWERED): State.SILENT,
    (State.GREETING, Cause.HEARD): State.READY,
    (State.GREETING, Cause.TOKEN_DISPROVED): State.BARRED,
    (State.READY, Cause.REQUEST_UNANSWERED): State.GREETING,
    (State.READY, Cause.PINGS_UNANSWERED): State.SILENT,
    (State.READY, Cause.TOKEN_DISPROVED): State.BARRED,
    (State.BARRED, Cause.GREET): State.GREETING,
    (State.BARRED, Cause.HEARD): State.READY,
}


class Session:
    """After each call take what is in `outbox` and `events`, and call `tick` at `due`."""

    __slots__ = (
        "_batches", "_did", "_garbled", "_greet_at", "_greet_attempt", "_ids", "_live", "_may_push", "_mute",
        "_offset", "_phase", "_poll_at", "_proven", "_pushes", "_queue", "_settings", "_steady_at", "_subscribe_at",
        "_told", "_tries", "_virtual_did", "device_id", "due", "events", "faults", "keys", "outbox", "pushing", "state",
    )  # fmt: skip

    def __init__(
        self,
        device_id: int,
        keys: Keys,
        *,
        random: Random,
        readable: Sequence[tuple[int, int]] = (),
        settings: Settings = Settings(),  # noqa: B008  frozen
        virtual_did: int = 0,
    ) -> None:
        self.device_id: Final = device_id
        self.keys: Final = keys
        self.state = State.SILENT
        self.pushing = False
        self.due = NEVER
        self.events: list[Event] = []
        self.outbox: list[bytes] = []
        self.faults: list[Fault] = []
        self._did: Final = str(device_id)
        self._settings: Final = settings
        self._virtual_did: Final = virtual_did
        self._phase: Final = 0.5 + random.random()  # polls of many devices spread over the interval
        self._ids: Final = Ids(random)
        self._batches: Final = Batches(self._did, readable, settings.batch)
        self._queue: Final = Queue()
        self._live: Final = Liveness()
        self._pushes: Final = Pushes(self._did)
        self._offset = 0
        self._told: str | None = None
        self._proven = False
        self._mute = 0
        self._garbled = 0
        self._tries = 0
        self._greet_attempt = 0
        self._greet_at = NEVER
        self._poll_at = NEVER
        self._steady_at = NEVER
        self._subscribe_at = 0
        self._may_push = False

    # What the owner asks for

    def start(self, now: int) -> None:
        self._move(Cause.GREET, now)
        self._settle(now)

    def submit(self, now: int, request: Request) -> None:
        """Raises Refused(radio_busy | device_token_wrong)."""
        if self.state is State.BARRED:
            raise Refused("device_token_wrong")
        self._queue.add(request)
        self._move(Cause.GREET, now)
        self._settle(now)

    def read(self, now: int) -> None:
        if not self._queue.reading:
            self._queue.add_reads(self._batches.cut)
        self._move(Cause.GREET, now)
        self._settle(now)

    def close(self, reason: str) -> None:
        self._give_up(Unreachable(reason))
        self.due = NEVER

    def challenge(self, now: int) -> bytes:
        """What to send to where the device seems to be now; `receive` says True when it is answered."""
        request = Request(Kind.CHALLENGE, payload.INFO, b"[]", id=self._ids.next(), due=now + TIMEOUTS[-1])
        self._queue.in_flight[request.id] = request
        return self._encoded(request, now)

    # What comes in

    def hello(self, now: int, reply: HelloReply) -> None:
        offset = reply.stamp - now // SECOND
        jumped = abs(offset - self._offset) > CLOCK_JUMP
        self._offset = offset
        if reply.token and reply.token != self.keys.token:
            self._disprove(now)
        elif self.state is State.READY:
            self._live.heard(now)
            if jumped:
                self._send_again(now)
        elif self._mute >= (MUTE_LIMIT_PROVEN if self._proven else MUTE_LIMIT):
            self._disprove(now)
        else:
            self._move(Cause.HELLO_ANSWERED, now)
        if self.state is State.READY and reply.push is not None:
            self.pushing = self._pushes.holds(reply.push)
            self._may_push = self._pushes.wants(reply.push)
            self._subscribe(now)
        self._settle(now)

    def receive(self, now: int, datagram: bytes, from_its_place: bool = True) -> bool:
        """Whether it answered a request of ours: then it comes from the device, wherever it comes from."""
        try:
            message = decode(self.keys, datagram)
            envelope = payload.read_envelope(message.payload)
        except CodecError as error:
            self._fault(error, from_its_place, now)
            self._settle(now)
            return False
        self._offset = message.stamp - now // SECOND
        self._heard(now)
        answered = False
        if envelope.method is None:
            answered = self._reply(envelope)
        else:
            self._push(envelope, now)
        self._settle(now)
        return answered

    def tick(self, now: int) -> None:
        if self._queue.in_flight:
            for request in [*self._queue.in_flight.values()]:
                if request.due <= now:
                    self._overdue(request, now)
        if self._greet_at <= now:
            self._greet_again(now)
        if self.state is State.READY:
            self._tend(now)
        self._settle(now)

    # States

    def _move(self, cause: Cause, now: int) -> None:
        state = TRANSITIONS.get((self.state, cause))
        if state is None:
            return
        self.state = state
        if state is State.GREETING:
            self._greet_attempt = 0
            self._greet(now)
        elif state is State.READY:
            self._greet_at = NEVER
            self._tries = 0
            self._live.found(now)
            if self._told != REACHED:
                self._begin(now)
        elif state is State.SILENT:
            self._greet_at = now + GREET_AGAIN[min(self._tries, len(GREET_AGAIN) - 1)]
            self._tries += 1
            self._lose("unreachable", Unreachable("no_answer"), now)
        else:
            self._greet_at = now + BARRED_FOR
            self._proven = False
            self._mute = MUTE_LIMIT - 1
            self._lose("wrong_token", Refused("device_token_wrong"), now)

    def _begin(self, now: int) -> None:
        self._batches.restore()
        self._poll_at = now + int(self._settings.poll * self._phase)
        if self._queue.reading:
            return
        if self._batches.cut:
            self._queue.add_reads(self._batches.cut)
        elif not self._queue.waiting:
            self._queue.add(Request(Kind.INFO, payload.INFO, b"[]"))

    def _lose(self, reason: str, outcome: Outcome, now: int) -> None:
        self._give_up(outcome)
        self.pushing = False
        self._poll_at = self._steady_at = NEVER
        self._live.lost(now)
        if self._told != reason:
            self._told = reason
            self.events.append(Lost(reason))

    def _give_up(self, outcome: Outcome) -> None:
        for request in self._queue.drain():
            if request.tag is not None:
                self.events.append(Answered(request.tag, outcome))

    def _heard(self, now: int) -> None:
        self._proven = True
        self._mute = self._garbled = 0
        self._live.heard(now)
        if self.state is not State.READY:
            self._move(Cause.HEARD, now)
        if self._told != REACHED and self._steady_at == NEVER:
            self._steady_at = self._live.steady_at(now)
            self._call_back(now)

    def _call_back(self, now: int) -> None:
        if self._steady_at <= now:
            self._steady_at = NEVER
            self._told = REACHED
            self.events.append(Reached())

    def _disprove(self, now: int) -> None:
        self._garbled = 0
        self._move(Cause.TOKEN_DISPROVED, now)

    def _fault(self, error: CodecError, from_its_place: bool, now: int) -> None:
        self.faults.append(error.fault)
        if error.fault is Fault.WRONG_CHECKSUM and from_its_place:
            self._garbled += 1
            if self._garbled >= GARBLED_LIMIT:
                self._disprove(now)

    # Time

    def _greet(self, now: int) -> None:
        self.outbox.append(encode_hello(self._virtual_did))
        self._greet_at = now + TIMEOUTS[self._greet_attempt]

    def _greet_again(self, now: int) -> None:
        if self.state is not State.GREETING:
            self._move(Cause.GREET, now)
        elif self._greet_attempt + 1 < len(TIMEOUTS):
            self._greet_attempt += 1
            self._greet(now)
        else:
            self._move(Cause.HELLOS_UNANSWERED, now)

    def _tend(self, now: int) -> None:
        self._call_back(now)
        if self._live.due <= now:
            if not self._live.ping(now):
                self._move(Cause.PINGS_UNANSWERED, now)
                return
            self.outbox.append(encode_hello(self._virtual_did))
        if self._poll_at <= now:
            self._poll_at = now + (self._settings.poll_pushed if self.pushing else self._settings.poll)
            self._subscribe(now)
            if not self._queue.reading:
                self._queue.add_reads(self._batches.cut)

    def _overdue(self, request: Request, now: int) -> None:
        if request.kind is Kind.CHALLENGE:
            self._queue.finish(request.id)
        elif request.attempt + 1 < len(TIMEOUTS):
            request.attempt += 1
            self.outbox.append(encode_hello(self._virtual_did))  # has it restarted?
            self._send(request, now)
        else:
            self._unanswered(request, now)

    def _unanswered(self, request: Request, now: int) -> None:
        self._queue.finish(request.id)
        self._mute += 1
        if request.batch is not None:
            if self._proven:  # it may have choked on the size
                self._queue.add_reads(self._batches.shrink(request.batch), first=True)
        elif request.tag is not None:
            self.events.append(Answered(request.tag, Unreachable("no_answer")))
        self._move(Cause.REQUEST_UNANSWERED, now)

    def _settle(self, now: int) -> None:
        """Send what may be sent, and see when time matters next."""
        queue = self._queue
        if self.state is State.READY:
            while len(queue.in_flight) < self._settings.pipeline:
                request = queue.take(payload.GET_PROPERTIES)
                if request is None:
                    break
                request.id = self._ids.next()
                queue.in_flight[request.id] = request
                self._send(request, now)
            due = min(self._live.due, self._poll_at, self._steady_at, self._greet_at)
        else:
            due = self._greet_at
        for request in queue.in_flight.values():
            due = min(due, request.due)
        self.due = due

    # Messages

    def _encoded(self, request: Request, now: int) -> bytes:
        stamp = (now // SECOND + self._offset) & 0xFFFF_FFFF
        return encode(self.keys, self.device_id, stamp, payload.request(request.id, request.method, request.params))

    def _send(self, request: Request, now: int) -> None:
        request.sent_at = now
        request.due = now + TIMEOUTS[request.attempt]
        self.outbox.append(self._encoded(request, now))

    def _send_again(self, now: int) -> None:
        for request in self._queue.in_flight.values():
            if request.kind is not Kind.CHALLENGE and request.sent_at < now:
                self._send(request, now)

    def _subscribe(self, now: int) -> None:
        if self.pushing or not self._may_push or now < self._subscribe_at or self._queue.has(Kind.SUBSCRIBE):
            return
        self._subscribe_at = now + SUBSCRIBE_AGAIN
        self._queue.add_subscription(self._pushes.subscription(self._virtual_did, max(1, now // SECOND)))

    def _reply(self, envelope: payload.Envelope) -> bool:
        identity = envelope.id
        if identity is None and len(self._queue.in_flight) == 1:
            identity = next(iter(self._queue.in_flight))  # some devices leave it out
        request = self._queue.finish(identity) if identity is not None else None
        if request is None:
            return False
        try:
            self._answered(request, read_reply(request, envelope))
        except CodecError as error:
            self.faults.append(error.fault)
            self._answered(request, Reply(outcome=Unreachable("answer_unreadable"), choked=True))
        return True

    def _answered(self, request: Request, reply: Reply) -> None:
        if request.batch is not None:
            if reply.choked:
                self._queue.add_reads(self._batches.shrink(request.batch), first=True)
            elif reply.readings:
                self.events.append(Observed(reply.readings))
        elif request.kind is Kind.SUBSCRIBE:
            self.pushing = reply.accepted
            if self.pushing:
                self._subscribe_at = 0
            self._pushes.subscribed(reply.accepted)
        elif request.tag is not None:
            if reply.info is not None:
                self.events.append(Informed(request.tag, reply.info))
            else:
                self.events.append(Answered(request.tag, reply.outcome))

    def _push(self, envelope: payload.Envelope, now: int) -> None:
        if envelope.id is not None:
            stamp = (now // SECOND + self._offset) & 0xFFFF_FFFF
            self.outbox.append(encode(self.keys, self.device_id, stamp, payload.acknowledgement(envelope.id)))
            if self._pushes.repeated(envelope.id, now):
                return
        try:
            readings, happenings = self._pushes.read(envelope)
        except CodecError as error:
            self.faults.append(error.fault)
            return
        if readings and envelope.id is not None and self._pushes.late(envelope.id):
            asked = [(reading.siid, reading.piid) for reading in readings]
            if not self._queue.reading:
                self._queue.add_reads(self._batches.split(asked))
        elif readings:
            self.events.append(Observed(readings))
        for siid, eiid, arguments in happenings:
            self.events.append(Happened(siid, eiid, arguments))
