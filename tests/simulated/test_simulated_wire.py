"""Things on real sockets, in this process and in one of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from setaria.facts.clock import SystemClock
from setaria.home.spec.library import SpecLibrary
from setaria.radio.miio import codec
from setaria.simulated.assembly import SimulatedHome, token_of
from setaria.simulated.control import LINE_LIMIT, Control
from setaria.simulated.sample_home import SAMPLE, SampleThing, many
from setaria.simulated.server import LAST_PORT, MOST_THINGS, Addresses, Options, Server, host
from setaria.simulated.thing import SimulatedThing

LIBRARY = SpecLibrary()
PATIENCE_S = 10.0


def free_port() -> int:
    """Free on 127.0.0.1, and very likely on the other addresses too; not so high that no things fit above it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return 20_000 + int(probe.getsockname()[1]) % 30_000


class Hub:
    """The least of clients: one socket, blocking calls moved off the loop by `asyncio`."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.stamps: dict[tuple[str, int], tuple[int, int]] = {}
        self.id = 0

    def close(self) -> None:
        self.socket.close()

    async def receive(self, seconds: float = PATIENCE_S) -> tuple[bytes, tuple[str, int]]:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(self.socket, 65_536), seconds)

    async def hello(self, address: tuple[str, int], virtual_did: int = 0) -> codec.HelloReply:
        self.socket.sendto(codec.encode_hello(virtual_did), address)
        datagram, source = await self.receive()
        assert source == address
        reply = codec.parse_hello_reply(datagram)
        self.stamps[address] = (reply.device_id, reply.stamp)
        return reply

    def send(self, address: tuple[str, int], token: bytes, payload: dict[str, Any]) -> None:
        device_id, stamp = self.stamps[address]
        keys = codec.Keys.from_token(token)
        self.socket.sendto(codec.encode(keys, device_id, stamp, json.dumps(payload).encode()), address)

    async def message(self, token: bytes) -> Any:
        datagram, _ = await self.receive()
        return json.loads(codec.decode(codec.Keys.from_token(token), datagram).payload)

    async def call(self, address: tuple[str, int], token: bytes, method: str, params: Any) -> Any:
        self.id += 1
        self.send(address, token, {"id": self.id, "method": method, "params": params})
        answer = await self.message(token)
        assert answer["id"] == self.id
        return answer["result"]


@asynccontextmanager
async def serving(things: tuple[SampleThing, ...], options: Options) -> AsyncIterator[tuple[Server, Hub]]:
    clock = SystemClock()
    home = SimulatedHome(things, LIBRARY, clock, 1, still=True)
    server = Server(home, clock, options)
    server.open()
    hub = Hub()
    try:
        yield server, hub
    finally:
        hub.close()
        server.close()
        home.stop()


async def test_a_thing_is_greeted_read_written_and_tells_of_changes_over_udp() -> None:
    async with serving(SAMPLE.things, Options(port=free_port())) as (server, hub):
        placed = SAMPLE.things[0]
        address = server.places[placed.did]
        token = token_of(1, placed.did)
        reply = await hub.hello(address, 77)
        assert reply.device_id == int(placed.did)
        assert (await hub.call(address, token, "miIO.info", []))["model"] == placed.model
        asked = [{"did": placed.did, "siid": 2, "piid": 2}]
        before = await hub.call(address, token, "get_properties", asked)
        assert before[0]["value"] == 70
        assert await hub.call(address, token, "miIO.sub", {"did": "77", "update_ts": 9, "sub_method": "."}) == {
            "code": 0
        }
        await hub.call(address, token, "set_properties", [{**asked[0], "value": 21}])
        push = await hub.message(token)
        assert push["method"] == "properties_changed"
        assert push["params"] == [{**asked[0], "value": 21}]
        hub.send(address, token, {"id": push["id"], "result": {"code": 0}})
        assert (await hub.call(address, token, "get_properties", asked))[0]["value"] == 21
        assert server.tally().acknowledged == 1


async def test_two_hundred_things_answer_one_broadcast_each_from_its_own_address() -> None:
    async with serving(many(200, 1, LIBRARY), Options(port=free_port())) as (server, hub):
        assert server.broadcast is not None
        hub.socket.sendto(codec.encode_hello(), server.broadcast)
        found: dict[tuple[str, int], int] = {}
        while len(found) < 200:
            datagram, source = await hub.receive()
            found[source] = codec.parse_hello_reply(datagram).device_id
        assert found == {place: int(did) for did, place in server.places.items()}
        assert len({source[0] for source in found}) == 200
        assert {source[1] for source in found} == {server.broadcast[1]}


async def test_rubbish_on_the_broadcast_address_is_not_answered() -> None:
    async with serving(SAMPLE.things[:2], Options(port=free_port())) as (server, hub):
        assert server.broadcast is not None
        hub.socket.sendto(b"rubbish", server.broadcast)
        with pytest.raises(TimeoutError):
            await hub.receive(0.1)


async def test_where_there_is_one_address_each_thing_has_a_port() -> None:
    port = free_port()
    options = Options(port=port, addresses=Addresses.SHARED)
    async with serving(SAMPLE.things[:5], options) as (server, hub):
        assert server.broadcast is None
        assert list(server.places.values()) == [("127.0.0.1", port + place) for place in range(5)]
        for did, place in server.places.items():
            assert (await hub.hello(place)).device_id == int(did)


async def test_a_reset_thing_is_brought_into_the_wifi_over_udp() -> None:
    async with serving(SAMPLE.things[:1], Options(port=free_port(), reset=True)) as (server, hub):
        (address,) = server.places.values()
        reply = await hub.hello(address)
        assert reply.token == token_of(1, SAMPLE.things[0].did)
        wanted = {"ssid": "home", "passwd": "secret", "uid": 0}
        assert await hub.call(address, reply.token, "miIO.config_router", wanted) == ["ok"]
        for _ in range(100):
            if not (await hub.hello(address)).token:
                break
            await asyncio.sleep(0.05)
        assert (await hub.call(address, reply.token, "miIO.info", []))["ap"]["ssid"] == "home"


async def test_a_port_that_is_taken_leaves_nothing_open() -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.1.3", port))
        home = SimulatedHome(SAMPLE.things[:5], LIBRARY, SystemClock(), 1, still=True)
        server = Server(home, SystemClock(), Options(port=port))
        with pytest.raises(OSError, match="in use"):
            server.open()
        home.stop()
    async with serving(SAMPLE.things[:5], Options(port=port)) as (again, _):
        assert len(again.places) == 5


async def test_numbers_of_things_and_ports_are_bounded() -> None:
    clock = SystemClock()
    home = SimulatedHome((), LIBRARY, clock, 1, still=True)
    last = LAST_PORT - MOST_THINGS
    Server(home, clock, Options(port=last))
    with pytest.raises(ValueError, match="port"):
        Server(home, clock, Options(port=last + 1))
    home.things = {
        str(did): SimulatedThing(LIBRARY.get("lumi.sensor_motion.v2"), str(did), bytes(16), clock, Random(1))
        for did in range(MOST_THINGS + 1)
    }
    with pytest.raises(ValueError, match="things"):
        Server(home, clock, Options())
    home.things.popitem()
    Server(home, clock, Options())
    home.stop()


def test_addresses_go_on_in_the_next_block_after_250() -> None:
    assert host("127.0.1.1", 0) == "127.0.1.1"
    assert host("127.0.1.1", 249) == "127.0.1.250"
    assert host("127.0.1.1", 250) == "127.0.2.1"
    assert host("127.0.3.10", 999) == "127.0.7.9"


async def test_the_control_line_steers_and_says_what_it_did_not_understand() -> None:
    async with serving(SAMPLE.things, Options(port=free_port())) as (server, _):
        control = Control(server)

        def do(line: str | dict[str, Any]) -> Any:
            return json.loads(control.do(line.encode() if isinstance(line, str) else json.dumps(line).encode()))

        lamp = SAMPLE.things[0]
        assert do({"do": "set", "thing": lamp.id, "siid": 2, "piid": 1, "value": True})["ok"]
        assert do({"do": "get", "thing": lamp.did, "siid": 2, "piid": 1}) == {"ok": True, "value": True}
        assert do({"do": "fault", "thing": lamp.id, "loss": 0.5, "delay": [1, 2]}) == {"ok": True, "things": 1}
        assert do({"do": "fault", "thing": lamp.id, "broken": ["trailing_comma"]})["ok"]
        faults = server.endpoints[lamp.did].faults
        assert (faults.loss, faults.delay, faults.broken) == (0.5, (1.0, 2.0), ("trailing_comma",))
        assert do({"do": "fault", "silent": True})["things"] == len(SAMPLE.things)
        assert do({"do": "calm"})["ok"]
        assert do({"do": "reboot", "thing": lamp.id})["ok"]
        assert server.endpoints[lamp.did].stamp == 0
        assert do({"do": "reset", "thing": lamp.id})["ok"]
        assert server.endpoints[lamp.did].reset
        assert do({"do": "event", "thing": "door_lock", "siid": 5, "eiid": 1})["ok"]
        assert do({"do": "act", "thing": "bedroom_lamp", "siid": 2, "aiid": 1})["ok"]
        assert len(do({"do": "list"})["things"]) == len(SAMPLE.things)
        assert do({"do": "stats"})["received"] == 0
        for wrong in (
            "",
            "[]",
            "{",
            '{"do":"dance"}',
            '{"do":"set","thing":"nobody","siid":1,"piid":1,"value":1}',
            '{"do":"set","thing":"living_light","siid":2,"piid":1}',
            '{"do":"set","thing":"living_light","siid":2,"piid":99,"value":1}',
            '{"do":"set","thing":"living_light","siid":true,"piid":1,"value":1}',
            '{"do":"set","thing":"living_light","siid":2,"piid":1,"value":null}',
            '{"do":"set","thing":"living_light","siid":2,"piid":1,"value":"on"}',
            '{"do":"fault","loss":2}',
            '{"do":"fault","lost":0.2}',
            '{"do":"go","resident":"ghost","room":"living"}',
            '{"do":"list","x":"' + "y" * LINE_LIMIT + '"}',
        ):
            answer = do(wrong)
            assert answer["ok"] is False, wrong
            assert answer["error"]
        assert not control.quitting
        do({"do": "quit"})
        assert control.quitting


async def test_a_resident_can_be_sent_through_the_house() -> None:
    clock = SystemClock()
    home = SimulatedHome(SAMPLE.things, LIBRARY, clock, 1)
    server = Server(home, clock, Options(port=free_port()))
    server.open()
    try:
        control = Control(server)
        assert json.loads(control.do(b'{"do":"go","resident":"elder","room":"kitchen"}'))["ok"]
        motion = next(thing for thing in SAMPLE.things if thing.id == "kitchen_motion")
        assert home.things[motion.did].values[2, 1] is True
    finally:
        home.stop()
        server.close()


@contextmanager
def process(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    command = [sys.executable, "-m", "setaria.simulated", "--port", str(free_port()), *options]
    source = str(Path(__file__).parents[2] / "src")
    started = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": source},
    )
    try:
        assert started.stdout is not None
        yield started, json.loads(started.stdout.readline())
    finally:
        started.kill()
        started.wait()
        for pipe in (started.stdin, started.stdout, started.stderr):
            assert pipe is not None
            pipe.close()


def test_a_process_says_when_it_is_ready_and_quits_when_told() -> None:
    with process("--list", "--speed", "60") as (started, ready):
        assert ready["ready"] == len(SAMPLE.things) == len(ready["things"])
        assert ready["broadcast"][0] == "127.255.255.255"
        first = ready["things"][0]
        assert (first["id"], first["name"], first["name_en"]) == ("living_light", "客厅灯", "Living room light")
        assert len(bytes.fromhex(first["token"])) == 16
        out, err = started.communicate(b'{"do":"stats"}\n{"do":"quit"}\n', timeout=PATIENCE_S)
        assert [json.loads(line)["ok"] for line in out.splitlines()] == [True, True]
        assert (started.returncode, err) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    with process("--count", "3") as (started, ready):
        assert ready["ready"] == 3
        started.send_signal(number)
        _, err = started.communicate(timeout=PATIENCE_S)
        assert (started.returncode, err) == (0, b"")


def test_a_process_ends_with_its_parent_only_if_asked() -> None:
    with process("--model", "zhimi.airp.mb5", "--with-parent") as (started, _):
        started.communicate(timeout=PATIENCE_S)
        assert started.returncode == 0
    with process("--model", "zhimi.airp.mb5") as (started, _):
        assert started.stdin is not None
        started.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(0.3)


def test_a_churning_process_counts_at_its_end() -> None:
    with process("--count", "10", "--churn", "50") as (started, _):
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(0.3)
        out, _ = started.communicate(b'{"do":"quit"}\n', timeout=PATIENCE_S)
        counted = json.loads(out.splitlines()[-1])["churn"]
        assert counted["things"] > 5
        assert counted["changes"] > 20
        assert counted["pushed"] == counted["acknowledged"] == 0, "nobody subscribed"


@pytest.mark.parametrize("wrong", [("--model", "no.such.model"), ("--loss", "7"), ("--churn", "-1"), ("--speed", "0")])
def test_a_process_that_cannot_start_says_why(wrong: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "setaria.simulated", "--port", str(free_port()), *wrong]
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        command, capture_output=True, env={**os.environ, "PYTHONPATH": source}, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"setaria.simulated: ")
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
