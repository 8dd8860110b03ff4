"""The commands as programs of their own, against a hub with simulated things on addresses of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROGRAM = (sys.executable, "-c", "import sys; from setaria.cli import main; sys.argv[0] = 'setaria'; sys.exit(main())")
LINKAGE = """
id: lamp_follows
alias: The lamp follows
triggers:
  - trigger: state
    entity_id: plug/switch.on
    to: "on"
actions:
  - set: {lamp/light.on: true}
"""
SWITCHES = ("light.on", "switch.on")


class Answer(NamedTuple):
    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Place(NamedTuple):
    """A running hub: its address, its folder, and `setaria` asked about it."""

    address: str
    folder: Path
    things: list[dict[str, Any]]

    def __call__(self, *arguments: str, typed: str = "") -> Answer:
        return setaria(*arguments, hub=self.address, typed=typed, data=self.folder)


def environment(hub: str, data: Path | None = None) -> dict[str, str]:
    """`data` is the folder in which the hub has left the terminal's token."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SETARIA", "LC_", "LANG"))}
    return {**kept, "SETARIA_LANG": "en", "SETARIA_HUB": hub, "COLUMNS": "120", "SETARIA_DATA": str(data or "")}


def setaria(*arguments: str, hub: str, typed: str = "", data: Path | None = None) -> Answer:
    done = subprocess.run(
        [*PROGRAM, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        env=environment(hub, data),
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        if true():
            return
        time.sleep(0.1)
    pytest.fail(f"waited in vain for {what}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hub")
    port, api = free_port(socket.SOCK_DGRAM) % 20_000 + 30_000, free_port(socket.SOCK_STREAM)
    address = f"http://127.0.0.1:{api}"
    models = ["--model", "yeelink.light.color5", "--model", "cuco.plug.cp1", "--model", "cuco.plug.cp1"]
    simulated = subprocess.Popen(
        [
            *(sys.executable, "-m", "setaria.simulated", "--first-address", "127.0.20.1", "--port", str(port)),
            *("--list", "--with-parent", *models),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert simulated.stdout is not None
    ready = json.loads(simulated.stdout.readline())
    options = ["--data", str(folder), "--port", str(api), "--broadcast", f"127.255.255.255:{port}", "--no-mdns"]
    options += ["--no-lan"]
    hub = subprocess.Popen([*PROGRAM, "hub", *options], stdout=subprocess.PIPE, text=True, env=environment(""))
    try:
        assert hub.stdout is not None
        assert address in hub.stdout.readline()
        yield Place(address, folder, ready["things"])
        hub.send_signal(signal.SIGINT)
        assert hub.wait(10) == 0
    finally:
        hub.kill()
        hub.wait()
        simulated.kill()
        simulated.communicate()
        hub.stdout and hub.stdout.close()


@pytest.fixture(scope="module")
def furnished(place: Place) -> Place:
    """With a lamp and a plug added: as an owner would, by the commands themselves."""
    tokens = "".join(f"{each['did']},{each['token']}\n" for each in place.things)
    assert "3 tokens" in place("token", "--import", "-", typed=f"did,token\n{tokens}").out
    until(lambda: all(each["model"] for each in found(place)) and len(found(place)) == 3, "three things")
    assert place("rooms", "add", "study", "Study").code == 0
    lamp, plug, _ = (each["did"] for each in place.things)
    added = place("add", lamp, "--id", "lamp", "--name", "Desk lamp", "--room", "study", "--json")
    assert added.json["facts"][0]["data"]["thing"] == "lamp"
    assert place("add", plug, "--id", "plug", "--name", "Plug").out == "Added: Plug (plug)\n"
    until(
        lambda: all(each["reachable"] and any(each["values"].values()) is not None for each in things(place)), "values"
    )
    until(lambda: bool(things(place)[0]["values"]["light.on"] is not None), "the lamp's state")
    return place


def found(place: Place) -> Any:
    return place("found", "--search", "--json").json["found"]


def things(place: Place) -> Any:
    return place("things", "--json").json["things"]


def test_things_as_a_table(furnished: Place) -> None:
    lines = furnished("things").out.splitlines()
    assert lines[0].split() == ["Name", "State", "Room", "Id", "Model"]
    lamp = next(line for line in lines if "Desk lamp" in line)
    assert "Study" in lamp
    assert "yeelink.light.color5" in lamp
    assert [each["id"] for each in furnished("things", "--room", "Study", "--json").json["things"]] == ["lamp"]


def test_set_and_show(furnished: Place) -> None:
    assert furnished("set", "Desk lamp", "on=on", "brightness=41").out == "Desk lamp: done.\n"
    until(lambda: bool(things(furnished)[0]["values"]["light.brightness"] == 41), "the brightness")
    assert "on · 41%" in furnished("things").out
    shown = furnished("show", "lamp").out
    assert "41%" in shown
    assert "light.toggle" in shown


def test_what_is_refused_is_told_and_ends_with_one(furnished: Place) -> None:
    for arguments in (("set", "lamp", "brightness=900"), ("set", "nothing", "on=on"), ("scene", "set", "no")):
        answer = furnished(*arguments)
        assert answer.code == 1, arguments
        assert len(answer.error.splitlines()) >= 1
        assert "refused." not in answer.error
        assert answer.out == ""


def test_an_action(furnished: Place) -> None:
    furnished("set", "lamp", "on=off")
    assert furnished("act", "lamp", "toggle").code == 0
    until(lambda: things(furnished)[0]["values"]["light.on"] is True, "the lamp toggled on")


def test_a_linkage_from_its_file_to_its_trace(furnished: Place, tmp_path: Path) -> None:
    file = tmp_path / "lamp.yaml"
    file.write_text(LINKAGE)
    checked = furnished("linkage", "check", str(file))
    assert checked.code == 0
    assert "Plug" in checked.out
    added = furnished("linkage", "add", str(file), "--json")
    assert (added.code, added.error) == (0, "")
    assert added.json == {"saved": ["lamp_follows"]}
    furnished("set", "lamp", "on=off")
    furnished("set", "plug", "on=off")
    furnished("set", "plug", "on=on")
    until(lambda: bool(furnished("linkage", "trace", "lamp_follows", "--json").json["traces"]), "a run")
    assert "Desk lamp on" in furnished("linkage", "trace", "lamp_follows").out
    assert furnished("linkage", "off", "lamp_follows").code == 0
    assert "off" in furnished("linkage", "list").out
    assert "undo" in furnished("linkage", "remove", "lamp_follows").out
    assert furnished("linkage", "undo", "lamp_follows").code == 0
    assert furnished("linkage", "dry-run", "lamp_follows", "--json").json["linkage"] == "lamp_follows"


def test_a_wrong_linkage_is_told_with_its_line(furnished: Place, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(LINKAGE.replace("plug/switch.on", "plugg/switch.on"))
    checked = furnished("linkage", "check", str(file))
    assert checked.code == 1
    assert f"{file}:" in checked.out
    added = furnished("linkage", "add", str(file))
    assert added.code == 1
    assert "plugg" in added.error


def test_scenes_members_and_rooms(furnished: Place) -> None:
    assert furnished("scene", "save", "read", "lamp/on=on", "lamp/brightness=80", "--name", "Read").code == 0
    assert furnished("scene", "set", "Read").out == "The scene “Read” is set.\n"
    until(lambda: bool(things(furnished)[0]["values"]["light.brightness"] == 80), "the scene")
    assert furnished("members", "guest", "lily", "Lily", "--until", "3d").code == 0
    assert furnished("members", "home", "Lily").out == "Lily came home\n"
    assert "guest" in furnished("members", "list").out
    assert "192.0.2.7" in furnished("members", "phone", "lily", "192.0.2.7").out
    assert furnished("members", "phone", "lily", "192.0.2.7", "--remove").code == 0
    assert furnished("members", "remove", "lily").code == 0
    assert [each["id"] for each in furnished("rooms", "list", "--json").json["rooms"]] == ["study"]


def test_watch_tells_each_change_in_a_line(furnished: Place) -> None:
    watching = subprocess.Popen(
        [*PROGRAM, "watch", "--things", "lamp", "--count", "1", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(furnished.address, furnished.folder),
    )
    try:
        for level in range(30, 60):
            furnished("set", "lamp", f"brightness={level}")
            if watching.poll() is not None:
                break
        out, _ = watching.communicate(timeout=20)
    finally:
        watching.kill()
    told = json.loads(out)
    assert told["event"] == "state"
    assert told["data"]["address"] == "lamp/light.brightness"


def test_a_thing_is_replaced(furnished: Place) -> None:
    other = furnished.things[2]["did"]
    assert furnished("replace", "plug", other).code == 0
    assert furnished("show", "plug", "--json").json["address"] == other


def test_facts_from_the_hub_and_from_the_folder_are_the_same(furnished: Place, tmp_path: Path) -> None:
    out, again = tmp_path / "hub.jsonl", tmp_path / "folder.jsonl"
    kind = ("--kind", "home.thing_added")
    assert furnished("facts", "export", str(out), *kind).code == 0
    assert furnished("facts", "export", str(again), *kind, "--data", str(furnished.folder)).code == 0
    assert out.read_text() == again.read_text()
    assert [json.loads(line)["data"]["thing"] for line in out.read_text().splitlines()] == ["lamp", "plug"]
    assert out.stat().st_mode & 0o077 == 0
    assert furnished("facts", "export", str(out)).code == 1  # nothing is written over
    fact = json.loads(out.read_text().splitlines()[0])
    assert furnished("facts", "show", fact["id"][:13]).json == fact
    assert len(furnished("facts", "tail", "-n", "3", "--json").out.splitlines()) == 3
    assert furnished("facts", "verify", "--data", str(furnished.folder), "--json").json["faults"] == []


def test_a_backup_restores(furnished: Place, tmp_path: Path) -> None:
    secret, file, into = tmp_path / "passphrase", tmp_path / "home.setaria", tmp_path / "restored"
    secret.write_text("millet and foxtail\n")
    options = ("--passphrase-file", str(secret))
    assert furnished("backup", str(file), "--data", str(furnished.folder), *options).code == 0
    assert furnished("backup", str(file), "--data", str(furnished.folder), *options).code == 1
    assert furnished("restore", str(file), "--data", str(into), *options).code == 0
    assert '"plug"' in furnished("facts", "tail", "-n", "500", "--data", str(into), "--json").out
    assert furnished("restore", str(file), "--data", str(into), *options).code == 1
    assert "passphrase" in furnished("backup", str(tmp_path / "other"), "--data", str(into)).error


def test_the_doctor(furnished: Place) -> None:
    checks = furnished("doctor", "--data", str(furnished.folder), "--json").json["checks"]
    health = {each["name"]: each["health"] for each in checks}
    assert health["folder"] == health["log"] == health["key"] == health["hub"] == "ok"
    furnished.folder.chmod(0o755)
    try:
        checks = furnished("doctor", "--data", str(furnished.folder), "--json").json["checks"]
    finally:
        furnished.folder.chmod(0o700)
    assert next(each for each in checks if each["name"] == "folder")["health"] == "warn"


def test_a_second_hub_on_the_same_folder_is_refused(place: Place) -> None:
    port = str(free_port(socket.SOCK_STREAM))
    answer = setaria("hub", "--data", str(place.folder), "--port", port, "--no-mdns", hub="")
    assert answer.code == 1
    assert "refused." not in answer.error
    taken = setaria("hub", "--data", str(place.folder), "--port", place.address.rpartition(":")[2], hub="")
    assert taken.code == 1


def test_without_a_hub_it_says_how_to_start_one(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    for command in (("things",), ("set", "lamp", "on=on"), ("scene", "list"), ("watch",), ("linkage", "run", "x")):
        answer = setaria(*command, hub=address)
        assert answer.code == 3, command
        assert "setaria hub" in answer.error
        assert answer.out == ""


@pytest.mark.parametrize(
    "arguments", [("nosuch",), ("set",), ("things", "--nosuch"), ("facts", "tail", "-n", "x"), ("hub", "--port", "x")]
)
def test_wrong_usage_ends_with_two(arguments: tuple[str, ...]) -> None:
    answer = setaria(*arguments, hub="")
    assert answer.code == 2
    assert "--help" in answer.error


def test_the_shell_is_told_how_to_go_on() -> None:
    asked = {"_SETARIA_COMPLETE": "complete_bash", "COMP_WORDS": "setaria link", "COMP_CWORD": "1"}
    done = subprocess.run(PROGRAM, capture_output=True, text=True, env=environment("") | asked, timeout=60, check=False)
    assert done.stdout.split() == ["linkage"]


def test_the_hub_starts_without_the_heavy_modules(tmp_path: Path) -> None:
    """What makes a small board wait: typer, rich, yaml, zeroconf and astral."""
    program = """
import sys, os, signal, threading
from setaria.cli import main
write = sys.stdout.write
def ready(text):
    heavy = {"typer", "rich", "yaml", "zeroconf", "astral"} & sys.modules.keys()
    os.kill(os.getpid(), signal.SIGTERM)
    return write(",".join(sorted(heavy)) + ";")
sys.stdout.write = ready
sys.argv = ["setaria", "hub", "--data", DATA, "--port", PORT, "--no-mdns", "--no-lan"]
sys.exit(main())
""".replace("DATA", repr(str(tmp_path / "h"))).replace("PORT", repr(str(free_port(socket.SOCK_STREAM))))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, env=environment(""), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, ";", "")


def test_a_terminal_that_the_hub_does_not_know_is_told_how_to_be(furnished: Place, tmp_path: Path) -> None:
    stranger = setaria("things", hub=furnished.address, data=tmp_path)
    assert stranger.code == 1
    assert "SETARIA_DATA" in stranger.error
    assert stranger.out == ""


def test_what_one_hub_left_is_not_shown_to_another(furnished: Place, tmp_path: Path) -> None:
    left = (furnished.folder / "terminal").read_text()
    assert (furnished.folder / "terminal").stat().st_mode & 0o777 == 0o600
    (tmp_path / "terminal").write_text(left.replace(furnished.address, "http://127.0.0.1:1"))
    assert setaria("things", hub=furnished.address, data=tmp_path).code == 1
    (tmp_path / "terminal").write_text(left)
    assert setaria("things", hub=furnished.address.replace("127.0.0.1", "localhost"), data=tmp_path).code == 0


def test_a_token_of_ones_own_is_taken_from_the_environment(furnished: Place) -> None:
    token = (furnished.folder / "terminal").read_text().splitlines()[0]
    for given, code in ((token, 0), ("setaria_nonsense", 1)):
        done = subprocess.run(
            [*PROGRAM, "things"],
            capture_output=True,
            text=True,
            env=environment(furnished.address) | {"SETARIA_TOKEN": given},
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr


def test_an_owner_who_forgot_gets_a_code(furnished: Place, tmp_path: Path) -> None:
    code = furnished("owner", "code", "--json").json["code"]
    body = json.dumps({"code": code, "name": "Owner", "password": "correct horse"}).encode()
    asked = urllib.request.Request(f"{furnished.address}/api/session/setup", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert json.load(answer)["member"]["id"] == "owner"
    assert "no log" in setaria("owner", "code", "--data", str(tmp_path), hub="").error
