"""`setaria trust`: how phones and computers come to trust the home's own certificate authority."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from setaria.cli.places import data_folder
from setaria.cli.terminal import terminal_of
from setaria.facts.refused import Refused
from setaria.web.lan import PORT

app = typer.Typer()

DEVICES: Final = ("iphone", "android", "windows", "macos", "linux", "firefox")


@app.command("trust")
def trust(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="[DEVICE]")] = "",
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR")] = None,
    lan_port: Annotated[int, typer.Option("--lan-port")] = PORT,
) -> None:
    from setaria.web.tls.keeper import CA, content, fingerprint
    from setaria.web.tls.names import find_machine

    if device and device not in DEVICES:
        raise Refused("device_unknown", device=device[:40], known=list(DEVICES))
    terminal = terminal_of(context)
    path = data_folder(data) / "tls" / CA
    mark = fingerprint(content(path))
    if not mark:
        raise Refused("authority_missing", path=str(path))
    address = f"https://{next(iter(find_machine().addresses), '127.0.0.1')}:{lan_port}/{CA}"
    shown = grouped(mark)

    def show() -> None:
        terminal.print(terminal.say("cli.trust.get", address=address, path=str(path)))
        terminal.print(terminal.say("cli.trust.compare"))
        for line in shown:
            terminal.print(f"    {line}")
        for each in (device,) if device else DEVICES:
            terminal.print()
            terminal.print(terminal.say(f"cli.trust.{each}.name"))
            terminal.print(terminal.say(f"cli.trust.{each}", path=str(path)))
        terminal.print()
        terminal.print(terminal.say("cli.trust.bounds"))

    terminal.answer({"address": address, "path": str(path), "sha256": mark}, show)


def grouped(mark: str) -> tuple[str, str]:
    """As devices show it: pairs of capital digits, here on two lines."""
    pairs = [mark[at : at + 2].upper() for at in range(0, len(mark), 2)]
    return ":".join(pairs[:16]), ":".join(pairs[16:])
