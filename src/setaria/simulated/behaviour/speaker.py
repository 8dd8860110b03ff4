"""Speakers: play, pause, and a track that ends."""

from __future__ import annotations

from typing import Final

from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.world import Effect

_MUSIC_S: Final = 30 * 60.0
_SENTENCE_S: Final = 4.0


class Speaker(Behaviour):
    def setup(self) -> None:
        self.state = self.find("play-control.playing-state")
        self.volume = self.find("speaker.volume")
        self.mute = self.find("speaker.mute")
        for name in ("play", "next", "previous", "play-music", "play-radio"):
            self.does(f"*.{name}", self._play)
        self.does("*.pause", self._pause)
        self.does("*.stop", self._stop)
        self.does("*.play-text", self._speak)
        self.when([self.volume, self.mute], self._sound)
        self.state.choose("stop", "idle", "pause")

    def _play(self) -> None:
        self.state.choose("playing")
        self._sound()
        self.after("end", _MUSIC_S, self._stop)

    def _speak(self) -> None:
        self.affect(Effect(noise=self._loudness))
        self.after("spoken", _SENTENCE_S, self._sound)

    def _pause(self) -> None:
        self.cancel("end")
        self.state.choose("pause", "stop")
        self._sound()

    def _stop(self) -> None:
        self.cancel("end")
        self.state.choose("stop", "pause")
        self._sound()

    def _sound(self) -> None:
        self.affect(Effect(noise=self._loudness) if self.state.says("playing") else None)

    @property
    def _loudness(self) -> float:
        return 0.0 if self.mute.value else 35.0 + 40.0 * self.volume.fraction
