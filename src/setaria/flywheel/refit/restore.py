"""A report that somebody hands over, read as strictly as our own: nothing unknown, missing or too much."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from msgspec import inspect

from setaria.facts.refused import Refused
from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.report.report import VERSION, Report, Sentence

LARGEST: Final = 512 * 1024  # bytes: 64 touchpoints and ten years of weeks need less
MOST_NAMES: Final = 200  # of touchpoints: tables grow with their square


def restored(document: bytes) -> Report:
    """JSON holds no NaN: a null where a number belongs is one.

    Raises Refused: flywheel_report_large, flywheel_report_unfit, flywheel_report_version, flywheel_report_names.
    """
    if len(document) > LARGEST:
        raise Refused("flywheel_report_large", most=LARGEST)
    try:
        found = msgspec.json.decode(document)
        version = found.get("version") if isinstance(found, dict) else None
        if isinstance(version, int) and version != VERSION:
            raise Refused("flywheel_report_version", version=version, known=VERSION)
        report = _report(found)
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `")
        raise Refused("flywheel_report_unfit", where=where.rstrip("`")[:120] or "$", why=why[:160]) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError, ValueError):
        raise Refused("flywheel_report_unfit", where="$", why="not_json") from None
    if len(names := _names(report)) > MOST_NAMES:
        raise Refused("flywheel_report_names", count=len(names), most=MOST_NAMES)
    return report


class Rows(RowsRead):
    """As readers of files make them: `understood` is what they took for granted about the input."""

    understood: list[Sentence] = []


def _report(found: Any) -> Report:
    rows = found.get("rows") if isinstance(found, dict) else None
    if not isinstance(rows, dict) or "understood" not in rows:
        return msgspec.convert(_whole(found, inspect.type_info(Report)), Report, str_keys=True)
    plain = {name: each for name, each in rows.items() if name != "understood"}
    whole = _whole({**found, "rows": plain}, inspect.type_info(Report))
    report = msgspec.convert(whole, Report, str_keys=True)
    report.rows = msgspec.convert(_whole(rows, inspect.type_info(Rows)), Rows, str_keys=True)
    return report


def _whole(value: Any, kind: inspect.Type) -> Any:
    match kind:
        case inspect.FloatType() if value is None:
            return math.nan
        case inspect.StructType() if isinstance(value, dict):
            fields = {field.encode_name: field.type for field in kind.fields}
            if unknown := value.keys() - fields.keys():
                raise msgspec.ValidationError(f"Object contains unknown field `{str(min(unknown))[:60]}`")
            return {name: _whole(each, fields[name]) for name, each in value.items()}
        case inspect.ListType() if isinstance(value, list):
            return [_whole(each, kind.item_type) for each in value]
        case inspect.TupleType() if isinstance(value, list) and len(value) == len(kind.item_types):
            return [_whole(each, of) for each, of in zip(value, kind.item_types, strict=True)]
        case inspect.DictType() if isinstance(value, dict):
            return {name: _whole(each, kind.value_type) for name, each in value.items()}
        case inspect.UnionType() if value is not None:
            some = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
            return _whole(value, some[0]) if len(some) == 1 else value
    return value


def _names(report: Report) -> set[str]:
    names = {each.touchpoint for values in report.values.values() for each in values}
    names |= {name for each in report.leads for name in (each.source, each.target)}
    names |= {name for _, amounts in report.weeks for name in amounts}
    names |= {name for each in report.compared for name in each.credits}
    for each in report.explained:
        for flows in (each.parents, each.roots):
            names |= flows.keys() | {name for amounts in flows.values() for name in amounts}
    return names
