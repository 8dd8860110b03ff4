"""python-miio 0.5.12, a client written by others, controls our simulated things over real sockets.

`.venv-foreign` is made from requirements.txt beside this file; another Python that has these may be named in
SETARIA_FOREIGN_PYTHON. Where the continuous integration runs (CI is set), their absence is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("SETARIA_FOREIGN_PYTHON", ROOT / ".venv-foreign" / "bin" / "python"))
SCRIPT = Path(__file__).with_name("python_miio_client.py")
FIRST_ADDRESS = f"127.0.{20 + os.getpid() % 200}.1"

EXPECTED: dict[str, dict[str, Any]] = {
    "dmaker.fan.p10": {"is_on": True, "speed": 37, "oscillate": True, "model": "dmaker.fan.p10"},
    "zhimi.airp.mb5": {"is_on": True, "child_lock": True, "aqi": True, "is_off": True},
    "zhimi.humidifier.ca4": {"is_on": True, "target_humidity": 55},
    "zhimi.heater.mc2": {"is_on": True, "target_temperature": 24},
    "dreame.vacuum.p2009": {"acted": 0, "battery": True, "status": "Sweeping", "home": 0},
    "yeelink.light.lamp22": {"wrote": [0, 0], "read": 42, "wrong": -4005, "acted": 0, "on": False},
    "lumi.curtain.hagl08": {"wrote": 0, "target": 50, "current": True},
}


def _controlled() -> dict[str, dict[str, Any]]:
    models = [argument for model in EXPECTED for argument in ("--model", model)]
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "setaria.simulated", *models),
            *("--first-address", FIRST_ADDRESS, "--addresses", "own", "--list", "--with-parent"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as simulated:
        assert simulated.stdout is not None
        assert simulated.stdin is not None
        things = {thing["model"]: thing for thing in json.loads(simulated.stdout.readline())["things"]}
        done = subprocess.run(
            [str(PYTHON), "-P", "-W", "ignore", str(SCRIPT)],
            input=json.dumps({"things": things}),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        simulated.stdin.close()
        told: dict[str, dict[str, Any]] = json.loads(done.stdout)
        return told


@pytest.mark.foreign
def test_python_miio_controls_our_things() -> None:
    if not PYTHON.exists():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{PYTHON} is missing: make it from tests/foreign/requirements.txt")
    told = _controlled()
    assert "Method not found" in told["yeelink.light.lamp22"].pop("unknown", "")
    assert told == EXPECTED
