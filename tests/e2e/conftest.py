"""One server and one official client per test module."""

import pathlib
from collections.abc import Iterator

import pytest
import stigg
from catalog import Catalog
from server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: pathlib.Path = tmp_path_factory.mktemp("server")
    running = Server(folder / "data", folder / "server.log")
    yield running
    if running.is_running():
        running.terminate()


@pytest.fixture
def client(server: Server) -> stigg.Stigg:
    return server.client


@pytest.fixture
def catalog(client: stigg.Stigg, request: pytest.FixtureRequest) -> Catalog:
    """Makes products, plans, add-ons and customers with ids that no other test uses."""
    return Catalog(client, prefix=request.node.name.replace("[", "-").replace("]", ""))
