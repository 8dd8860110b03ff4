from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest

from setaria.facts.clock import MILLISECOND, MINUTE, SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.radio.miio.codec import HelloReply, Keys, decode, encode, encode_hello_reply, is_hello
from setaria.radio.miio.link import Location, Receiver
from setaria.radio.miio.payload import RouterConfig
from setaria.radio.miio.provision import Provisioned, provision

DID, TOKEN = 4242, bytes(range(16))
ACCESS_POINT: Location = ("192.168.4.1", 54321)
AT_HOME: Location = ("192.168.1.50", 54321)
BROADCAST: Location = ("192.168.1.255", 54321)
WIFI = RouterConfig(ssid="家", passwd="password", gmt_offset=28_800)


class ResetDevice:
    """Is at its own access point, hears `config_router`, leaves, and appears at home 5 s later."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.failed = 0
        self.place: Location | None = ACCESS_POINT
        self.gives_token = True
        self.answer: Any = ["ok"]
        self.answers_lost = 0
        self.comes_home = True
        self.opened = 0
        self.configured: list[dict[str, Any]] = []
        self._receive: Receiver | None = None

    def open(self, receive: Receiver) -> None:
        self.opened += 1
        self._receive = receive

    def close(self) -> None:
        self.opened -= 1
        self._receive = None

    def send(self, datagram: bytes, to: Location) -> None:
        if self.place is None or (to != self.place and (to, self.place) != (BROADCAST, AT_HOME)):
            return
        if is_hello(datagram):
            token = TOKEN if self.gives_token and self.place == ACCESS_POINT else b""
            self._say(encode_hello_reply(HelloReply(DID, 7, token)))
            return
        asked = json.loads(decode(Keys(TOKEN), datagram).payload)
        assert asked["method"] == "miIO.config_router"
        self.configured.append(asked["params"])
        if isinstance(self.answer, list):
            self.clock.call_at(self.clock.ticks() + 100 * MILLISECOND, self._leave)
        if self.answers_lost:
            self.answers_lost -= 1
            return
        key = "result" if isinstance(self.answer, list) else "error"
        self._say(encode(Keys(TOKEN), DID, 7, json.dumps({"id": asked["id"], key: self.answer}).encode()))

    def _say(self, datagram: bytes) -> None:
        place = self.place
        assert place is not None
        self.clock.call_at(
            self.clock.ticks() + MILLISECOND, lambda: self._receive(datagram, place) if self._receive else None
        )

    def _leave(self) -> None:
        self.place = None
        if self.comes_home:
            self.clock.call_at(self.clock.ticks() + 5 * SECOND, self._arrive)

    def _arrive(self) -> None:
        self.place = AT_HOME


class Run:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.device = ResetDevice(self.clock)
        self.steps: list[str] = []

    async def go(self, wifi: RouterConfig = WIFI, token: bytes = b"") -> Provisioned:
        task = asyncio.create_task(
            provision(
                self.clock,
                self.device,
                Random(1),
                location=ACCESS_POINT[0],
                wifi=wifi,
                broadcast=[BROADCAST],
                token=token,
                step=self.steps.append,
            )
        )
        await self.clock.run(4 * MINUTE)
        assert task.done()
        assert self.device.opened == 0
        return task.result()


async def test_a_reset_device_joins_the_home() -> None:
    run = Run()
    assert await run.go() == Provisioned(str(DID), "192.168.1.50", TOKEN)
    assert run.steps == ["calling", "telling", "returning"]
    assert run.device.configured == [
        {"ssid": "家", "passwd": "password", "uid": 0, "gmt_offset": 28_800, "tz": ""},
    ]
    assert str(TOKEN) not in repr(Provisioned("1", "", TOKEN))


async def test_a_device_that_leaves_before_its_answer_is_out_has_still_joined() -> None:
    run = Run()
    run.device.answers_lost = 99
    assert (await run.go()).location == "192.168.1.50"


async def test_a_hidden_token_must_be_given() -> None:
    run = Run()
    run.device.gives_token = False
    with pytest.raises(Refused, match="miio_token_hidden"):
        await run.go()
    run = Run()
    run.device.gives_token = False
    assert (await run.go(token=TOKEN)).token == TOKEN


async def test_a_device_that_refuses_is_believed() -> None:
    run = Run()
    run.device.answer = {"code": -9998, "message": "unprov mode only"}
    with pytest.raises(Refused) as caught:
        await run.go()
    assert caught.value.code == "device_refused"
    assert caught.value.details["device_code"] == -9998


async def test_silence_and_absence_are_told_apart() -> None:
    run = Run()
    run.device.place = None
    with pytest.raises(Refused, match="wifi_thing_silent"):
        await run.go()
    run = Run()
    run.device.comes_home = False
    with pytest.raises(Refused, match="wifi_thing_gone"):
        await run.go()
    assert run.steps == ["calling", "telling", "returning"]


@pytest.mark.parametrize(
    ("wifi", "code"),
    [
        (RouterConfig("", "password"), "wifi_name_invalid"),
        (RouterConfig("家" * 11, "password"), "wifi_name_invalid"),
        (RouterConfig("home", "short"), "wifi_password_invalid"),
        (RouterConfig("home", "x" * 64), "wifi_password_invalid"),
    ],
)
async def test_a_wifi_that_cannot_be_is_refused_before_anything_is_sent(wifi: RouterConfig, code: str) -> None:
    run = Run()
    with pytest.raises(Refused, match=code):
        await run.go(wifi)
    assert run.device.configured == []
    assert run.steps == []
