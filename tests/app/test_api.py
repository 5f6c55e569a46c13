"""The endpoints over HTTP, as gradio_client, curl and people with bad intentions use them."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from support import ROOT, run_script, write_articles

from glove_lstm.app.limits import Limits

LIMITS = Limits()


@pytest.fixture(scope="module")
def client(demo):
    return Client(demo.address, verbose=False)


@pytest.fixture(scope="module")
def http(demo):
    with httpx.Client(base_url=demo.address, timeout=60) as opened:
        yield opened


def call(http, name, *data):
    """The answer of an endpoint, or what is said instead: (whether it went well, value)."""
    posted = http.post(f"/gradio_api/call/{name}", json={"data": data})
    if posted.status_code != 200:
        return False, posted.json()["detail"]
    said = http.get(f"/gradio_api/call/{name}/{posted.json()['event_id']}").text
    event, value = re.search(r"event: (complete|error)\ndata: (.*)", said).groups()
    value = json.loads(value)
    return event == "complete", value if event == "complete" else value["error"]


def test_every_function_is_a_named_endpoint(http):
    named = http.get("/gradio_api/info").json()["named_endpoints"]
    functions = "about analogy classify compare explain label_file nearest_words read_text word_map"
    assert " ".join(sorted(named)).replace("/", "") == functions


def test_the_endpoints_answer(client, checkpoint, tmp_path):
    found = client.predict("SHOCKING SECRET EXPOSED!", "", 0.5, api_name="/classify")
    assert found["label"] == "FAKE"
    assert abs(sum(found["scores"].values()) - 1) < 1e-5
    assert client.predict("council SECRET the", threshold=1, api_name="/classify")["label"] == "ABSTAIN"
    why = client.predict("council SECRET", "hoax", api_name="/explain")
    assert [word["text"] for word in why["words"]] == ["council", "SECRET", "hoax"]
    total = why["baseline_difference"] + sum(word["contribution"] for word in why["words"])
    assert total == pytest.approx(why["logit_difference"], rel=0.01)
    both = client.predict("council SECRET", api_name="/compare")
    assert [one["model"] for one in both] == [checkpoint.name, "other-model"]
    near = client.predict("Council", 3, api_name="/nearest_words")
    assert len(near["trained"]["found"]) == len(near["glove"]["found"]) == 3
    assert near["glove"]["source"] == "GloVe tiny.8d.txt"
    assert len(client.predict("council", "report", "secret", api_name="/analogy")["glove"]["found"]) == 10
    places = client.predict("council, report secret", api_name="/word_map")["trained"]["found"]
    assert set(places) == {"council", "report", "secret"}
    about = client.predict(api_name="/about")
    assert about["labels"] == ["FAKE", "REAL"]
    assert about["card"].startswith("# ")
    (tmp_path / "a.txt").write_text("caf\u00e9", encoding="utf-8")
    assert client.predict(handle_file(str(tmp_path / "a.txt")), api_name="/read_text") == "caf\u00e9"
    table = write_articles(tmp_path / "news.csv", 130)
    path, said, shown = client.predict(handle_file(str(table)), api_name="/label_file")
    assert "130 rows labelled" in said
    assert len(shown["data"]) == LIMITS.table_rows
    done = run_script(
        "predict", "--model", checkpoint, "--backend", "torch", "--input", table, "--format", "csv"
    )
    assert Path(path).read_text(encoding="utf-8") == done.stdout


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_tables_of_every_kind(client, tmp_path, kind):
    (tmp_path / "a.jsonl").write_text(
        '{"text": "council"}\n{"text": [1]}\n{"text": "hoax"}\n', encoding="utf-8"
    )
    path, said, _ = client.predict(
        handle_file(str(tmp_path / "a.jsonl")), "text", 0, kind, api_name="/label_file"
    )
    assert Path(path).suffix == f".{kind}"
    assert "2 rows labelled, 1 left out" in said


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("classify", [" ", "", 0], "nothing to classify"),
        ("classify", [{"a": 1}, "", 0], "title must be a text"),
        ("classify", ["a", "", "x"], "threshold must be a number"),
        ("classify", ["a", "b" * (LIMITS.characters + 1), 0], f"at most {LIMITS.characters:,} characters"),
        ("classify", ["a", "b" * LIMITS.body_bytes, 0], f"at most {LIMITS.characters:,} characters"),
        ("explain", ["a", "", "MAYBE"], "The labels are FAKE, REAL"),
        ("compare", ["a", "", "user/any"], "loads no model that a visitor names"),
        ("compare", ["a", "", "/etc"], "loads no model that a visitor names"),
        ("nearest_words", ["<img src=x>", 3], "'‹img src=x›' is not among the"),
        ("nearest_words", ["council", 1e9], "from 1 to 100"),
        ("word_map", ["a " * 61], "at most 60 words"),
        ("word_map", [["a"]], "words must be a text"),
    ],
)
def test_requests_beyond_the_limits_are_refused_in_words(http, name, data, said):
    well, found = call(http, name, *data)
    assert not well
    assert said in found


def upload(http, name, content):
    posted = http.post("/gradio_api/upload", files={"files": (name, content)})
    return posted.json()[0] if posted.status_code == 200 else posted


def file_data(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "text\n" + "a\n" * (LIMITS.rows + 1), f"a.csv has more than {LIMITS.rows:,} rows"),
        ("a.csv.gz", gzip.compress(b"text\n") + gzip.compress(b"a" * (1 << 20)) * 70, "a.csv.gz"),
        ("a.json.gz", gzip.compress(b'[{"text":"') + gzip.compress(b"a" * (1 << 20)) * 2048, "a.json.gz"),
        ("a.csv", 'text\n"', "malformed"),
        ("a.csv", "<b>a</b>,<i>b</i>\nx,y\n", "set text_column_names from '‹b›a‹/b›'"),
        ("a.parquet", b"PAR1" + b"\0" * 100 + b"PAR1", "a.parquet is not a whole Parquet file"),
    ],
)
def test_tables_that_cannot_be_read_are_refused_in_words(http, name, content, said):
    path = upload(http, name, content)
    well, found = call(http, "label_file", file_data(path), "", 0, "csv")
    assert not well
    assert said in found
    assert str(Path(path).parent) not in found


def test_a_file_that_is_too_large_is_refused_in_words(http):
    posted = upload(http, "a.csv", b"a" * (LIMITS.file_bytes + (1 << 17)))
    assert posted.status_code == 413
    assert "more than 10,485,760 bytes" in posted.json()["detail"]
    chunks = (b"a" * (1 << 20) for _ in range(12))  # without saying how much will come
    kind = {"content-type": "multipart/form-data; boundary=x"}
    start = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'

    def body():
        yield start
        yield from chunks

    try:
        posted = http.post("/gradio_api/upload", content=body(), headers=kind)
    except httpx.TransportError:  # the answer came before all was sent
        return
    assert posted.status_code == 413


SECRETS = (
    "/etc/passwd",
    "/work/main/README.md",
    "README.md",
    "../../../../etc/passwd",
    str(ROOT / "pyproject.toml"),
)


@pytest.mark.parametrize("secret", SECRETS)
def test_no_file_but_uploads_is_read(http, demo, secret):
    quoted = secret.replace("/", "%2F").replace(".", "%2E")
    own = upload(http, "a.txt", "mine")
    assert http.get(f"/gradio_api/file={own}").text == "mine"
    for path in (
        f"/gradio_api/file={secret}",
        f"/gradio_api/file={quoted}",
        f"/gradio_api/file={Path(own).parent}/{'../' * 12}{secret.lstrip('/')}",
        f"/file={secret}",
        f"/gradio_api/file/{secret}",
        f"/static/../{secret}",
        f"/assets/{quoted}",
    ):
        raw = httpx.URL(demo.address).copy_with(
            raw_path=path.encode()
        )  # as it is: httpx would tidy up the ..
        got = http.get(raw)
        assert got.status_code in (400, 403, 404), path
        assert "root:" not in got.text
        assert "glove-lstm" not in got.text
    for sent in (file_data(secret), file_data(f"{Path(own).parent}/../../../../..{secret}"), secret):
        well, said = call(http, "read_text", sent)
        assert not well
        assert "root:" not in str(said)


def test_addresses_are_not_fetched_and_other_routes_are_shut(http, demo):
    for address in ("http://127.0.0.1:9/a.csv", "https://example.com/a.csv", "file:///etc/passwd"):
        well, said = call(http, "label_file", file_data(address), "", 0, "csv")
        assert not well
        assert "upload" in said
        assert http.get(f"/gradio_api/file={address}").status_code == 404
        assert http.get(f"/gradio_api/proxy={address}").status_code == 404
    for route in (
        "deep_link?session_hash=a",
        "vibe-code",
        "runs",
        "custom_component/a/client/b/c",
        "dev/reload",
    ):
        assert http.get(f"/gradio_api/{route}").status_code == 404
    for route in ("component_server", "run/classify", "api/classify", "process_recording", "vibe-edit"):
        assert http.post(f"/gradio_api/{route}", json={}).status_code == 404
    assert http.get("/monitoring").status_code == 404
    page = http.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "fonts.googleapis" not in page.text


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 100_000, b'{"data": "' + b"\xff" + b'"}', b"null", b'{"data": 3}']
)
def test_what_is_no_request_is_refused_without_a_trace(http, demo, body):
    posted = http.post(
        "/gradio_api/call/classify", content=body, headers={"content-type": "application/json"}
    )
    assert 400 <= posted.status_code < 500
    assert "Traceback" not in posted.text
    assert str(ROOT) not in posted.text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("label_file", ["no file", "", 0, "csv"]),
        ("label_file", [{"meta": {"_type": "gradio.FileData"}}, "", 0, "csv"]),
        ("label_file", [None, [1], "x", {}]),
        ("label_file", []),
        ("read_text", [3]),
        ("read_text", [["a", None]]),
        ("classify", []),
    ],
)
def test_calls_that_do_not_fit_are_refused_in_words_and_without_a_trace(http, demo, name, data):
    before = len(demo.said)
    well, said = call(http, name, *data)
    assert not well
    assert said
    assert "Traceback" not in demo.said[before:]


def test_the_examples_of_the_readme_run(demo, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## In a browser")[2].partition("\n## ")[0]
    write_articles(tmp_path / "articles.csv", 3)
    blocks = re.findall(r"```(sh|python)\n(.*?)```", section, re.S)
    ran = 0
    for kind, code in blocks:
        if "127.0.0.1:7860" not in code:
            continue
        code = code.replace("http://127.0.0.1:7860", demo.address)
        shell = ["bash", "-euo", "pipefail", "-c"]
        start = shell if kind == "sh" else [sys.executable, "-c"]
        done = subprocess.run([*start, code], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
        assert done.returncode == 0, done.stderr
        assert "REAL" in done.stdout or "FAKE" in done.stdout
        ran += 1
    assert ran == 2
