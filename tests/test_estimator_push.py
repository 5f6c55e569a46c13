"""A checkpoint that the estimator pushes is loaded from the Hub. `tests/publishing` tests the push itself."""

import pytest
from estimator_news import TEXTS
from hub_server import TOKEN, HubServer
from support import run_client

from glove_lstm import GloveLstmClassifier


@pytest.mark.slow
def test_push_and_load_from_the_hub(checkpoint, tmp_path):
    texts = TEXTS[:3]
    expected = GloveLstmClassifier.from_pretrained(checkpoint).predict_proba(texts).tolist()
    code = f"""
        from glove_lstm import GloveLstmClassifier
        mine = GloveLstmClassifier.from_pretrained({str(checkpoint)!r})
        commit = mine.push_to_hub("user/mine", send_training_texts=False)
        loaded = GloveLstmClassifier.from_pretrained("user/mine", revision=commit.oid)
        assert abs(loaded.predict_proba({texts!r}) - {expected}).max() < 1e-6
        loaded.save_pretrained("copy")
    """
    with HubServer() as hub:
        hub.add_token(TOKEN)
        done = run_client(hub, code, tmp_path, token=TOKEN)
        assert done.returncode == 0, done.stderr
        sent = hub.files("user/mine")
    assert b"user/mine" in sent["README.md"]
    assert "training_texts.safetensors" not in sent
    assert (tmp_path / "copy" / "README.md").is_file()
