"""python-miio's synchronous client over the things given as JSON on standard input; run by a Python that has it."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from miio.miioprotocol import MiIOProtocol

BATCH = 15


def main() -> None:
    things: list[dict[str, Any]] = json.load(sys.stdin)
    calls = 0
    clients = [(MiIOProtocol(thing["host"], thing["token"]), thing["properties"]) for thing in things]
    for client, _ in clients:
        client.send_handshake()
    wall, cpu = time.perf_counter(), time.process_time()
    for client, properties in clients:
        for start in range(0, len(properties), BATCH):
            client.send("get_properties", properties[start : start + BATCH])
            calls += 1
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"cpu_us": cpu / calls * 1e6, "calls_a_second": calls / wall}))


main()
