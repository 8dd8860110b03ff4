"""A thing's end of the wire: hello, miIO messages in and out, subscriptions, a clock that begins at its last boot."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec

from setaria.facts.clock import MILLISECOND, SECOND, Clock
from setaria.home.ports import Value
from setaria.home.spec.model import Event, Property
from setaria.radio.miio import codec
from setaria.simulated.faults import CALM, Faults, FaultyWay, spoil
from setaria.simulated.push import Address, Pusher
from setaria.simulated.thing import TOO_MUCH, UNKNOWN_METHOD, WRONG_PARAMETERS, Failure, SimulatedThing

STAMP_TOLERANCE_S: Final = 300  # messages stamped further from the thing's own clock are ignored
REPEATS: Final = 16  # last commands whose answers are given again instead of carrying them out twice
_JOINING: Final = 500 * MILLISECOND
_ON_SINCE_S: Final = (1_000, 3_000_000)  # how long a thing may have been on already
_ANSWER_LIMIT: Final = 4_000
_COMMANDS: Final = ("set_properties", "action", "miIO.config_router")
_CONFIGURED: Final = Failure(-9999, "unprov mode only")
_FULL: Final = Failure(-9999, "too many subscribers")


class _Message(msgspec.Struct):
    id: int
    method: str = ""
    params: Any = None


class _Subscription(msgspec.Struct):
    did: str | int
    update_ts: int = 0
    sub_method: str = "."


class _Router(msgspec.Struct):
    ssid: str
    passwd: str = ""
    uid: int | str = 0


_messages: Final = msgspec.json.Decoder(_Message)
_encode: Final = msgspec.json.Encoder().encode


class Endpoint:
    """`send` puts a datagram on the wire. `clock` is the real one, even where the thing lives faster."""

    def __init__(
        self,
        thing: SimulatedThing,
        clock: Clock,
        random: Random,
        send: Callable[[bytes, Address], None],
        *,
        push: bool = True,
        reset: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        self.thing = thing
        self.reset = reset
        self.pushes = push
        self.received = 0
        self.ssid = "" if reset else "setaria"
        self._host = host
        self._clock = clock
        self._random = random
        self._send = send
        self._did = int(thing.did)
        self._keys = codec.Keys.from_token(thing.token)
        self._wrong = codec.Keys.from_token(bytes(byte ^ 0xFF for byte in thing.token))
        self._in = FaultyWay(clock, Random(random.random()))  # noqa: S311  a simulation
        self._out = FaultyWay(clock, Random(random.random()))  # noqa: S311  a simulation
        self._booted = clock.ticks() - random.randrange(*_ON_SINCE_S) * SECOND
        self._answered: dict[tuple[Address, bytes], bytes] = {}
        self.pusher = Pusher(thing.did, clock, random.randrange(1_000_000), self._say)
        thing.reported = self._reported
        thing.happened = self._happened

    @property
    def stamp(self) -> int:
        return (self._clock.ticks() - self._booted) // SECOND & 0xFFFF_FFFF

    @property
    def faults(self) -> Faults:
        return self._in.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._in.faults = self._out.faults = CALM if faults == CALM else faults

    def reboot(self) -> None:
        """Its clock begins again at 0 and it knows no subscriber; its settings stay."""
        self._booted = self._clock.ticks()
        self._answered.clear()
        self.pusher.forget()

    def receive(self, datagram: bytes, address: Address) -> None:
        self._in.carry(datagram, lambda arrived: self._take(arrived, address))

    def greet(self, hello: codec.Hello, address: Address) -> None:
        push = None
        if hello.virtual_did and self.pushes and not self.reset:
            push = codec.Push(self.pusher.stamp_of(str(hello.virtual_did)))
        token = self.thing.token if self.reset else b""
        self._put(codec.encode_hello_reply(codec.HelloReply(self._did, self.stamp, token, push)), address)

    def _take(self, datagram: bytes, address: Address) -> None:
        self.received += 1
        if codec.is_hello(datagram):
            self.greet(codec.parse_hello(datagram), address)
            return
        keys = self._wrong if self.faults.wrong_token else self._keys
        try:
            message = codec.decode(keys, datagram)
            request = _messages.decode(message.payload.rstrip(b"\0"))
        except (codec.CodecError, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return  # a real thing, too, says nothing to what it cannot read
        if message.device_id != self._did or abs(message.stamp - self.stamp) > STAMP_TOLERANCE_S:
            return
        if not request.method:
            self.pusher.acknowledged(request.id, address)
            return
        repeat = (address, message.payload)
        answer = self._answered.get(repeat)
        if answer is None:
            answer = self._answer(request, address)
            if request.method in _COMMANDS:
                if len(self._answered) >= REPEATS:
                    self._answered.pop(next(iter(self._answered)))
                self._answered[repeat] = answer
        self._say(answer, address)

    def _answer(self, request: _Message, address: Address) -> bytes:
        thing = self.thing
        result: object
        match request.method:
            case "get_properties":
                result = thing.get_properties(request.params)
            case "set_properties":
                result = thing.set_properties(request.params)
            case "action":
                result = thing.action(request.params)
            case "miIO.info":
                result = self._info()
            case "miIO.sub" | "miIO.unsub" if self.pushes:
                result = self._subscribed(request, address)
            case "miIO.config_router":
                result = self._configured(request.params)
            case _:
                result = UNKNOWN_METHOD
        answer = self._encoded(request.id, result)
        return answer if len(answer) <= _ANSWER_LIMIT else self._encoded(request.id, TOO_MUCH)

    @staticmethod
    def _encoded(identity: int, result: object) -> bytes:
        if isinstance(result, Failure):
            return _encode({"id": identity, "error": result, "exe_time": 10})
        return _encode({"id": identity, "result": result, "exe_time": 10})

    def _subscribed(self, request: _Message, address: Address) -> object:
        try:
            wish = msgspec.convert(request.params, _Subscription, strict=False)
        except msgspec.ValidationError:
            return WRONG_PARAMETERS
        if request.method == "miIO.unsub":
            self.pusher.unsubscribe(str(wish.did))
        elif not self.pusher.subscribe(str(wish.did), address, wish.update_ts & 0xFFFF_FFFF):
            return _FULL
        return {"code": 0}

    def _configured(self, params: object) -> object:
        if not self.reset:
            return _CONFIGURED
        try:
            router = msgspec.convert(params, _Router)
        except msgspec.ValidationError:
            return WRONG_PARAMETERS

        def join() -> None:
            self.ssid = router.ssid
            self.reset = False

        self._clock.call_at(self._clock.ticks() + _JOINING, join)
        return ["ok"]

    def _info(self) -> dict[str, object]:
        return {
            "life": self.stamp,
            "model": self.thing.spec.model,
            "token": self.thing.token.hex(),
            "fw_ver": "2.1.6_0031",
            "miio_ver": "0.1.0",
            "hw_ver": "esp32c3",
            "mcu_fw_ver": "0006",
            "mac": mac_of(self._did),
            "ap": {"ssid": self.ssid, "bssid": "02:00:00:00:00:01", "rssi": -52, "primary": 6},
            "netif": {"localIp": self._host, "mask": "255.0.0.0", "gw": "127.0.0.1"},
        }

    def _reported(self, prop: Property, value: Value) -> None:
        self.pusher.changed(prop.siid, prop.piid, value)

    def _happened(self, event: Event, arguments: Any) -> None:
        self.pusher.happened(event.siid, event.eiid, arguments)

    def _say(self, payload: bytes, address: Address) -> None:
        faults = self.faults
        if faults.broken:
            payload = spoil(payload, faults.broken)
        keys = self._wrong if faults.wrong_token else self._keys
        self._put(codec.encode(keys, self._did, self.stamp, payload, codec.READ_LIMIT), address)

    def _put(self, datagram: bytes, address: Address) -> None:
        self._out.carry(datagram, lambda leaving: self._send(leaving, address))


def mac_of(did: int) -> str:
    """Locally administered, and the same for the same thing."""
    return ":".join(f"{byte:02X}" for byte in (0x02, 0x5E, *(did & 0xFFFF_FFFF).to_bytes(4, "big")))
