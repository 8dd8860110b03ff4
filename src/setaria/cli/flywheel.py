"""The flywheel: what led to what in a file of events. The library is read late: help must not wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from setaria.cli.flywheel_lots import Lots
from setaria.cli.flywheel_options import (
    AbsentIsZero,
    Amount,
    Assigned,
    Control,
    Costs,
    CsvFolder,
    Currency,
    CurrencyColumn,
    End,
    Fast,
    File,
    GrainOf,
    HorizonDays,
    Household,
    Html,
    LotsTo,
    Minor,
    Order,
    Outcome,
    OutcomeUnit,
    Overwrite,
    Role,
    Row,
    ScoresTo,
    Sends,
    Simulated,
    Start,
    Time,
    Type,
    Windows,
    Zone,
)
from setaria.cli.flywheel_pages import Pages, Tell, staged, writing
from setaria.cli.flywheel_written import write_events, write_lots
from setaria.cli.progress import progress
from setaria.cli.terminal import Terminal, terminal_of, usage
from setaria.facts.clock import DAY, SystemClock
from setaria.facts.refused import Refused
from setaria.money import Money, format_money, parse_money

if TYPE_CHECKING:
    from setaria.flywheel.histories.histories import Histories
    from setaria.flywheel.report.report import Report

app = typer.Typer()

EXTRA: Final = ("numpy", "scipy", "numba", "pyarrow")
HEAD_BYTES: Final = 1 << 16


@app.command("fit")
def fit(
    context: typer.Context,
    file: File,
    household: Household = "",
    time: Time = "",
    kind: Type = "",
    amount: Amount = "",
    currency: Currency = "CNY",
    currency_column: CurrencyColumn = "",
    order: Order = "",
    role: Role = "",
    row: Row = "",
    start: Start = "",
    end: End = "",
    households: Windows = None,
    costs: Costs = None,
    sends: Sends = None,
    assignments: Assigned = None,
    control: Control = "",
    horizon_days: HorizonDays = 0.0,
    outcome: Outcome = "",
    outcome_unit: OutcomeUnit = "",
    absent_is_zero: AbsentIsZero = False,
    grain: GrainOf = "",
    zone: Zone = "UTC",
    minor: Minor = False,
    simulated: Simulated = False,
    fast: Fast = False,
    html: Html = None,
    csv_folder: CsvFolder = None,
    scores: ScoresTo = None,
    overwrite: Overwrite = False,
) -> None:
    terminal = terminal_of(context)
    _need_extra()
    if scores and scores.exists() and not overwrite:
        raise Refused("flywheel_file_exists", path=str(scores))
    if grain not in ("", "exact", "day"):
        raise usage("--grain", grain)
    lots = Lots(assignments, control, horizon_days, outcome, outcome_unit, absent_is_zero)
    lots.check()
    columns = {"household": household, "time": time, "kind": kind}
    how: dict[str, Any] = {**columns, "amount": amount, "currency": currency_column, "basket": order}
    how |= {"role": role, "row": row, "money": currency.upper(), "minor": minor, "zone": zone, "grain": grain or None}
    how |= {"windows": households, "start": start or None, "end": end or None, "sends": tuple(sends or ())}
    how |= {"name": file.name, "simulated": simulated}
    pages = Pages(terminal, file, html, csv_folder, overwrite)
    with staged(terminal) as tell:
        histories = _read(file, columns, how, tell)
        report = _analysed(histories, costs, fast, tell, scores, lots.read(histories, zone))
    pages.show(report)


@app.command("sample")
def sample(
    context: typer.Context,
    fast: Fast = False,
    html: Html = None,
    csv_folder: CsvFolder = None,
    overwrite: Overwrite = False,
) -> None:
    terminal = terminal_of(context)
    _need_extra()
    pages = Pages(terminal, Path("sample"), html, csv_folder, overwrite)
    with staged(terminal) as tell:
        tell("cli.flywheel.reading", 0.0)
        from setaria.flywheel.datasets.sample import load_sample

        report = _analysed(load_sample(), None, fast, tell)
    pages.show(report)


@app.command("holdout")
def holdout(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]")] = None,
    household: Household = "",
    time: Time = "",
    kind: Type = "",
    amount: Amount = "",
    currency: Currency = "CNY",
    start: Start = "",
    end: End = "",
    households: Windows = None,
    zone: Zone = "UTC",
    effect: Annotated[str, typer.Option("--effect", metavar="AMOUNT")] = "",
    of: Annotated[int, typer.Option("--of", metavar="N")] = 0,
    deviation: Annotated[str, typer.Option("--deviation", metavar="AMOUNT")] = "",
    days: Annotated[float, typer.Option("--days", metavar="N")] = 90.0,
    share: Annotated[float, typer.Option("--share", metavar="0..1")] = 0.5,
    power: Annotated[float, typer.Option("--power", metavar="0..1")] = 0.8,
) -> None:
    terminal = terminal_of(context)
    _need_extra()
    if bool(effect) == bool(of):
        raise Refused("flywheel_holdout_asked")
    if not 0 < share < 1:
        raise usage("--share", share)
    code = currency.upper()
    columns = {"household": household, "time": time, "kind": kind}
    if file is not None:
        how = {**columns, "amount": amount, "money": code, "zone": zone, "windows": households}
        how |= {"start": start or None, "end": end or None}
        variance, correlation, mean = _spread(terminal, file, columns, how, days)
    elif deviation:
        variance, correlation, mean = float(_minor_units(terminal, deviation, code) ** 2), 0.0, None
    else:
        raise Refused("flywheel_holdout_spread")
    from setaria.flywheel.answers.holdout import detectable, needed

    if effect:
        found = needed(float(_minor_units(terminal, effect, code)), variance, 1 - share, correlation, wanted=power)
    else:
        found = detectable(of, variance, 1 - share, correlation, wanted=power)
    told = {"effect": _money(terminal, found.effect, code), "households": f"{found.households:,}"}
    told |= {"held": f"{found.held:,}", "days": f"{days:g}", "power": f"{power:.0%}"}
    document = {**msgspec.to_builtins(found), "currency": code, "days": days, "deviation": variance**0.5}

    def shown() -> None:
        terminal.print(terminal.say("cli.flywheel.holdout" if effect else "cli.flywheel.holdout_of", **told))
        spread = _money(terminal, variance**0.5, code)
        if mean is not None:
            mean_told = _money(terminal, mean, code)
            terminal.print(terminal.say("cli.flywheel.holdout_seen", mean=mean_told, spread=spread, days=told["days"]))
        terminal.print(terminal.say("cli.flywheel.holdout_next"))

    terminal.answer(document, shown)


@app.command("simulate")
def simulate(
    context: typer.Context,
    preset: Annotated[str, typer.Argument(metavar="PRESET")],
    out: Annotated[Path, typer.Argument(metavar="OUT.csv")],
    households: Annotated[int, typer.Option("--households", metavar="N")] = 2_000,
    days: Annotated[int, typer.Option("--days", metavar="N")] = 730,
    seed: Annotated[int, typer.Option("--seed", metavar="N")] = 1,
    lots: LotsTo = None,
    overwrite: Overwrite = False,
) -> None:
    terminal = terminal_of(context)
    _need_extra()
    from setaria.flywheel.simulate.world import presets, run

    if preset not in presets.PRESETS:
        raise Refused("flywheel_preset_unknown", name=preset[:40], known=sorted(presets.PRESETS))
    if not 0 < households <= run.MOST_HOUSEHOLDS:
        raise usage("--households", households)
    if not 0 < days <= run.MOST_DAYS:
        raise usage("--days", days)
    for path in (out, *([lots] if lots else [])):
        if path.exists() and not overwrite:
            raise Refused("flywheel_file_exists", path=str(path))
    with progress(terminal.say("cli.flywheel.simulating")) as told:
        lived = run.simulate(presets.preset(preset, households, days), seed, told)
        made = lived.histories()
        with writing(out) as lines:
            count = write_events(made, lines)
        if lots is not None:
            with writing(lots) as lines:
                write_lots(lived, lines)
    sent = [each.name for each in made.touchpoints if not each.receives]
    first, last = (_day(float(day)) for day in (made.start.min(), made.end.max() - 1e-9))
    next_ = f"setaria flywheel fit {_quoted(str(out))} --household household --time time --type event --amount amount"
    next_ += f" --start {first} --end {last}" + "".join(f" --sends {_quoted(name)}" for name in sent) + " --simulated"
    next_ += "" if lots is None else f" --assignments {_quoted(str(lots))} --absent-is-zero"
    document = {"file": str(out), "facts": count, "households": len(made), "sends": sent, "next": next_}
    sentence = terminal.say("cli.flywheel.simulated", facts=f"{count:,}", file=str(out))
    # Not through the words, which cut what is long: the command is there to be copied.
    terminal.answer(document, lambda: terminal.print(f"{sentence}\n{next_}"))


def _need_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise Refused("flywheel_extra_missing", missing=missing)


def _read(file: Path, columns: dict[str, str], how: dict[str, Any], tell: Tell) -> Histories:
    parquet = file.suffix in (".parquet", ".pq") or file.is_dir()
    if not all(columns.values()) and file.exists():
        missing = [f"--{'type' if name == 'kind' else name}" for name, given in columns.items() if not given]
        raise Refused("flywheel_columns_wanted", file=file.name, missing=missing, columns=_head(file, parquet))
    tell("cli.flywheel.reading", 0.0)
    from setaria.flywheel.histories import readers

    return readers.from_parquet(file, **how) if parquet else readers.from_csv(file, **how)


def _head(file: Path, parquet: bool) -> list[str]:
    """The names of its columns, to choose among; none where they cannot be read."""
    import csv
    import gzip

    try:
        if parquet:
            import pyarrow.parquet

            return [str(name) for name in pyarrow.parquet.read_schema(file).names]
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as opened:
            line = opened.read(HEAD_BYTES).decode("utf-8-sig", "replace").partition("\n")[0].strip()
    except (OSError, EOFError, ValueError):
        return []
    separator = max(",;\t|", key=line.count)
    return next(csv.reader([line], delimiter=separator), [])


def _analysed(
    histories: Histories,
    costs: Path | None,
    fast: bool,
    tell: Tell,
    scores: Path | None = None,
    lots: dict[str, Any] | None = None,
) -> Report:
    """With `fast` only the naive and the shared specification."""
    from setaria.flywheel.analyse import analyse
    from setaria.flywheel.parameters import Specification

    each = None
    if costs is not None:
        from setaria.flywheel.answers.costs import read_costs

        if not histories.currencies:
            raise Refused("flywheel_costs_without_amounts")
        totals = [histories.total(place) for place in range(len(histories.currencies))]
        try:
            each = read_costs(costs, histories, totals.index(max(totals)))
        except OSError as error:
            raise Refused("file_unreadable", path=str(costs), why=error.strerror or "?") from error
    specification = Specification(own=False, churn=False, calendar=False) if fast else None
    now = SystemClock().now() / DAY
    how: dict[str, Any] = {"specification": specification, "progress": tell, "scores_to": scores, "now": now}
    return analyse(histories, costs=each, **how, **(lots or {}))


def _spread(
    terminal: Terminal, file: Path, columns: dict[str, str], how: dict[str, Any], days: float
) -> tuple[float, float, float]:
    """Variance, correlation with the time before, and mean of a household's amounts over so many days."""
    from setaria.flywheel.answers.experiments import Asked
    from setaria.flywheel.answers.holdout import seen

    with staged(terminal) as tell:
        found = seen(_read(file, columns, how, tell), Asked(horizon=days))
    return found.variance, found.correlation, found.mean


def _minor_units(terminal: Terminal, text: str, currency: str) -> int:
    return parse_money(text, terminal.language, currency).amount


def _money(terminal: Terminal, minor: float, currency: str) -> str:
    return format_money(Money(round(minor), currency), terminal.language)


def _day(days: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(days) * 86_400, UTC).date().isoformat()


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
