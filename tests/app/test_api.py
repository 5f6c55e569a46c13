"""The endpoints over HTTP, as gradio_client, curl and people with bad intentions use them."""

from pathlib import Path

import httpx
import pytest
from app_server import call, file_data, upload
from gradio_client import Client, handle_file
from support import ROOT, edit_json, read_csv, succeed, write_articles

from glove_lstm import __version__
from glove_lstm.app.api import MAX_CHARACTERS, MAX_ROWS, Api
from glove_lstm.app.page import verdict
from glove_lstm.app.serve import MAX_FILE_BYTES
from glove_lstm.commands import predict

SECRETS = ("/etc/passwd", "README.md", "../../../../etc/passwd", str(ROOT / "pyproject.toml"))
TOO_MANY_ROWS = "text\n" + "a\n" * (MAX_ROWS + 1)
TOO_LONG_ROW = "text\n" + "a" * (MAX_CHARACTERS + 1)


@pytest.fixture(scope="module")
def client(demo):
    return Client(demo.address, verbose=False)


@pytest.fixture(scope="module")
def http(demo):
    with httpx.Client(base_url=demo.address, timeout=60) as opened:
        yield opened


def test_named_endpoints(http, demo):
    assert demo.address.startswith("http://127.0.0.1:")  # other machines cannot reach it
    endpoints = http.get("/gradio_api/info").json()["named_endpoints"]
    assert set(endpoints) == {"/about", "/classify", "/explain", "/label_file"}


def test_classify(client):
    answer = client.predict("SHOCKING SECRET EXPOSED!", "", 0.5, api_name="/classify")
    assert answer["label"] == "FAKE"
    assert answer["unsure"] is False
    assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-5)
    unsure = client.predict("council SECRET the", threshold=1, api_name="/classify")
    assert unsure["label"] in ("FAKE", "REAL")
    assert unsure["unsure"] is True


def test_explain(client):
    explanation = client.predict("council SECRET", "hoax", api_name="/explain")
    words = explanation["words"]
    assert [word["text"] for word in words] == ["council", "SECRET", "hoax"]
    contributions = sum(word["contribution"] for word in words)
    total = contributions + explanation["baseline_difference"]
    assert total == pytest.approx(explanation["logit_difference"], rel=0.01)


def test_about(client):
    about = client.predict(api_name="/about")
    assert about["labels"] == ["FAKE", "REAL"]
    assert about["version"] == __version__


@pytest.mark.parametrize(
    ("unsure", "scores", "sentence"),
    [
        (False, {"FAKE": 0.0001, "REAL": 0.9999}, "resembles REAL sources, 99 %"),
        (True, {"FAKE": 0.546, "REAL": 0.454}, "unsure, nearest to FAKE sources, 54 %"),
        (False, {"a": 0.29, "<b>": 0.58, "c": 0.13}, "&lt;b&gt;, 58 %; next a, 29 %"),
        (True, {"a": 0.3, "b": 0.5, "c": 0.2}, "unsure, nearest to b, 50 %; next a, 30 %"),
    ],
)
def test_the_page_says_a_label_and_its_score_in_a_sentence(unsure, scores, sentence):
    assert f">{sentence}<" in verdict({"unsure": unsure, "scores": scores})


