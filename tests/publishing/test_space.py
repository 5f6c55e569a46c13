"""glove-lstm push --space: the page and the files that it reads."""

import yaml
from support import succeed

from glove_lstm.commands.push import main

REPO = "user/fake-news-page"


def test_a_space_has_the_page_and_what_it_reads(api, exported, tmp_path):
    done = succeed(main, exported, "--space", "--repo_id", REPO, "--revision", "dev")
    assert f"/{REPO}\n" in done.stdout
    assert api.options["repo_type"] == "space"
    assert api.options["space_sdk"] == "static"
    assert api.branches == ["dev"]
    folder = tmp_path / "space"
    api.write(folder)
    expected = {"README.md", "index.html", "page.js", "classifier.js", "tokenizer.js"}
    expected |= {"explain.js", "onnx_runtime.js"}
    expected |= {"model/config.json", "model/tokenizer.json", "model/tokenizer_config.json"}
    expected |= {"model/light.onnx", "model/model.safetensors", "model/metrics.json"}
    expected.add("model/README.md")
    for path in exported.glob("plots/*.png"):
        expected.add(f"model/plots/{path.name}")  # the card shows it
    assert expected <= set(api.files)
    assert not any("training_texts" in name for name in api.files)
    card = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert card["sdk"] == "static"
    assert card["app_file"] == "index.html"
    html = (folder / "index.html").read_text()
    assert 'data-model="model/"' in html
    assert f"/spaces/{REPO}/blob/main/model/README.md" in html
