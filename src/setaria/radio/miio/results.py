"""What devices answer, as outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from setaria.facts.refused import Refused
from setaria.home.ports import Done, Outcome, Reading, Write
from setaria.radio.miio.payload import VALUES, ActionResult, DeviceError, PropertyResult, read_arguments

OK: Final = 0
ACCEPTED: Final = 1  # the device will do it, and tells nothing more
GOOD: Final = (OK, ACCEPTED)
USER_ACK_TIMEOUT: Final = -9999  # the Wi-Fi module got no answer of the appliance in time: often too much was asked

# MIoT-Spec over miIO and, below, the numbers of newer firmware; the words stand in the catalogue as `device_code.NAME`.
CODES: Final = {
    -4001: "not_readable",
    -4002: "not_writable",
    -4003: "does_not_exist",
    -4004: "internal_error",
    -4005: "value_invalid",
    -4006: "arguments_invalid",
    -4007: "wrong_did",
    USER_ACK_TIMEOUT: "no_answer_inside",
    -32600: "request_invalid",
    -32601: "method_unknown",
    -32602: "arguments_invalid",
    -704010000: "not_authorised",
    -704030013: "not_readable",
    -704030023: "not_writable",
    -704030033: "not_notified",
    -704040002: "does_not_exist",
    -704040003: "does_not_exist",
    -704040004: "does_not_exist",
    -704040005: "does_not_exist",
    -704042011: "offline",
    -704053036: "no_answer_inside",
    -704083036: "no_answer_inside",
    -704220025: "arguments_invalid",
    -704220035: "arguments_invalid",
    -704220043: "value_invalid",
}


def reason(code: int) -> str:
    return CODES.get(code, "unknown")


def refusal(code: int, **details: object) -> Refused:
    return Refused("device_refused", device_code=code, reason=reason(code), **details)


def set_outcome(writes: Sequence[Write], results: Sequence[PropertyResult]) -> Outcome:
    """Refused if any property was: `refused` is a list of [siid, piid, code], `done` how many went through."""
    bad: list[list[int]] = []
    for place, result in enumerate(results):
        if result.code in GOOD:
            continue
        siid, piid = result.siid, result.piid
        if not siid and place < len(writes):
            siid, piid = writes[place].siid, writes[place].piid
        bad.append([siid, piid, result.code])
    if not bad:
        return Done()
    return refusal(bad[0][2], refused=bad, done=len(writes) - len(bad))


def act_outcome(result: ActionResult) -> Outcome:
    if result.code not in GOOD:
        return refusal(result.code)
    return Done(tuple(value for _, value in read_arguments(result.out)))


def error_outcome(error: DeviceError) -> Outcome:
    return refusal(error.code or -1, message=error.message[:80])


def readings(asked: Sequence[tuple[int, int]], results: Sequence[PropertyResult]) -> list[Reading]:
    """The values among `results`; those a device refused or left out are not in the list."""
    found: list[Reading] = []
    for place, result in enumerate(results):
        value = result.value
        if result.code not in GOOD or not isinstance(value, VALUES):
            continue
        if result.siid:
            found.append(Reading(result.siid, result.piid, value))
        elif len(results) == len(asked):
            found.append(Reading(*asked[place], value))
    return found
