"""The home in a terminal: rooms side by side, what happened last below. From 80 x 24 up to wide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.cells import cell_len
from rich.text import Text

from setaria.cli.styles import STYLES
from setaria.cli.up.happenings import Happenings
from setaria.home.home import Home
from setaria.home.structure import Thing
from setaria.home.telling.state import Tone, Word, in_words, reason_in_words
from setaria.words import say
from setaria.words.format import clock

NARROWEST: Final = 25  # cells of a column
COMFORTABLE: Final = 32
WIDEST: Final = 44
GAP: Final = 2
STRIP: Final = 4  # lines at least of what happened last
LONGEST_NAME: Final = 0.62  # of a column
ROOM: Final = "bold"
QUIET: Final = "bright_black"
GOOD: Final = "green"
SCANNED: Final = "color(231) on color(16)"  # white on black whatever the theme


class Frame(msgspec.Struct, frozen=True):
    """What stands around the rooms."""

    address: str
    note: str
    ending: str
    setup: str = ""
    code: Sequence[str] = ()  # a QR code, light on dark


class Picture:
    def __init__(self, home: Home, happenings: Happenings, language: str) -> None:
        self.home = home
        self.happenings = happenings
        self.language = language
        self._separator = say("telling.state.join", language)

    def lines(self, width: int, height: int, frame: Frame) -> list[Text]:
        """Exactly `height` lines of at most `width` cells."""
        top = self._header(width, frame.address)
        top += [fitted(Text(frame.setup, style="bold"), width)] if frame.setup else [Text()]
        note = [fitted(Text(frame.note, style=QUIET), width)] if frame.note else []
        foot = [fitted(Text(frame.ending, style=QUIET), width)]
        room = height - len(top) - len(foot)
        beside = len(frame.code[0]) + GAP if frame.code else 0
        if not frame.code or len(frame.code) > room or width - beside < NARROWEST:
            return [*top, *self._body(width, room, note), *foot][:height]
        body = self._body(width - beside, room, [fitted(each, width - beside) for each in note])
        code = [Text(line, style=SCANNED) for line in frame.code]
        return [*top, *side_by_side([body, code], width - beside), *foot][:height]

    def _body(self, width: int, height: int, note: list[Text]) -> list[Text]:
        """Exactly `height` lines: the rooms, what happened last, and the note."""
        rooms = self._rooms(width, max(1, height - len(note) - STRIP - 1))
        strip = self._strip(width, height - len(rooms) - len(note) - 1)
        lines = [*rooms, Text(), *strip]
        return [*lines, *[Text()] * (height - len(lines) - len(note)), *note][:height]

    # The header.

    def _header(self, width: int, address: str) -> list[Text]:
        household = self.home.structure.household
        now = clock(self.home.clock.now(), household.zone)
        left = Text(household.name, style="bold")
        left.append("  ")
        left.append(self._who_is_home(), style=GOOD)
        right = Text(f"{now}  {address}", style=QUIET)
        if left.cell_len + right.cell_len + GAP > width:
            return [fitted(left, width), fitted(right, width)]
        left.append(" " * (width - left.cell_len - right.cell_len))
        return [left + right]

    def _who_is_home(self) -> str:
        slots = self.home.live.slots
        members = self.home.structure.members.values()
        here = [
            each.name for each in members if (slot := slots.get(f"member/{each.id}.home")) is not None and slot.value
        ]
        if not here:
            return say("cli.up.nobody_home", self.language)
        if len(here) == len(members) > 1:
            return say("cli.up.all_home", self.language)
        names = say("words.comma", self.language).join(here)
        return say("cli.up.at_home", self.language, names=names)

    # The rooms.

    def _rooms(self, width: int, height: int) -> list[Text]:
        blocks = self._blocks()
        if not blocks:
            return [Text(say("cli.up.no_things", self.language), style=QUIET)]
        least, most = (max(1, min(len(blocks), (width + GAP) // (wide + GAP))) for wide in (COMFORTABLE, NARROWEST))
        for count in range(least, most + 1):  # narrower ones only where comfortable ones would be too long
            columns = split([len(things) + 2 for _, things in blocks], count)
            if max(sum(len(blocks[i][1]) + 2 for i in column) - 1 for column in columns) <= height:
                break
        column_width = min(WIDEST, (width - GAP * (len(columns) - 1)) // len(columns))
        drawn = [self._column([blocks[i] for i in column], column_width, height) for column in columns]
        return side_by_side(drawn, column_width)

    def _blocks(self) -> list[tuple[str, list[Thing]]]:
        structure = self.home.structure
        by_room: dict[str, list[Thing]] = {room: [] for room in structure.rooms}
        for thing in structure.things.values():
            by_room.setdefault(thing.room if thing.room in structure.rooms else "", []).append(thing)
        named = {room: each.name for room, each in structure.rooms.items()}
        elsewhere = say("cli.up.no_room", self.language)
        return [(named.get(room, elsewhere), things) for room, things in by_room.items() if things]

    def _column(self, blocks: Sequence[tuple[str, list[Thing]]], width: int, height: int) -> list[Text]:
        lines: list[Text] = []
        for number, (room, things) in enumerate(blocks):
            if number:
                lines.append(Text())
            lines.append(fitted(Text(room, style=ROOM), width))
            lines += [self._thing(thing, room, width) for thing in things]
        if len(lines) > height:
            more = say("cli.up.more", self.language, count=len(lines) - height + 1)
            lines = [*lines[: height - 1], Text(more, style=QUIET)]
        return lines

    def _thing(self, thing: Thing, room: str, width: int) -> Text:
        words, lost = self._state(thing)
        name = short_name(thing.name, room)
        taken = min(
            cell_len(name), max(int(width * LONGEST_NAME), width - 1 - cell_len(words[0].text if words else ""))
        )
        told = Text()
        for word in words:
            piece = (Text(self._separator, style=QUIET) if told.cell_len else Text()) + Text(
                word.text, STYLES[word.tone]
            )
            if told.cell_len and told.cell_len + piece.cell_len > width - 1 - taken:
                break
            told += piece
        told = fitted(told, max(0, width - 1 - taken))
        line = fitted(Text(name, style=QUIET if lost else ""), taken)
        line.append(" " * max(1, width - line.cell_len - told.cell_len))
        return line + told

    def _state(self, thing: Thing) -> tuple[list[Word], bool]:
        live = self.home.live.things.get(thing.id)
        if live is None or not live.reachable:
            reason = "spec_unknown" if live is None else live.reason
            waiting = reason == "not_seen_yet"
            return [Word(reason_in_words(reason, self.language), Tone.OFF if waiting else Tone.CARE)], True
        start = len(thing.id) + 1
        values = {slot.address[start:]: slot.value for slot in live.by_key.values() if slot.value is not None}
        return in_words(live.spec, values, self.language) or [
            Word(say("telling.state.there", self.language), Tone.OFF)
        ], False

    # What happened last.

    def _strip(self, width: int, height: int) -> list[Text]:
        zone = self.home.structure.household.zone
        shown = list(self.happenings.lines)[-height:] if height > 0 else []
        lines = []
        for line in shown:
            text = Text(f"{clock(line.time, zone)}  ", style=QUIET)
            text.append(self.happenings.text(line), style=STYLES[line.tone] if line.tone is Tone.CARE else "")
            lines.append(fitted(text, width))
        return lines


def short_name(name: str, room: str) -> str:
    """A thing in the column of its room need not repeat the room's name."""
    if name.startswith(room) and (rest := name[len(room) :].strip()):
        return rest[:1].upper() + rest[1:]
    return name


def fitted(text: Text, width: int) -> Text:
    """At most `width` cells, the rest as …"""
    if width <= 0:
        return Text()
    text.truncate(width, overflow="ellipsis")
    return text


def side_by_side(columns: Sequence[Sequence[Text]], width: int) -> list[Text]:
    lines = []
    for row in range(max(map(len, columns))):
        line = Text()
        for number, column in enumerate(columns):
            cell = column[row] if row < len(column) else Text()
            line += cell
            if number < len(columns) - 1:
                line.append(" " * (width - cell.cell_len + GAP))
        lines.append(line)
    return lines


def split(heights: Sequence[int], count: int) -> list[list[int]]:
    """Places in `count` columns, in order, so that the tallest is as short as it can be."""

    def columns_within(limit: int) -> list[list[int]]:
        made: list[list[int]] = [[]]
        used = 0
        for place, height in enumerate(heights):
            if made[-1] and used + height > limit:
                made.append([])
                used = 0
            made[-1].append(place)
            used += height
        return made

    low, high = max(heights), sum(heights)
    while low < high:
        middle = (low + high) // 2
        if len(columns_within(middle)) <= count:
            high = middle
        else:
            low = middle + 1
    return columns_within(low)
