"""How other devices reach the hub, as the terminal tells it: options, addresses, the QR code, `setaria trust`."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from setaria.cli.hub import parse
from setaria.cli.lan import LanOptions, lan_of, said_of_setup
from setaria.cli.qr import QUIET, qr_lines
from setaria.cli.up.picture import Frame, Picture
from setaria.facts.clock import SystemClock
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.web.lan import Lan
from setaria.web.tls.keeper import Keeper, der

PROGRAM = [sys.executable, "-c", "import sys; from setaria.cli import main; sys.exit(main())"]
SETUP = "https://192.168.100.100:8443/setup#ABCD-EFGH"
HOST = "127.0.12.23"


def environment(language: str = "en") -> dict[str, str]:
    return {**os.environ, "SETARIA_LANG": language}


def test_other_devices_are_let_in_unless_somebody_says_no() -> None:
    assert lan_of(parse([]).lan) == Lan()
    assert lan_of(parse(["--no-lan"]).lan) is None


def test_what_is_asked_for_is_needed() -> None:
    given = parse(["--lan-host", "192.168.1.5", "--lan-port", "443", "--name", "Hub.LAN", "--name", "home.example.org"])
    assert lan_of(given.lan) == Lan("192.168.1.5", 443, ("hub.lan", "home.example.org"), needed=True)
    assert lan_of(LanOptions(host="0.0.0.0")) == Lan(needed=True)
    pair = lan_of(parse(["--tls-cert", "a.pem", "--tls-key", "b.pem"]).lan)
    assert pair == Lan(certificate=Path("a.pem"), key=Path("b.pem"), needed=True)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (["--lan-host", "nas"], "option_unusable"),
        (["--lan-port", "65536"], "option_unusable"),
        (["--lan-port", "x"], "option_unusable"),
        (["--name", "a b"], "name_unfit"),
        (["--tls-cert", "a.pem"], "tls_half_given"),
        (["--tls-key", "a.pem"], "tls_half_given"),
    ],
)
def test_options_that_make_no_sense(typed: list[str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        lan_of(parse(typed).lan)
    assert refused.value.code == code


def test_a_code_is_square_and_quiet_around() -> None:
    lines = qr_lines(SETUP)
    assert {len(line) for line in lines} == {33}
    assert len(lines) == 17
    assert lines[0] == "█" * 33
    assert all(line.startswith("█" * QUIET) or line == lines[-1] for line in lines)
    assert qr_lines(SETUP) != qr_lines(SETUP + "J")


class Rooms(Picture):
    """A picture of a home that need not be there."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def _header(self, width: int, address: str) -> list[Text]:
        return [Text("The home"[:width]), Text(address[:width])]

    def _rooms(self, width: int, height: int) -> list[Text]:
        self.asked.append((width, height))
        return [Text("r" * width)] * min(height, 10)

    def _strip(self, width: int, height: int) -> list[Text]:
        return [Text("s" * width)] * min(height, 4)


def drawn(width: int, height: int, setup: str = SETUP, note: str = "") -> list[str]:
    code = qr_lines(setup) if setup else []
    frame = Frame("https://192.168.100.100:8443", note, "Ctrl-C", said_of_setup(setup, "en"), code)
    lines = Rooms().lines(width, height, frame)
    assert len(lines) == height
    assert all(line.cell_len <= width for line in lines)
    return [line.plain for line in lines]


@pytest.mark.parametrize("note", ["", "a note " * 20])
def test_the_code_fits_beside_the_home_in_80_by_24(note: str) -> None:
    lines = drawn(80, 24, note=note)
    assert lines[2] == "First owner: https://192.168.100.100:8443/setup  code ABCD-EFGH"
    assert [line[-33:] for line in lines if line.endswith(("█", "▀"))] == qr_lines(SETUP)
    assert lines[-1].startswith("Ctrl-C")


@pytest.mark.parametrize(("width", "height"), [(57, 24), (80, 19), (20, 5), (1, 1)])
def test_where_there_is_no_room_the_code_in_letters_must_do(width: int, height: int) -> None:
    lines = drawn(width, height)
    assert not any("█" in line for line in lines)
    if width > 60:
        assert any("ABCD-EFGH" in line for line in lines)


def test_once_there_is_an_owner_nothing_of_it_is_left() -> None:
    assert not any("setup" in line or "█" in line for line in drawn(80, 24, ""))
    assert said_of_setup("", "en") == ""


def certified(folder: Path) -> Keeper:
    keeper = Keeper(folder / "tls", SecretStore(folder / "secrets", KeyFile(folder / "key")), SystemClock())
    asyncio.run(keeper.renew(("localhost",)))
    return keeper


@pytest.mark.parametrize(("language", "phone"), [("en", "Certificate Trust Settings"), ("zh-CN", "证书信任设置")])
def test_trust_shows_the_fingerprint_and_every_device(tmp_path: Path, language: str, phone: str) -> None:
    keeper = certified(tmp_path)
    command = [*PROGRAM, "trust", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(language), timeout=30, check=True)
    shown = "".join(re.findall(r"^ {4}([0-9A-F:]+)$", done.stdout, re.M)).replace(":", "").lower()
    assert shown == hashlib.sha256(der(keeper.authority)).hexdigest()
    for word in (phone, "Android", "certutil", "security add-trusted-cert", "update-ca-certificates", "Firefox"):
        assert word in done.stdout
    one = subprocess.run(
        [*command, "android"], capture_output=True, text=True, env=environment(language), timeout=30, check=True
    )
    assert "Android" in one.stdout
    assert phone not in one.stdout


def test_trust_before_there_is_a_certificate(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "trust", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "no certificate" in done.stderr


def test_a_hub_says_where_other_devices_find_it(tmp_path: Path) -> None:
    options = ["--data", str(tmp_path), "--port", "0", "--no-mdns", "--broadcast", "127.255.255.255:54397"]
    hub = subprocess.Popen(
        [*PROGRAM, "hub", *options, "--lan-host", HOST, "--lan-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert hub.stdout is not None
        lines = [hub.stdout.readline() for _ in range(3)]
    finally:
        hub.send_signal(signal.SIGTERM)
        hub.wait(10)
        hub.stdout.close() if hub.stdout else None
    assert re.search(r"http://127\.0\.0\.1:\d+$", lines[0]), lines
    assert re.search(rf"https://{re.escape(HOST)}:\d+ ", lines[1]), lines
    assert re.search(rf"https://{re.escape(HOST)}:\d+/setup  code \S+$", lines[2]), lines
