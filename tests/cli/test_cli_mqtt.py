"""The hub's options for MQTT, and who may come to its broker, from the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from setaria.cli.hub import parse
from setaria.cli.mqtt_options import MqttOptions, mqtt_of
from setaria.cli.tree import run as main
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.radio.mqtt.access import Access
from setaria.radio.mqtt.options import Broker, MqttSettings


def settings_of(*arguments: str) -> MqttSettings | None:
    return mqtt_of(parse(arguments).mqtt)


def test_a_bare_hub_has_no_mqtt() -> None:
    assert settings_of() is None
    assert settings_of("--mqtt") == MqttSettings(("127.0.0.1", 1883))
    assert settings_of("--mqtt-listen", "0.0.0.0:1884") == MqttSettings(("0.0.0.0", 1884))
    assert settings_of("--mqtt-broker", "mqtts://h%C3%A9@broker.lan") == MqttSettings(
        broker=Broker("broker.lan", 8883, tls=True, username="hé")
    )


@pytest.mark.parametrize(
    "options",
    [
        *(MqttOptions(listen=each) for each in ("nowhere", "1.2.3.4:0", "1.2.3.4:x", "1.2.3.4:70000")),
        *(MqttOptions(broker=each) for each in ("broker", "http://x", "mqtt://", "mqtt://u:p@x", "mqtt://x:99999")),
    ],
)
def test_what_cannot_be_meant(options: MqttOptions) -> None:
    with pytest.raises(Refused) as refused:
        mqtt_of(options)
    assert refused.value.code == "option_unusable"
    assert "u:p" not in str(refused.value)


def test_clients_come_and_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.db").touch()
    data = ("--data", str(tmp_path), "--lang", "en")
    assert main(["mqtt", "add", "zigbee", "--for", "zigbee2mqtt", "--json", *data]) == 0
    made = json.loads(capsys.readouterr().out)
    access = Access(SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key")))
    assert access.admit("zigbee", made["password"])
    assert main(["mqtt", "list", *data]) == 0
    assert "zigbee2mqtt" in capsys.readouterr().out
    assert main(["mqtt", "remove", "zigbee", *data]) == 0
    capsys.readouterr()
    assert main(["mqtt", "add", "a/b", *data]) != 0
    assert "cannot be a client" in capsys.readouterr().err
    assert access.names() == []
