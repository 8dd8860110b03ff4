"""`hub` and `up`, as their help shows them; `hub` itself is usually answered before this file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setaria.cli.terminal import terminal_of

app = typer.Typer()

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR")]
Port = Annotated[int, typer.Option("--port")]


@app.command("hub")
def hub(
    context: typer.Context,
    data: Data = None,
    port: Port = 8080,
    broadcast: Annotated[list[str] | None, typer.Option("--broadcast", metavar="ADDR:PORT")] = None,
    mdns: Annotated[bool, typer.Option("--mdns/--no-mdns")] = True,
) -> None:
    from setaria.cli.hub import HubOptions, start_hub

    options = HubOptions(data, port, tuple(broadcast or ()), mdns)
    raise typer.Exit(start_hub(options, terminal_of(context).language))


@app.command("up")
def up(
    context: typer.Context,
    things: Annotated[int, typer.Option("--things", metavar="N")] = 28,
    speed: Annotated[float, typer.Option("--speed", metavar="X")] = 1.0,
    port: Port = 8080,
    data: Data = None,
    plain: Annotated[bool, typer.Option("--plain")] = False,
) -> None:
    from setaria.cli.up.run import UpOptions, run_up

    raise typer.Exit(run_up(UpOptions(things, speed, port, data, plain), terminal_of(context).language))
