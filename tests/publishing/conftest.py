"""A Hub on loopback, for this process or for those that it starts."""

import pytest
from hub_server import TOKEN, HubServer


@pytest.fixture
def hub():
    with HubServer() as server:
        server.add_token(TOKEN)
        yield server


@pytest.fixture
def machine(hub, tmp_path):
    """Environment of a person who is logged in."""
    return hub.client_env(tmp_path, TOKEN)
