"""`hub` and `up`, as their help shows them; `hub` itself is usually answered before this file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setaria.cli.terminal import terminal_of

app = typer.Typer()

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR")]
Port = Annotated[int, typer.Option("--port")]
OnLan = Annotated[bool, typer.Option("--lan/--no-lan")]
LanHost = Annotated[str, typer.Option("--lan-host", metavar="ADDR")]
LanPort = Annotated[int | None, typer.Option("--lan-port", show_default="8443")]
Names = Annotated[list[str] | None, typer.Option("--name", metavar="NAME")]
OwnCertificate = Annotated[Path | None, typer.Option("--tls-cert", metavar="FILE")]
OwnKey = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE")]


@app.command("hub")
def hub(
    context: typer.Context,
    data: Data = None,
    port: Port = 8080,
    broadcast: Annotated[list[str] | None, typer.Option("--broadcast", metavar="ADDR:PORT")] = None,
    mdns: Annotated[bool, typer.Option("--mdns/--no-mdns")] = True,
    lan: OnLan = True,
    lan_host: LanHost = "",
    lan_port: LanPort = None,
    name: Names = None,
    tls_cert: OwnCertificate = None,
    tls_key: OwnKey = None,
    mqtt: Annotated[bool, typer.Option("--mqtt/--no-mqtt")] = False,
    mqtt_listen: Annotated[str, typer.Option("--mqtt-listen", metavar="ADDR:PORT")] = "",
    mqtt_broker: Annotated[str, typer.Option("--mqtt-broker", metavar="URL")] = "",
    mqtt_ca: Annotated[str, typer.Option("--mqtt-ca", metavar="FILE")] = "",
) -> None:
    from setaria.cli.hub import HubOptions, start_hub
    from setaria.cli.lan import LanOptions
    from setaria.cli.mqtt_options import MqttOptions

    reach = LanOptions(lan, lan_host, lan_port, tuple(name or ()), tls_cert, tls_key)
    options = HubOptions(
        data, port, tuple(broadcast or ()), mdns, lan=reach, mqtt=MqttOptions(mqtt, mqtt_listen, mqtt_broker, mqtt_ca)
    )
    raise typer.Exit(start_hub(options, terminal_of(context).language))


@app.command("up")
def up(
    context: typer.Context,
    things: Annotated[int, typer.Option("--things", metavar="N")] = 28,
    speed: Annotated[float, typer.Option("--speed", metavar="X")] = 1.0,
    port: Port = 8080,
    data: Data = None,
    plain: Annotated[bool, typer.Option("--plain")] = False,
    lan: OnLan = True,
    lan_host: LanHost = "",
    lan_port: LanPort = None,
    name: Names = None,
    tls_cert: OwnCertificate = None,
    tls_key: OwnKey = None,
    mqtt: Annotated[bool, typer.Option("--mqtt/--no-mqtt")] = False,
) -> None:
    from setaria.cli.lan import LanOptions
    from setaria.cli.up.run import UpOptions, run_up

    reach = LanOptions(lan, lan_host, lan_port, tuple(name or ()), tls_cert, tls_key)
    options = UpOptions(things, speed, port, data, plain, reach, mqtt)
    raise typer.Exit(run_up(options, terminal_of(context).language))
