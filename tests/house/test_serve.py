"""The service of docs/howto/serve.md, started by the command of its Dockerfile."""

import json
import os
import re
import socket
import subprocess
import sys
import time

import httpx
import pytest
from support import ROOT

from glove_lstm import LightClassifier

PAGE = (ROOT / "docs" / "howto" / "serve.md").read_text(encoding="utf-8")


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return str(bound.getsockname()[1])


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (folder / "app.py").write_text(code)
    (folder / "mine").symlink_to(ROOT / "hub")
    command = json.loads(re.search(r"^CMD (.+)$", PAGE, re.MULTILINE)[1])
    port = free_port()
    command[command.index("0.0.0.0")] = "127.0.0.1"
    command[command.index("8000")] = port
    env = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen([sys.executable, "-m", *command], cwd=folder, env=env) as server:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/docs", server)
        yield address
        server.terminate()


def wait_for(url, server):
    for _ in range(300):
        assert server.poll() is None, "the server has ended"
        try:
            httpx.get(url)
        except httpx.ConnectError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


def test_it_answers_as_the_classifier(address):
    texts = ["Council votes on the bridge", "SHOCKING secret!", ""]
    answer = httpx.post(f"{address}/classify", json={"texts": texts})
    assert answer.json() == LightClassifier.from_pretrained(ROOT / "hub")(texts)
    for body in ({"texts": "not a list"}, {"texts": ["a"] * 1001}, {}):
        assert httpx.post(f"{address}/classify", json=body).status_code == 422
