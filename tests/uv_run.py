"""Run scripts/train.py with `uv run`, as `hf jobs uv run` does: its header brings the packages.

    make uv-run        # minutes and gigabytes, the first time

A wheel of this folder stands in for the published package, and the Hub is on the loopback interface.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hub_server import HubServer
from support import QUICK, ROOT, SMALL, write_articles, write_glove

TOKEN = "hf_x"
DATA = "user/articles"
MODEL = "user/mine"


def main() -> None:
    """Build the wheel, install, train on a dataset of the Hub, push."""
    work = Path(tempfile.mkdtemp(prefix="uv-run-"))
    build = ["uv", "build", "--quiet", "--wheel", "--out-dir", work, ROOT]
    subprocess.run(build, check=True)
    run = ["uv", "run", "--no-project", "--find-links", work, "--python", sys.executable]
    script = ROOT / "scripts" / "train.py"
    subprocess.run([*run, script, "--help"], check=True, stdout=subprocess.DEVNULL, cwd=work)
    articles = write_articles(work / "articles.csv", 80).read_bytes()
    write_glove(work / "tiny.8d.txt")
    with HubServer() as hub:
        hub.add_token(TOKEN)
        hub.add_repo(DATA, {"train.csv": articles}, kind="datasets")
        options = ["--dataset_name", DATA, "--glove", "tiny.8d.txt", "--output_dir", "mine"]
        options += ["--push_to_hub", "True", "--hub_model_id", MODEL]
        options += SMALL + QUICK
        command = [*run, "--offline", script, *options]
        env = hub.client_env(work, TOKEN) | {"PYTHONPATH": ""}
        env["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
        subprocess.run(command, check=True, env=env, cwd=work)
        pushed = set(hub.files(MODEL))
    assert {"config.json", "model.safetensors", "modeling_glove_lstm.py", "README.md"} <= pushed
    sys.stdout.write(f"Pushed to {MODEL}: {', '.join(sorted(pushed))}\n")


if __name__ == "__main__":
    main()
