"""A hub on a folder of its own, with a fake radio, and its site."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.web.site_helpers import LAMP, PORT, TOKEN, Client, FakeRadio, owner_token

from setaria.app import Hub, Settings
from setaria.home import commands as c
from setaria.home.linkage.desk import LinkageDesk
from setaria.web.server import Services, Site


@pytest.fixture
def radio() -> FakeRadio:
    return FakeRadio()


@pytest.fixture
async def hub(tmp_path: Path, radio: FakeRadio) -> AsyncIterator[Hub]:
    made = Hub.open(Settings(tmp_path / "hub", language="en", port=0), [radio])
    await made.start()
    made.home.give_secret(made.owner, "miio", "1", bytes.fromhex(TOKEN))
    await made.home.arrange(made.owner, c.SaveRoom("study", "Study"))
    await made.home.arrange(made.owner, c.AddThing("miio", "1", LAMP, "lamp", "Lamp", "study"))
    made.home.following.reached("lamp")
    await made.writer.flush()
    yield made
    await made.close()


@pytest.fixture
def services(hub: Hub) -> Services:
    desk = LinkageDesk(hub.home, hub.log)
    return Services(hub.home, hub.writer, hub.log, hub.clock, desk, "0.1", hub.accounts, "en")


@pytest.fixture
async def site(services: Services) -> AsyncIterator[Site]:
    made = Site(services, port=PORT)
    made.app.serve_port(PORT)
    yield made
    await made.stop()


@pytest.fixture
def client(site: Site) -> Client:
    return Client(site.app, owner_token(site))
