"""The process that fits: `python -m setaria.flywheel.refit LOG --keep FOLDER`.

Tells how far it is as lines of JSON, `{"key": …, "done": 0.4}`, and last `{"kept": ID}`, `{"due": MICROSECONDS}` (with
--every, when it is too early) or `{"refused": {"code": …, "details": {…}}}`, with status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from setaria.facts.clock import SystemClock
from setaria.facts.refused import Refused

LOWEST: Final = 19  # of priority: the home comes first
THREADS: Final = "1"
NEEDED: Final = ("numpy", "scipy", "numba", "pyarrow")


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        tell(_done(asked))
    except Refused as refused:
        tell({"refused": {"code": refused.code, "details": refused.details}})
        return 1
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in NEEDED:
            raise
        tell({"refused": {"code": "flywheel_extra_missing", "details": {"missing": [missing]}}})
        return 1
    except MemoryError:
        tell({"refused": {"code": "flywheel_memory", "details": {}}})
        return 1
    except OSError as error:
        details = {"path": str(error.filename or ""), "why": error.strerror or "?"}
        tell({"refused": {"code": "file_unwritable", "details": details}})
        return 1
    return 0


def tell(document: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()


def _done(asked: argparse.Namespace) -> dict[str, Any]:
    from setaria.flywheel.refit.keeping import FITTED, keep, kept
    from setaria.flywheel.refit.log import fit_log, next_fit
    from setaria.flywheel.refit.restore import restored

    now = SystemClock().now()
    if asked.given is not None:
        return {"kept": keep(restored(asked.given.read_bytes()), asked.keep, now).id}
    if asked.every:
        last = max((each.at for each in kept(asked.keep) if each.how == FITTED), default=None)
        if last is not None and now < (due := next_fit(last, asked.every)):
            return {"due": due}
    report, behind = fit_log(asked.log, lambda key, done: tell({"key": key, "done": round(done, 3)}))
    if asked.out is not None:
        part = asked.out.with_name(f".{asked.out.name}.part")
        part.write_bytes(msgspec.json.encode(report))
        part.replace(asked.out)
    return {"kept": keep(report, asked.keep, now, behind).id if asked.keep is not None else ""}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m setaria.flywheel.refit")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("log", nargs="?", type=Path, metavar="LOG", help="log.db of a hub or an operator")
    what.add_argument("--given", type=Path, metavar="REPORT", help="a report made elsewhere, to be kept")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the last reports are kept")
    parser.add_argument("--out", type=Path, metavar="REPORT", help="the report as JSON")
    parser.add_argument("--every", choices=("daily", "weekly"), default="", help="only when the last fit is that old")
    return parser


if __name__ == "__main__":
    if hasattr(os, "nice") and _parser().parse_args().given is None:  # for a report handed over somebody waits
        os.nice(LOWEST)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, THREADS)
    sys.exit(main())
