"""`setaria wifi` as a program of its own, against a simulated thing as from the factory."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.home.finding import secret_name
from setaria.radio.miio.codec import HelloReply, encode_hello_reply
from setaria.radio.miio.link import Location, Receiver

PROGRAM = (sys.executable, "-c", "import sys; from setaria.cli import main; sys.argv[0] = 'setaria'; sys.exit(main())")
PASSWORD = "correct horse 2.4"
HOST = "127.0.40.1"
NOBODY = "127.0.41.1:9"


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(hub: str, lang: str = "en", data: Path | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SETARIA", "LC_", "LANG"))}
    ours = {"SETARIA_LANG": lang, "SETARIA_HUB": hub, "SETARIA_DATA": str(data or "")}
    return {**kept, **ours, "COLUMNS": "120", "LC_ALL": "C.UTF-8"}


class Thing:
    """The simulated thing: as from the factory again at each `reset`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "setaria.simulated", "--model", "yeelink.light.lamp22", "--reset", "--list"),
                *("--first-address", HOST, "--port", str(port), "--with-parent"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        known = json.loads(self.process.stdout.readline())["things"][0]
        self.did, self.token, self.id = str(known["did"]), str(known["token"]), known["id"]

    def reset(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": "reset", "thing": self.id}) + "\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline())["ok"]

    @property
    def place(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def broadcast(self) -> str:
        return f"127.255.255.255:{self.port}"


@pytest.fixture(scope="module")
def running() -> Iterator[Thing]:
    thing = Thing(free_port(socket.SOCK_DGRAM) % 20_000 + 30_000)
    try:
        yield thing
    finally:
        thing.process.kill()
        thing.process.communicate()


@pytest.fixture
def thing(running: Thing) -> Thing:
    running.reset()
    return running


@pytest.fixture
def nowhere() -> str:
    return f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n", encoding="utf-8")
    return file


def setaria(
    *arguments: str | Path, hub: str, lang: str = "en", data: Path | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(hub, lang, data),
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done


def kept(folder: Path, did: str) -> str:
    value = SecretStore(folder / "secrets", KeyFile(folder / "key")).get(secret_name("miio", did))
    return "" if value is None else value.hex()


@pytest.mark.parametrize(
    ("lang", "steps"),
    [
        ("en", ("Calling the thing at", "Telling it about “家”", "Waiting for it in “家”")),
        ("zh-CN", ("正在呼叫", "正在告诉它“家”", "正在“家”里等它")),
    ],
)
def test_without_a_hub_its_token_is_kept_in_the_folder(
    thing: Thing, nowhere: str, password: Path, tmp_path: Path, lang: str, steps: tuple[str, ...]
) -> None:
    folder = tmp_path / "data"
    options = ("--ssid", "家", "--password-file", password, "--broadcast", thing.broadcast, "--data", folder)
    done = setaria("wifi", thing.place, *options, hub=nowhere, lang=lang)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(step in line for step, line in zip(steps, lines, strict=True)), lines
    assert thing.did in done.stdout
    assert thing.place in done.stdout
    assert str(folder) in done.stdout
    assert thing.token not in done.stdout + done.stderr
    assert kept(folder, thing.did) == thing.token
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("shown", [False, True])
def test_json_has_the_token_only_when_asked(
    thing: Thing, nowhere: str, password: Path, tmp_path: Path, shown: bool
) -> None:
    options = ("--ssid", "home", "--password-file", password, "--broadcast", thing.broadcast, "--data", tmp_path / "d")
    done = setaria("wifi", thing.place, *options, "--json", *["--show-token"] * shown, hub=nowhere)
    expected = {"address": thing.did, "location": thing.place, "kept": str(tmp_path / "d"), "thing": ""}
    assert json.loads(done.stdout) == ({**expected, "token": thing.token} if shown else expected)


def test_a_thing_to_be_named_needs_a_hub_and_is_kept_nevertheless(
    thing: Thing, nowhere: str, password: Path, tmp_path: Path
) -> None:
    options = ("--ssid", "home", "--password-file", password, "--broadcast", thing.broadcast, "--data", tmp_path / "d")
    done = setaria("wifi", thing.place, *options, "--name", "Lamp", hub=nowhere)
    assert done.returncode == 3
    assert nowhere in done.stderr
    assert thing.did in done.stdout
    assert kept(tmp_path / "d", thing.did) == thing.token


def test_a_running_hub_gets_the_token_and_the_thing(thing: Thing, password: Path, tmp_path: Path) -> None:
    api = free_port(socket.SOCK_STREAM)
    address = f"http://127.0.0.1:{api}"
    of_hub = [
        "--data",
        str(tmp_path / "hub"),
        "--port",
        str(api),
        "--broadcast",
        thing.broadcast,
        "--no-mdns",
        "--no-lan",
    ]
    hub = subprocess.Popen([*PROGRAM, "hub", *of_hub], stdout=subprocess.PIPE, text=True, env=environment(""))
    try:
        assert hub.stdout is not None
        assert address in hub.stdout.readline()
        assert setaria("rooms", "add", "study", "Study", hub=address, data=tmp_path / "hub").returncode == 0
        options = ("--ssid", "home", "--password-file", password, "--broadcast", thing.broadcast)
        elsewhere = tmp_path / "elsewhere"
        naming = ("--name", "Desk lamp", "--room", "study", "--data", elsewhere)
        done = setaria("wifi", thing.place, *options, *naming, hub=address, data=tmp_path / "hub")
        assert done.returncode == 0, done.stderr
        assert "Added: Desk lamp" in done.stdout
        assert thing.token not in done.stdout + done.stderr
        assert not elsewhere.exists()
        listed = json.loads(setaria("things", "--json", hub=address, data=tmp_path / "hub").stdout)["things"]
        assert [(each["name"], each["room"]) for each in listed] == [("Desk lamp", "study")]
        assert kept(tmp_path / "hub", thing.did) == thing.token
    finally:
        hub.send_signal(signal.SIGINT)
        hub.communicate(timeout=10)


def test_who_does_not_wait_has_the_token_still(thing: Thing, nowhere: str, password: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    options = ("--ssid", "home", "--password-file", str(password), "--broadcast", NOBODY, "--data", str(folder))
    waiting = subprocess.Popen(
        [*PROGRAM, "wifi", thing.place, *options], stderr=subprocess.PIPE, text=True, env=environment(nowhere)
    )
    assert waiting.stderr is not None
    said = [waiting.stderr.readline() for _ in range(3)]
    assert "3/3" in said[2], said
    waiting.send_signal(signal.SIGINT)
    _, rest = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert str(folder) in rest
    assert "Traceback" not in rest
    assert thing.token not in rest
    assert kept(folder, thing.did) == thing.token


def test_an_interruption_before_anything_is_told_keeps_nothing(nowhere: str, password: Path, tmp_path: Path) -> None:
    options = ("--ssid", "home", "--password-file", str(password), "--data", str(tmp_path / "data"))
    calling = subprocess.Popen(
        [*PROGRAM, "wifi", NOBODY, *options], stderr=subprocess.PIPE, text=True, env=environment(nowhere)
    )
    assert calling.stderr is not None
    assert "1/3" in calling.stderr.readline()
    calling.send_signal(signal.SIGINT)
    assert calling.communicate(timeout=20)[1] == ""
    assert calling.returncode == 130
    assert not (tmp_path / "data").exists()


def test_the_password_is_asked_for_without_echo(thing: Thing, nowhere: str, tmp_path: Path) -> None:
    options = ("--ssid", "home", "--broadcast", thing.broadcast, "--data", str(tmp_path / "data"))
    child, screen = pty.fork()
    if child == 0:
        os.execve(sys.executable, [*PROGRAM, "wifi", thing.place, *options], environment(nowhere))
    shown = b""
    typed = False
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if not select.select([screen], [], [], 1)[0]:
            continue
        try:
            read = os.read(screen, 4096)
        except OSError:  # it has ended
            break
        if not read:
            break
        shown += read
        if b"Password of" in shown and not typed:
            typed = True
            os.write(screen, PASSWORD.encode() + b"\n")
    else:
        os.kill(child, signal.SIGKILL)
    os.close(screen)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
    assert typed
    assert PASSWORD.encode() not in shown
    assert kept(tmp_path / "data", thing.did) == thing.token


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((HOST, "--ssid", "home"), 1, "--password-file"),
        (("lamp.local", "--ssid", "home"), 1, "lamp.local"),
        ((f"{HOST}:0", "--ssid", "home"), 1, f"{HOST}:0"),
        ((HOST, "--ssid", "home", "--token", "xyz"), 2, "--token"),
        ((HOST, "--ssid", "home", "--token", "0123456789"), 1, "not 5"),
        ((HOST, "--ssid", "home", "--broadcast", "here"), 2, "here"),
        ((HOST, "--ssid", "home", "--show-token"), 2, "--show-token"),
        ((HOST, "--ssid", "家" * 11, "--password-file", "-"), 1, "32 bytes"),
        ((HOST,), 2, "--ssid"),
        (("--ssid", "home"), 2, "HOST"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    nowhere: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = setaria("wifi", *arguments, hub=nowhere)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "1/3" not in done.stderr
    assert "xyz" not in done.stderr
    assert "0123456789" not in done.stderr


def test_what_the_thing_is_told(monkeypatch: pytest.MonkeyPatch, password: Path) -> None:
    from setaria.cli.tree import run
    from setaria.radio.miio import provision

    asked: dict[str, Any] = {}

    async def refuse(*_: object, **given: Any) -> None:
        asked.update(given)
        raise Refused("wifi_thing_silent")

    monkeypatch.setattr(provision, "provision", refuse)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert run(["wifi", "192.168.4.1", "--ssid", "home", "--password-file", str(password)]) == 1
    finally:
        monkeypatch.undo()
        time.tzset()
    wifi = asked["wifi"]
    assert (wifi.ssid, wifi.passwd, wifi.uid, wifi.gmt_offset) == ("home", PASSWORD, 0, 28_800)
    assert asked["location"] == "192.168.4.1"
    assert asked["broadcast"] == (("255.255.255.255", 54_321),)
    assert asked["token"] == b""


class Air:
    failed = 0

    def open(self, receive: Receiver) -> None:
        self.receive = receive

    def send(self, datagram: bytes, to: Location) -> None: ...

    def close(self) -> None: ...


def test_only_the_thing_at_the_place_is_met() -> None:
    from setaria.cli.wifi import Met

    place, heard = ("192.168.4.1", 54_321), list[bytes]()
    air = Air()
    met = Met(air, place)
    met.open(lambda datagram, _sender: heard.append(datagram))
    first, second, third = (encode_hello_reply(HelloReply(did, 1, bytes([did]) * 16)) for did in (1, 2, 3))
    air.receive(first, ("192.168.4.7", 54_321))
    air.receive(b"\x21\x31" + bytes(30), place)
    air.receive(b"\x00" * 32, place)
    air.receive(b"?", place)
    air.receive(second, place)
    air.receive(third, place)
    assert (met.address, met.token) == ("2", b"\x02" * 16)
    assert heard[0] == first
    assert heard[-2:] == [second, third]
