"""Wall switches and gateways: what turns what over."""

from __future__ import annotations

from functools import partial

from setaria.simulated.behaviour.base import Behaviour, Handle


class Switch(Behaviour):
    """The n-th `turn` (write-only) turns the n-th `on` over."""

    def setup(self) -> None:
        for turn, on in zip(self.find_all("switchturn.turn", "*.turn"), self.find_all("switch.on"), strict=False):
            self.when(turn, partial(self._turn, on))

    @staticmethod
    def _turn(on: Handle) -> None:
        on.set(not on.value)


class Gateway(Behaviour):
    def setup(self) -> None:
        self.arming = self.find("arming.arming-mode")
        self.wanted = self.find("arming.target-arming-mode")
        self.told = self.find("arming.arming-change")
        self.when(self.arming, partial(self._arm, self.arming, self.wanted))
        self.when(self.wanted, partial(self._arm, self.wanted, self.arming))

    def _arm(self, source: Handle, sink: Handle) -> None:
        sink.set(source.value)
        self.told.set(source.value)
