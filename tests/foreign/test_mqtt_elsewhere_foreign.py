"""A broker that is not the hub's own, Debian's mosquitto: over TLS with an authority of its own, and with a hub that is
killed outright."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from setaria.app import Hub, Settings
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.radio.mqtt.access import BROKER_PASSWORD
from setaria.radio.mqtt.options import Broker, MqttSettings

pytestmark = pytest.mark.foreign
HOST = "127.0.18.7"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
PATIENCE = 20.0
PASSWORD = "not-a-secret"
START = "import sys; from setaria.cli import main; sys.exit(main())"  # as the installed command does

Process = asyncio.subprocess.Process


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


class Elsewhere:
    """mosquitto, and what goes with it; all that was begun ends with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.processes: list[Process] = []

    async def start(self, *lines: str) -> None:
        assert MOSQUITTO is not None
        passwords, config = self.folder / "passwords", self.folder / "mosquitto.conf"
        passwords.touch()
        made = await self.run("mosquitto_passwd", "-b", str(passwords), "hub", PASSWORD)
        assert await made.wait() == 0
        told = [f"listener {self.port} {HOST}", "allow_anonymous false", f"password_file {passwords}", "user root"]
        config.write_text("\n".join((*told, *lines)) + "\n")
        await self.run(MOSQUITTO, "-c", str(config))
        await until(lambda: answers(self.port))

    async def run(self, *command: str) -> Process:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=nothing)
        self.processes.append(process)
        return process

    async def listen(self, topic: str) -> Callable[[], Any]:
        who = ["-h", HOST, "-p", str(self.port), "-u", "hub", "-P", PASSWORD]
        process = await self.run("mosquitto_sub", *who, "-t", topic, "-F", "%p")

        async def heard() -> str:
            assert process.stdout is not None
            return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip()

        return heard

    async def close(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    if MOSQUITTO is None or shutil.which("mosquitto_sub") is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("mosquitto and mosquitto-clients are missing: .ci/system test installs them")
    made = Elsewhere(tmp_path)
    yield made
    await made.close()


async def test_a_hub_that_is_killed_is_told_to_be_off_line(elsewhere: Elsewhere) -> None:
    """By the will that it left with the broker: nobody else can say so then."""
    await elsewhere.start()
    data = elsewhere.folder / "hub"
    (data).mkdir(mode=0o700)
    SecretStore(data / "secrets", KeyFile(data / "key")).put(BROKER_PASSWORD, PASSWORD.encode())
    heard = await elsewhere.listen("homeassistant/status")
    api = free_port()
    hub = await elsewhere.run(
        *(sys.executable, "-c", START, "hub", "--no-lan", "--no-mdns", "--data", str(data), "--port", str(api)),
        *("--broadcast", f"{HOST}:9", "--mqtt-broker", f"mqtt://hub@{HOST}:{elsewhere.port}"),
    )
    assert await heard() == "online"
    hub.kill()
    assert await heard() == "offline"


def authority(folder: Path) -> tuple[Path, Path, Path]:
    """An authority, and what it vouches for: its certificate, the broker's, the broker's key."""
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A household's own")])
    own, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *more: tuple[x509.ExtensionType, bool]) -> bytes:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        for extension, critical in more:
            builder = builder.add_extension(extension, critical)
        return builder.sign(own, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    known_as = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    named = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key())
    whole = made(name, own, (x509.BasicConstraints(True, 0), True), (usage, True), (named, False))
    broker = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    paths = folder / "ca.pem", folder / "broker.pem", folder / "broker.key"
    paths[0].write_bytes(whole)
    paths[1].write_bytes(made(broker, theirs, (known_as, False), (by, False)))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths[2].write_bytes(theirs.private_bytes(encoding, form, serialization.NoEncryption()))
    return paths


async def opened(folder: Path, broker: Broker) -> Hub:
    hub = Hub.open(Settings(folder, "en", miio=False, mdns=False, mqtt=MqttSettings(broker=broker)))
    await hub.start()
    return hub


async def test_tls_with_an_authority_of_ones_own(elsewhere: Elsewhere) -> None:
    ca, certificate, key = authority(elsewhere.folder)
    await elsewhere.start(f"certfile {certificate}", f"keyfile {key}")
    broker = Broker(HOST, elsewhere.port, tls=True, ca=str(ca), username="hub", password=PASSWORD)
    trusting = await opened(elsewhere.folder / "trusting", broker)
    await until(lambda: trusting.home.radios["mqtt"].health().running)
    doubting = await opened(elsewhere.folder / "doubting", msgspec.structs.replace(broker, ca=""))
    await until(lambda: doubting.home.radios["mqtt"].health().faults.get("broker_unreachable"))
    assert not doubting.home.radios["mqtt"].health().running
    await trusting.close()
    await doubting.close()
