"""What the flywheel's commands can be told; each option's words are `cli.option.NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(metavar="FILE")]
Household = Annotated[str, typer.Option("--household", metavar="COL")]
Time = Annotated[str, typer.Option("--time", metavar="COL")]
Type = Annotated[str, typer.Option("--type", metavar="COL")]
Amount = Annotated[str, typer.Option("--amount", "--value", metavar="COL")]
Currency = Annotated[str, typer.Option("--currency", metavar="CODE")]
CurrencyColumn = Annotated[str, typer.Option("--currency-column", metavar="COL")]
Order = Annotated[str, typer.Option("--order", metavar="COL")]
Role = Annotated[str, typer.Option("--role", metavar="COL")]
Row = Annotated[str, typer.Option("--id", metavar="COL")]
Start = Annotated[str, typer.Option("--start", metavar="DATE")]
End = Annotated[str, typer.Option("--end", metavar="DATE")]
Windows = Annotated[Path | None, typer.Option("--households", metavar="CSV")]
Costs = Annotated[Path | None, typer.Option("--costs", metavar="CSV")]
Sends = Annotated[list[str] | None, typer.Option("--sends", metavar="NAME")]
GrainOf = Annotated[str, typer.Option("--grain", metavar="exact|day")]
Zone = Annotated[str, typer.Option("--zone", metavar="ZONE")]
Minor = Annotated[bool, typer.Option("--minor")]
Assigned = Annotated[Path | None, typer.Option("--assignments", metavar="CSV")]
Control = Annotated[str, typer.Option("--control", metavar="ARM")]
HorizonDays = Annotated[float, typer.Option("--horizon-days", metavar="N")]
Outcome = Annotated[str, typer.Option("--outcome", metavar="TOUCHPOINT")]
OutcomeUnit = Annotated[str, typer.Option("--outcome-unit", metavar="amount|facts")]
AbsentIsZero = Annotated[bool, typer.Option("--absent-is-zero")]
LotsTo = Annotated[Path | None, typer.Option("--lots", metavar="CSV")]
Simulated = Annotated[bool, typer.Option("--simulated")]
Fast = Annotated[bool, typer.Option("--fast")]
Html = Annotated[Path | None, typer.Option("--html", metavar="PATH")]
CsvFolder = Annotated[Path | None, typer.Option("--csv-folder", metavar="DIR")]
ScoresTo = Annotated[Path | None, typer.Option("--scores", metavar="CSV")]
Overwrite = Annotated[bool, typer.Option("--overwrite")]