def test_tables_get_the_labels_that_predict_gives(client, checkpoint, tmp_path):
    table = write_articles(tmp_path / "news.csv", 130)
    path, summary = client.predict(handle_file(str(table)), api_name="/label_file")
    assert "130 rows labelled" in summary
    options = ("--model", checkpoint, "--backend", "torch", "--format", "csv")
    wanted = succeed(predict.main, *options, "--input", table).stdout
    assert Path(path).read_text(encoding="utf-8") == wanted


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("classify", [" ", "", 0], "nothing to classify"),
        ("classify", [{"a": 1}, "", 0], "title must be a text"),
        ("classify", ["a", "", "x"], "threshold must be a number"),
        ("label_file", [None, ""], "There is no file"),
        (
            "label_file",
            [file_data("http://127.0.0.1:9/a"), ""],
            "Hostname 127.0.0.1 failed validation",
        ),
    ],
)
def test_bad_requests_are_rejected_with_a_message(http, name, data, message):
    answered, answer = call(http, name, *data)
    assert not answered
    assert message in answer


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", TOO_MANY_ROWS, f"a.csv has more than {MAX_ROWS:,} rows"),
        ("a.csv", TOO_LONG_ROW, "a.csv, row 1: A text may have at most"),
        ("a.csv", 'text\na\n"', "a.csv, row 2 (line 3) is not CSV"),
        ("a.csv", "<b>a</b>,<i>b</i>\nx,y\n", "'‹b›a‹/b›'"),
        ("a.csv.gz", b"", "Invalid file type"),
        ("a.parquet", b"PAR1", "Invalid file type"),
    ],
)
def test_unreadable_tables_are_rejected_with_a_message(http, name, content, message):
    file = upload(http, name, content)
    answered, answer = call(http, "label_file", file, "")
    assert not answered
    assert message in answer
    assert str(Path(file["path"]).parent) not in answer


def test_large_uploads_are_rejected(http):
    files = {"files": ("a.csv", b"a" * (MAX_FILE_BYTES + 1))}
    posted = http.post("/gradio_api/upload", files=files)
    assert posted.status_code == 413
    assert "maximum allowed size of 10485760 bytes" in posted.text  # gradio's own message


@pytest.mark.parametrize("secret", SECRETS)
def test_only_uploads_are_read(http, demo, secret):
    quoted = secret.replace("/", "%2F").replace(".", "%2E")
    own = upload(http, "a.csv", "mine")["path"]
    assert http.get(f"/gradio_api/file={own}").text == "mine"
    folder = Path(own).parent
    for path in (
        f"/gradio_api/file={secret}",
        f"/gradio_api/file={quoted}",
        f"/gradio_api/file={folder}/{'../' * 12}{secret.lstrip('/')}",
        f"/file={secret}",
        f"/gradio_api/file/{secret}",
        f"/static/../{secret}",
        f"/assets/{quoted}",
    ):
        # httpx would resolve the dots in a path of its own.
        response = http.get(httpx.URL(demo.address).copy_with(raw_path=path.encode()))
        assert response.status_code in (400, 403, 404), path
        assert "root:" not in response.text
        assert "glove-lstm" not in response.text
    for path in (secret, f"{folder}/../../../../..{secret}"):
        answered, message = call(http, "label_file", file_data(path), "")
        assert not answered
        assert "root:" not in message


def test_the_network_and_the_use_of_the_app_are_not_shown(http):
    for address in ("http://127.0.0.1:9/a.csv", "http://localhost:9/a.csv", "file:///etc/passwd"):
        assert http.get(f"/gradio_api/file={address}").status_code == 403
        assert http.get(f"/gradio_api/proxy={address}").status_code == 400
    for route in ("/monitoring", "/monitoring/summary", "/gradio_api/vibe-code"):
        assert http.get(route).status_code == 403
    assert http.get("/gradio_api/runs").status_code == 404
    assert "fonts.googleapis" not in http.get("/").text


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 100_000, b'{"data": "' + b"\xff" + b'"}', b"null", b'{"data": 3}']
)
def test_malformed_requests_are_rejected(http, body):
    headers = {"content-type": "application/json"}
    posted = http.post("/gradio_api/call/classify", content=body, headers=headers)
    assert 400 <= posted.status_code < 500
    assert str(ROOT) not in posted.text


def test_no_cell_of_a_download_is_a_formula(copy, tmp_path):
    edit_json(copy / "config.json", id2label={"0": "=1+1", "1": "@b"}, label2id={})
    table = write_articles(tmp_path / "news.csv", 10)
    path, _ = Api(copy).label_file(str(table))
    labels = {row["label"] for row in read_csv(Path(path))}
    assert labels <= {"'=1+1", "'@b"}
