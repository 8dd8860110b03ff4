"""What a reply means for the request it answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from setaria.home.ports import Done, Outcome, Reading, Unreachable
from setaria.radio.miio import payload, results
from setaria.radio.miio.codec import CodecError
from setaria.radio.miio.requests import Kind, Request


class Reply(msgspec.Struct):
    """`choked`: a read that should be asked again in smaller parts."""

    outcome: Outcome = Done()
    readings: Sequence[Reading] = ()
    info: payload.Info | None = None
    choked: bool = False

    @property
    def accepted(self) -> bool:
        return isinstance(self.outcome, Done)


def read_reply(request: Request, envelope: payload.Envelope) -> Reply:
    """Raises CodecError when it does not have the form that the request's kind of answer has."""
    if envelope.error:
        error = payload.read_error(envelope.error)
        if error.code == results.USER_ACK_TIMEOUT:  # whether the appliance did it is unknown
            return Reply(Unreachable("no_answer_inside"), choked=True)
        return Reply(results.error_outcome(error), choked=True)
    if request.batch is not None:
        return Reply(readings=results.readings(request.batch.addresses, payload.read_properties(envelope.result)))
    if request.kind is Kind.WRITE:
        return Reply(_set_outcome(request, envelope.result))
    if request.kind is Kind.ACT:
        return Reply(results.act_outcome(payload.read_action(envelope.result)))
    if request.kind in (Kind.INFO, Kind.CHALLENGE):
        return Reply(info=payload.read_info(envelope.result))
    code = payload.read_code(envelope.result)
    return Reply(Done() if code in results.GOOD else results.refusal(code))


def _set_outcome(request: Request, result: msgspec.Raw) -> Outcome:
    try:
        return results.set_outcome(request.writes, payload.read_properties(result))
    except CodecError:
        code = payload.read_code(result)  # some say no more than "ok"
        return Done() if code in results.GOOD else results.refusal(code)
