"""One thing's answers, faults and pushes, without a socket."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import MILLISECOND, SECOND, VirtualClock
from setaria.home.spec.library import SpecLibrary
from setaria.radio.miio import codec
from setaria.simulated import endpoint as endpoint_module
from setaria.simulated import push as push_module
from setaria.simulated import values
from setaria.simulated.churn import Churn, counter
from setaria.simulated.endpoint import Endpoint
from setaria.simulated.faults import CALM, Broken, Faults, FaultyWay, spoil
from setaria.simulated.push import Address
from setaria.simulated.thing import PROPERTIES_AT_ONCE, Code, Failure, SimulatedThing

LIBRARY = SpecLibrary()
TOKEN = bytes(range(16))
HUB: Address = ("127.0.0.1", 4711)


def thing_of(model: str, clock: VirtualClock | None = None) -> SimulatedThing:
    return SimulatedThing(LIBRARY.get(model), "480000001", TOKEN, clock or VirtualClock(), Random(1))


def codes(results: list[dict[str, object]] | Failure) -> list[object]:
    assert isinstance(results, list)
    return [result["code"] for result in results]


class Wire:
    """An endpoint with a hub at the other end that decodes what it is sent."""

    def __init__(self, model: str = "yeelink.light.lamp22", *, push: bool = True, reset: bool = False) -> None:
        self.clock = VirtualClock()
        self.thing = thing_of(model, self.clock)
        self.datagrams: list[bytes] = []
        self.end = Endpoint(self.thing, self.clock, Random(2), self._sent, push=push, reset=reset)
        self.keys = codec.Keys.from_token(TOKEN)
        self.id = 100

    def _sent(self, datagram: bytes, address: Address) -> None:
        assert address == HUB
        self.datagrams.append(datagram)

    def tell(self, payload: dict[str, Any], stamp: int | None = None, token: bytes = TOKEN) -> None:
        stamp = self.end.stamp if stamp is None else stamp
        keys = self.keys if token == TOKEN else codec.Keys.from_token(token)
        self.end.receive(codec.encode(keys, 480000001, stamp, json.dumps(payload).encode()), HUB)

    def heard(self) -> list[Any]:
        told = [json.loads(codec.decode(self.keys, datagram).payload) for datagram in self.datagrams]
        self.datagrams.clear()
        return told

    def call(self, method: str, params: Any) -> Any:
        self.id += 1
        self.tell({"id": self.id, "method": method, "params": params})
        answer = self.heard()[0]
        assert answer["id"] == self.id
        return answer.get("result", answer.get("error"))

    def hello(self, virtual_did: int = 0) -> codec.HelloReply:
        self.end.receive(codec.encode_hello(virtual_did), HUB)
        return codec.parse_hello_reply(self.datagrams.pop())

    def subscribe(self) -> None:
        assert self.call("miIO.sub", {"version": "2.0", "did": "77", "update_ts": 1234, "sub_method": "."}) == {
            "code": 0
        }


def test_properties_are_read_with_the_codes_real_things_give() -> None:
    thing = thing_of("lumi.curtain.hagl08")
    asked = [{"did": "x", "siid": s, "piid": p} for s, p in ((2, 3), (2, 2), (2, 99), (99, 1))]
    answer = thing.get_properties(asked)
    assert codes(answer) == [0, Code.UNREADABLE, Code.ABSENT, Code.ABSENT]
    assert isinstance(answer, list)
    assert answer[0] == {"did": "x", "siid": 2, "piid": 3, "code": 0, "value": 0}
    assert "value" not in answer[1]


@pytest.mark.parametrize(
    ("siid", "piid", "value", "code"),
    [
        (2, 7, 40, Code.OK),
        (2, 7, 101, Code.WRONG_VALUE),
        (2, 7, "40", Code.WRONG_VALUE),
        (2, 7, None, Code.WRONG_VALUE),
        (2, 7, [1], Code.WRONG_VALUE),
        (2, 2, 9, Code.WRONG_VALUE),
        (2, 3, 40, Code.UNWRITABLE),
        (2, 99, 40, Code.ABSENT),
    ],
)
def test_writes_are_checked_by_the_spec_and_a_refused_one_changes_nothing(
    siid: int, piid: int, value: object, code: Code
) -> None:
    thing = thing_of("lumi.curtain.hagl08")
    before = dict(thing.values)
    assert codes(thing.set_properties([{"did": "x", "siid": siid, "piid": piid, "value": value}])) == [code]
    assert (thing.values != before) == (code is Code.OK)


@pytest.mark.parametrize("params", [None, 5, {}, [5], [{"siid": 2}], [{"siid": "a", "piid": 1}]])
def test_senseless_parameters_are_an_error_of_the_whole_message(params: object) -> None:
    thing = thing_of("lumi.curtain.hagl08")
    assert isinstance(thing.get_properties(params), Failure)
    assert isinstance(thing.set_properties(params), Failure)
    assert isinstance(thing.action(params), Failure)


def test_too_many_properties_at_once_are_refused_as_firmware_does() -> None:
    thing = thing_of("lumi.curtain.hagl08")
    at_limit = [{"did": "x", "siid": 2, "piid": 3}] * PROPERTIES_AT_ONCE
    assert codes(thing.get_properties(at_limit)) == [0] * PROPERTIES_AT_ONCE
    beyond = thing.get_properties([*at_limit, at_limit[0]])
    assert isinstance(beyond, Failure)
    assert beyond.code == -9999


def test_actions_take_values_or_objects_and_give_their_results() -> None:
    thing = thing_of("yeelink.light.lamp22")
    order: dict[str, Any] = {"did": "x", "siid": 3, "aiid": 13, "in": [1, 2, 3]}
    assert thing.action(order) == {"did": "x", "siid": 3, "aiid": 13, "code": 0, "out": []}
    order["in"] = [{"piid": 15, "value": 9}, {"piid": 14, "value": 8}, {"piid": 13, "value": 7}]
    assert thing.action(order) == {"did": "x", "siid": 3, "aiid": 13, "code": 0, "out": []}
    got = thing.action({"did": "x", "siid": 3, "aiid": 14, "in": []})
    assert isinstance(got, dict)
    assert got["out"] == [{"piid": 13, "value": 7}, {"piid": 14, "value": 8}, {"piid": 15, "value": 9}]


@pytest.mark.parametrize("given_in", [[], [1, 2], [1, 2, 99], [1, 2, None], [{"piid": 99, "value": 1}, 2, 3]])
def test_wrong_arguments_of_an_action_are_refused(given_in: list[Any]) -> None:
    thing = thing_of("yeelink.light.lamp22")
    before = dict(thing.values)
    answer = thing.action({"did": "x", "siid": 3, "aiid": 13, "in": given_in})
    assert isinstance(answer, dict)
    assert answer["code"] == Code.WRONG_ARGUMENTS
    assert thing.values == before
    absent = thing.action({"did": "x", "siid": 3, "aiid": 99, "in": []})
    assert isinstance(absent, dict)
    assert absent["code"] == Code.ABSENT


def test_every_default_of_every_model_is_allowed_by_its_spec() -> None:
    for model in LIBRARY.models():
        for prop in LIBRARY.get(model).properties():
            value = values.default(prop, Random(7))
            assert prop.check(value) == value, f"{model} {prop.address}"


@given(st.floats(-1e12, 1e12), st.randoms(use_true_random=False))
def test_whatever_a_behaviour_sets_is_brought_into_the_spec(number: float, random: Random) -> None:
    props = [p for m in random.sample(LIBRARY.models(), 3) for p in LIBRARY.get(m).properties()]
    for prop in random.sample(props, min(8, len(props))):
        fitted = values.fit(prop, number)
        if prop.format != "string":
            assert prop.check(fitted) == fitted


def test_info_names_the_model_and_an_unknown_method_is_an_error() -> None:
    wire = Wire()
    info = wire.call("miIO.info", [])
    assert info["model"] == "yeelink.light.lamp22"
    assert info["token"] == TOKEN.hex()
    assert info["ap"]["ssid"] == "setaria"
    assert wire.call("get_prop", ["power"])["code"] == -32601


def test_a_message_under_another_token_or_a_stale_stamp_is_not_answered() -> None:
    wire = Wire()
    request = {"id": 5, "method": "miIO.info", "params": []}
    wire.tell(request, token=b"x" * 16)
    wire.tell(request, stamp=wire.end.stamp + endpoint_module.STAMP_TOLERANCE_S + 1)
    wire.end.receive(b"rubbish", HUB)
    wire.end.receive(codec.encode(wire.keys, 480000001, wire.end.stamp, b'{"id":5,'), HUB)
    wire.end.receive(codec.encode(wire.keys, 999, wire.end.stamp, b'{"id":5,"method":"miIO.info"}'), HUB)
    assert wire.datagrams == []
    wire.tell(request, stamp=wire.end.stamp - endpoint_module.STAMP_TOLERANCE_S)
    assert len(wire.heard()) == 1


@given(st.binary(max_size=200))
def test_no_datagram_harms_a_thing(datagram: bytes) -> None:
    wire = Wire()
    wire.end.receive(datagram, HUB)
    wire.end.receive(codec.encode(wire.keys, 480000001, wire.end.stamp, datagram), HUB)
    wire.datagrams.clear()
    assert wire.call("miIO.info", [])["model"] == "yeelink.light.lamp22"


def test_a_repeated_command_is_answered_again_but_carried_out_once() -> None:
    wire = Wire()
    on = wire.thing.spec.find_property("light.on")
    order = {"id": 9, "method": "action", "params": {"did": "x", "siid": 2, "aiid": 1, "in": []}}
    done: list[int] = []
    wire.thing.on_acted[2, 1] = [lambda: done.append(1)]
    wire.tell(order)
    wire.tell(order)
    assert len(wire.heard()) == 2
    assert done == [1]
    for identity in range(10, 10 + endpoint_module.REPEATS):
        wire.tell({**order, "id": identity})
    wire.tell(order)
    assert len(done) == 2 + endpoint_module.REPEATS, "the memory of repeats is bounded"
    assert on.siid == 2


def test_hellos_hide_the_token_tell_of_push_and_of_the_subscription() -> None:
    wire = Wire()
    plain = wire.hello()
    assert (plain.device_id, plain.token, plain.push) == (480000001, b"", None)
    before = wire.hello(77).push
    assert before is not None
    assert before.subscribed_at == 0
    wire.subscribe()
    after = wire.hello(77).push
    other = wire.hello(78).push
    assert after is not None
    assert other is not None
    assert (after.subscribed_at, other.subscribed_at) == (1234, 0)
    assert Wire(push=False).hello(77).push is None


def test_a_reset_thing_gives_its_token_away_until_it_is_in_a_wifi() -> None:
    wire = Wire(reset=True)
    assert wire.hello().token == TOKEN
    assert wire.call("miIO.info", [])["ap"]["ssid"] == ""
    assert wire.call("miIO.config_router", {"passwd": "p"})["code"] == -32602
    assert wire.call("miIO.config_router", {"ssid": "home", "passwd": "p", "uid": 0}) == ["ok"]
    wire.clock.advance(SECOND)
    assert wire.hello().token == b""
    assert wire.call("miIO.info", [])["ap"]["ssid"] == "home"
    assert "code" in wire.call("miIO.config_router", {"ssid": "other", "passwd": "p"})


def test_a_change_is_pushed_after_the_answer_and_repeated_until_acknowledged() -> None:
    wire = Wire()
    wire.subscribe()
    params = [{"did": "x", "siid": 2, "piid": p, "value": v} for p, v in ((1, True), (2, 33))]
    assert codes(wire.call("set_properties", params)) == [0, 0]
    wire.clock.advance(1)
    (pushed,) = wire.heard()
    assert pushed["method"] == "properties_changed"
    assert [(each["did"], each["siid"], each["piid"], each["value"]) for each in pushed["params"]] == [
        ("480000001", 2, 1, True),
        ("480000001", 2, 2, 33),
    ]
    wire.clock.advance(SECOND)
    assert wire.heard() == [pushed]
    wire.tell({"id": pushed["id"], "result": {"code": 0}})
    wire.clock.advance(10 * SECOND)
    assert wire.heard() == []
    tally = wire.end.pusher.tally
    assert (tally.changed, tally.pushed, tally.acknowledged, tally.given_up, tally.sent) == (2, 2, 2, 0, 2)


def test_a_push_nobody_acknowledges_is_given_up_after_three_tries() -> None:
    wire = Wire()
    wire.subscribe()
    wire.thing.handle(2, 1, True)
    wire.clock.advance(10 * SECOND)
    assert len(wire.heard()) == push_module.TRIES
    assert wire.end.pusher.tally.given_up == 1
    assert wire.end.pusher.stamp_of("77") == 1234


def test_a_dead_subscriber_is_forgotten_in_the_end() -> None:
    wire = Wire()
    wire.subscribe()
    for turn in range(push_module.PATIENCE):
        assert wire.end.pusher.stamp_of("77") == 1234
        wire.thing.handle(2, 1, not turn % 2)
        wire.clock.advance(5 * SECOND)
    assert wire.end.pusher.stamp_of("77") == 0
    wire.heard()
    wire.thing.handle(2, 2, 55)
    wire.clock.advance(SECOND)
    assert wire.heard() == []


def test_a_subscriber_that_answers_now_and_then_is_kept() -> None:
    wire = Wire()
    wire.subscribe()
    for turn in range(3 * push_module.PATIENCE):
        wire.thing.handle(2, 1, not turn % 2)
        wire.clock.advance(1)
        (pushed,) = wire.heard()
        if turn % 5 == 4:
            wire.tell({"id": pushed["id"], "result": {"code": 0}})
        wire.clock.advance(5 * SECOND)
        wire.heard()
    assert wire.end.pusher.stamp_of("77") == 1234


def test_what_the_spec_does_not_notify_is_not_pushed() -> None:
    wire = Wire("xiaomi.ysj.a1en")
    wire.subscribe()
    assert wire.thing.write(2, 6, 77) is Code.OK
    wire.clock.advance(SECOND)
    assert wire.heard() == []


def test_a_slow_subscriber_gets_the_last_value_of_many_and_messages_in_flight_are_bounded() -> None:
    wire = Wire()
    wire.subscribe()
    for value in range(1, 101):
        wire.thing.handle(2, 2, value)
        wire.clock.advance(MILLISECOND)
    sent = wire.heard()
    assert len(sent) == push_module.IN_FLIGHT
    for message in sent:
        wire.tell({"id": message["id"], "result": {"code": 0}})
        wire.clock.advance(MILLISECOND)
    last = wire.heard()
    assert last[-1]["params"][0]["value"] == 100
    tally = wire.end.pusher.tally
    assert tally.changed == 100 == tally.merged + tally.pushed


def test_events_are_pushed_with_their_arguments() -> None:
    wire = Wire("miot.door.06131")
    wire.subscribe()
    assert wire.thing.happen(2, 2) is Code.OK
    assert wire.thing.happen(2, 99) is Code.ABSENT
    wire.clock.advance(1)
    (pushed,) = wire.heard()
    assert pushed["method"] == "event_occured"
    assert (pushed["params"]["siid"], pushed["params"]["eiid"]) == (2, 2)
    assert [argument["piid"] for argument in pushed["params"]["arguments"]] == [6, 5, 2, 3, 4]


def test_subscribers_are_bounded_and_can_leave() -> None:
    wire = Wire()
    for did in range(push_module.SUBSCRIBERS):
        assert wire.call("miIO.sub", {"did": str(did), "update_ts": 1}) == {"code": 0}
    assert wire.call("miIO.sub", {"did": "more", "update_ts": 1})["code"] == -9999
    assert wire.call("miIO.unsub", {"did": "0"}) == {"code": 0}
    assert wire.call("miIO.sub", {"did": "more", "update_ts": 1}) == {"code": 0}
    assert Wire(push=False).call("miIO.sub", {"did": "1", "update_ts": 1})["code"] == -32601


def test_a_reboot_sets_the_clock_back_and_forgets_the_subscriber_but_no_setting() -> None:
    wire = Wire()
    wire.subscribe()
    wire.thing.handle(2, 2, 44)
    assert wire.end.stamp > 1_000
    wire.end.reboot()
    assert wire.end.stamp == 0
    assert wire.end.pusher.stamp_of("77") == 0
    assert wire.thing.values[2, 2] == 44
    wire.clock.advance(3 * SECOND)
    assert wire.hello().stamp == 3


def test_each_fault_does_what_it_says() -> None:
    wire = Wire()
    request = {"id": 5, "method": "miIO.info", "params": []}
    wire.end.faults = Faults(silent=True)
    wire.tell(request)
    assert wire.datagrams == []
    wire.end.faults = Faults(wrong_token=True)
    wire.tell(request)
    assert wire.datagrams == []
    assert wire.hello().device_id == 480000001
    wire.end.faults = Faults(duplicate=1.0)
    wire.tell(request)
    assert len(wire.heard()) == 4
    wire.end.faults = Faults(delay=(200.0, 300.0))
    wire.tell(request)
    wire.clock.advance(399 * MILLISECOND)
    assert wire.datagrams == []
    wire.clock.advance(300 * MILLISECOND)
    assert len(wire.heard()) == 1
    wire.end.faults = Faults()
    assert wire.end.faults is CALM
    wire.tell(request)
    assert len(wire.heard()) == 1


def test_loss_and_reordering_follow_their_probabilities() -> None:
    clock = VirtualClock()
    way = FaultyWay(clock, Random(3))
    way.faults = Faults(loss=0.3)
    arrived: list[bytes] = []
    for _ in range(1_000):
        way.carry(b"x", arrived.append)
    assert 620 < len(arrived) < 780
    way.faults = Faults(reorder=0.3)
    arrived.clear()
    sent = [bytes((n,)) for n in range(200)]
    for datagram in sent:
        way.carry(datagram, arrived.append)
    clock.advance(SECOND)
    assert sorted(arrived) == sent
    assert arrived != sent


def test_datagrams_under_way_are_bounded() -> None:
    clock = VirtualClock()
    way = FaultyWay(clock, Random(3))
    way.faults = Faults(delay=(10.0, 10.0))
    arrived: list[bytes] = []
    for _ in range(3_000):
        way.carry(b"x", arrived.append)
    clock.advance(SECOND)
    assert len(arrived) == 1_024


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"delay": (5.0, 1.0)}, {"duplicate": -0.1}, {"delay": (0.0, 1e9)}])
def test_senseless_faults_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Faults(**wrong)


def test_broken_json_is_broken_in_the_ways_seen_from_real_things() -> None:
    good = b'{"id":7,"result":["ok"],"exe_time":1}'
    assert spoil(good, (Broken.TRAILING_COMMA,)) == b'{"id":7,"result":["ok"],"exe_time":1,}'
    assert spoil(good, (Broken.MISSING_ID,)) == b'{"result":["ok"],"exe_time":1}'
    twice = spoil(good, (Broken.DUPLICATED_KEY,))
    assert twice.count(b"exe_time") == 3
    assert json.loads(twice.rstrip(b"\0"))["result"] == ["ok"]
    every = spoil(good, tuple(Broken))
    assert b'"result":["ok"]' in every


def test_churn_counts_what_it_changes_and_every_step_goes_up() -> None:
    clock = VirtualClock()
    things = [thing_of(model, clock) for model in ("zhimi.airp.mb5", "090615.switch.mesw2", "lumi.curtain.hagl08")]
    prop = counter(things[0])
    assert prop is not None
    first = things[0].values[prop.siid, prop.piid]
    assert isinstance(first, int)
    seen: list[object] = []
    things[0].reported = lambda _prop, value: seen.append(value)
    churn = Churn(things, clock, 10.0)
    clock.advance(10 * SECOND - 1)
    assert churn.changed == 300
    assert churn.things == 3
    assert seen == list(range(first + 1, first + 101))
    churn.stop()
    clock.advance(SECOND)
    assert churn.changed == 300


def test_every_model_that_notifies_has_something_to_churn() -> None:
    for model in LIBRARY.models():
        thing = thing_of(model)
        prop = counter(thing)
        if prop is not None:
            assert prop.notifies
