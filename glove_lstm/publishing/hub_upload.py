"""All that talks to the Hub: a folder becomes one commit after which the repository equals it, or nothing changes."""

import hashlib
import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from glove_lstm.data.errors import DataError

logger = logging.getLogger(__name__)

_TRIES = 5
_LONGEST_WAIT = 60.0
_KEPT = ".gitattributes"  # the Hub's own: it says which files are large
_RETRIED = {408, 409, 412, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Destination:
    """Where a folder goes.

    Attributes:
        repo_id: As "user/name".
        repo_type: What it holds.
        private: Whether only its owner may see it; an existing public repository is then refused.
        revision: A branch, made where it is missing; the main one unless given.
        create_pr: Open a pull request instead of changing the branch.
        commit_message: Its title.
        token: Instead of the one that `hf auth login` or HF_TOKEN gave.
    """

    repo_id: str
    repo_type: Literal["model", "dataset", "space"] = "model"
    private: bool = False
    revision: str | None = None
    create_pr: bool = False
    commit_message: str = "Upload with glove-lstm"
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Pushed:
    """What came of it: the commit, and the address of the page (of the pull request, where one was opened)."""

    commit: str
    url: str


def report(to: Destination, pushed: Pushed) -> str:
    """The page's address, and Python that loads what was pushed, from this very commit (a Space is its page)."""
    if to.repo_type == "space":
        return f"{pushed.url}\n"
    if to.repo_type == "dataset":
        call = f'data = load_dataset("{to.repo_id}", revision="{pushed.commit}")'
        return f"{pushed.url}\n\nfrom datasets import load_dataset\n\n{call}\n"
    return (
        f"{pushed.url}\n\nfrom transformers import pipeline\n\n"
        "classify = pipeline(\n"
        f'    "text-classification", model="{to.repo_id}", revision="{pushed.commit}", trust_remote_code=True\n'
        ")\n"
        'classify("A title")\n'
    )


def check_destination(to: Destination, *, login: bool = True) -> None:
    """Refuse, without any network, what cannot work.

    Args:
        to: Its name, revision and token are looked at.
        login: Whether there must be one.

    Raises:
        DataError: Says what to do.
    """
    try:
        validate_repo_id(to.repo_id)
    except ValueError:
        valid = False
    else:
        valid = to.repo_id.count("/") == 1
    if not valid:
        raise DataError(f"--repo_id {to.repo_id!r} is no name of a repository; give one such as user/name.")
    if to.create_pr and to.revision not in (None, "main"):
        raise DataError("A pull request goes to the main branch: leave out --revision or --create_pr.")
    if login:
        _token(to)


def push_folder(folder: Path, to: Destination) -> Pushed:
    """Make the repository hold the files of `folder` and no others, in one commit.

    What fails for a moment is tried again. A repository that had to be made stays, empty, where the commit fails.

    Raises:
        DataError: One sentence: what went wrong and what to do.
    """
    check_destination(to)
    api = HfApi(token=_token(to))
    seen_pulls: set[str] | None = None
    for attempt in range(1, _TRIES + 1):
        try:
            if to.create_pr and seen_pulls is None:
                seen_pulls = set(_pull_requests(api, to))
            return _push_once(api, folder, to, seen_pulls or set())
        except Exception as error:
            sentence, again = _explain(error, to)
            if sentence is None:
                raise
            if not again or attempt == _TRIES:
                tried = f" (tried {attempt} times)" if attempt > 1 else ""
                raise DataError(_without_token(sentence, to) + tried + ".") from None
            wait = _wait(error, attempt)
            logger.info("%s; trying again in %.0f s.", _without_token(sentence.split(":")[0], to), wait)
            time.sleep(wait)
    raise AssertionError("unreachable")


def _push_once(api: HfApi, folder: Path, to: Destination, seen_pulls: set[str]) -> Pushed:
    wanted = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    url = f"{api.endpoint}/{'' if to.repo_type == 'model' else f'{to.repo_type}s/'}{to.repo_id}"
    if to.create_pr:
        # An answer that got lost may have opened the request already.
        for ref, commit in _pull_requests(api, to).items():
            if ref not in seen_pulls and not _differing(wanted, _files(api, to, commit)):
                return Pushed(commit, f"{url}/discussions/{ref.rsplit('/', 1)[1]}")
    else:
        _open_repo(api, to)
    head = api.repo_info(to.repo_id, repo_type=to.repo_type, revision=to.revision)
    present = _files(api, to, str(head.sha))
    changed = _differing(wanted, present)
    if not changed:
        logger.info("%s holds exactly these files already.", to.repo_id)
        return Pushed(str(head.sha), url)
    operations: list[Any] = [CommitOperationAdd(name, wanted[name]) for name in changed if name in wanted]
    operations += [CommitOperationDelete(name, is_folder=False) for name in changed if name not in wanted]
    # Not upload_folder: with hf_xet it makes several commits of a large folder. The parent makes the Hub refuse
    # the commit where somebody else was faster; the next try then starts from theirs.
    done = api.create_commit(
        to.repo_id,
        operations,
        commit_message=to.commit_message,
        repo_type=to.repo_type,
        revision=to.revision,
        create_pr=to.create_pr,
        parent_commit=str(head.sha),
    )
    wrong = _differing(wanted, _files(api, to, done.oid))
    if wrong:
        raise DataError(f"{url} now differs from what was sent ({', '.join(wrong)}): run the command again.")
    return Pushed(done.oid, done.pr_url if to.create_pr and done.pr_url else url)


def _open_repo(api: HfApi, to: Destination) -> None:
    """Make the repository and the branch where they are missing."""
    sdk = "gradio" if to.repo_type == "space" else None
    api.create_repo(
        to.repo_id, repo_type=to.repo_type, private=to.private or None, exist_ok=True, space_sdk=sdk
    )
    if to.private and not api.repo_info(to.repo_id, repo_type=to.repo_type).private:
        raise DataError(
            f"{to.repo_id} exists and is public: make it private in its settings, or leave out --private."
        )
    if to.revision and not to.revision.startswith("refs/"):
        api.create_branch(to.repo_id, branch=to.revision, repo_type=to.repo_type, exist_ok=True)


def _pull_requests(api: HfApi, to: Destination) -> dict[str, str]:
    refs = api.list_repo_refs(to.repo_id, repo_type=to.repo_type, include_pull_requests=True)
    return {ref.ref: ref.target_commit for ref in refs.pull_requests or []}


def _files(api: HfApi, to: Destination, revision: str) -> dict[str, tuple[bool, str]]:
    """The files of a revision: for each, whether it is a large one, and its SHA-256 or git's id."""
    tree = api.list_repo_tree(to.repo_id, recursive=True, revision=revision, repo_type=to.repo_type)
    return {
        entry.path: (True, entry.lfs.sha256) if entry.lfs else (False, entry.blob_id)
        for entry in tree
        if isinstance(entry, RepoFile) and entry.path != _KEPT
    }


def _differing(wanted: dict[str, Path], present: dict[str, tuple[bool, str]]) -> list[str]:
    """Names of files that are not the same here and there."""
    names = set(wanted) ^ set(present)
    for name in set(wanted) & set(present):
        data = wanted[name].read_bytes()
        large, there = present[name]
        here = (
            hashlib.sha256(data)
            if large
            else hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
        )
        if here.hexdigest() != there:
            names.add(name)
    return sorted(names)


def _token(to: Destination) -> str:
    token = to.token or get_token()
    if not token:
        raise DataError(
            "There is no login: run `hf auth login` with a token that may write, or set HF_TOKEN to one."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise DataError("The login's token holds a character that no token has: run `hf auth login` again.")
    return token


def _without_token(text: str, to: Destination) -> str:
    token = to.token or get_token()
    return text.replace(token, "...") if token else text


def _wait(error: Exception, attempt: int) -> float:
    """Seconds until the next try: twice as long each time, or what the Hub asks for."""
    unit = float(os.environ.get("GLOVE_LSTM_RETRY_SECONDS", "1"))  # tests are in a hurry
    asked = getattr(_response(error), "headers", {}).get("retry-after", "")
    return unit * min(float(asked) if asked.isdecimal() else 2.0 ** (attempt - 1), _LONGEST_WAIT)


def _response(error: BaseException | None) -> Any:
    """The Hub's answer behind an error; errors in the upload of a large file wrap it."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return response
        error = error.__cause__
    return None


def _explain(error: Exception, to: Destination) -> tuple[str | None, bool]:
    """A sentence without its full stop (None: a bug of ours), and whether to try again."""
    if isinstance(error, DataError):
        return str(error).rstrip("."), False
    if isinstance(error, ValueError) and "Invalid metadata" in str(error):
        return f"The Hub refuses the card: correct its metadata ({' '.join(str(error).split())})", False
    response = _response(error)
    status = None if response is None else response.status_code
    if isinstance(error, RuntimeError) and status not in (401, 403, 413):
        # So fails the upload of a large file: cut short, damaged on the way (400), or without any answer.
        return "A large file did not arrive whole: run the command again; the repository is unchanged", True
    if status is not None:
        return _explain_status(status, error, to), status in _RETRIED
    # By name, because huggingface_hub changed from httpx to httpx2.
    chain = [error, error.__cause__] if error.__cause__ else [error]
    kinds = {kind.__name__ for link in chain for kind in type(link).__mro__}
    endpoint = HfApi().endpoint
    if "OfflineModeIsEnabled" in kinds:
        return "HF_HUB_OFFLINE is set, which forbids any network: unset it and run the command again", False
    if kinds & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
        return f"{endpoint} is no address of a Hub: correct HF_ENDPOINT", False
    if kinds & {"ConnectError", "ConnectTimeout", "ProxyError"}:
        return f"{endpoint} cannot be reached: check the network, then run the command again", True
    if kinds & {"TransportError", "ConnectionError", "TimeoutError"}:
        return (
            f"The connection to {endpoint} broke off: run the command again; it finds out what arrived, and no "
            "half of it is ever shown",
            True,
        )
    return None, False


def _explain_status(status: int, error: Exception, to: Destination) -> str:
    said = {
        401: "The Hub does not know this login: run `hf auth login` with a token that may write, or set HF_TOKEN",
        403: f"This login may not write to {to.repo_id}: use a token that may, of an account that owns it",
        404: f"{to.repo_id} is not there for this login: check the name and the revision, or use another login",
        409: f"Something else is changing {to.repo_id} just now: wait a little and run the command again",
        412: f"Somebody else changed {to.repo_id} meanwhile: run the command again to put this in its place",
        413: "The Hub finds a file or the whole too large: send less, or ask its owners for more room",
        429: "The Hub asks for fewer requests: wait some minutes and run the command again",
    }
    sentence = said.get(status)
    if sentence is None and status >= 500:
        sentence = f"The Hub has trouble of its own (status {status}): run the command again later"
    if sentence is None:
        message = getattr(error, "server_message", None) or str(error).strip().split("\n")[0]
        sentence = f"The Hub refuses this (status {status}, {message.rstrip('.')}): correct it and try again"
    return sentence
