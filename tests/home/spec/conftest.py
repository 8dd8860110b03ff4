from __future__ import annotations

import pytest

from setaria.home.spec.library import SpecLibrary


@pytest.fixture(scope="session")
def library() -> SpecLibrary:
    return SpecLibrary()
