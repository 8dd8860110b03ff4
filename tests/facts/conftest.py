"""Fixtures: a private PostgreSQL shared by the session's workers, and the log's engines one after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from setaria.facts.clock import VirtualClock

sys.path.append(str(Path(__file__).parents[2]))

from tests.facts.log_engines import (
    Engine,
    Facts,
    PostgresEngine,
    SqliteEngine,
    postgres_bin,
    shared_cluster,
)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def facts(clock: VirtualClock) -> Facts:
    return Facts(clock)


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    binaries = postgres_bin()
    if binaries is None:
        missing = "PostgreSQL's server programs are not installed (Debian: postgresql)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    base = tmp_path_factory.getbasetemp()
    with shared_cluster(base if worker_id == "master" else base.parent, binaries) as cluster:
        yield cluster.dsn


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> Engine:
    if request.param == "sqlite":
        return SqliteEngine(tmp_path / "log.db", clock)
    return PostgresEngine(request.getfixturevalue("postgres_dsn"), clock)
