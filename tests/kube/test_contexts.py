"""Kubeconfigs as people really have them, and the ways they are broken."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsconsole.aio.clock import ManualClock
from opsconsole.errors import DeniedError, KubeconfigError
from opsconsole.kube.contexts import Target, context_of_server, from_files, in_cluster
from opsconsole.kube.credentials import Proof, Renewed, TokenFile, bearer

CLOCK = ManualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))


def config(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    context = {"cluster": "c", "namespace": "team"} | ({"user": "u"} if user is not None else {})
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "prod",
        "contexts": [{"name": "prod", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/", **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }  # fmt: skip


def load(folder: Path, document: Any, context: str = "") -> Target:
    path = folder / "config"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return from_files([path], context, CLOCK)


def proof(target: Target) -> Proof:
    return asyncio.run(target.credential.proof())


def test_a_token(tmp_path: Path) -> None:
    target = load(tmp_path, config({"token": "s3cret"}))
    assert (target.server, target.context, target.namespace) == (
        "https://api.example:6443", "prod", "team")  # fmt: skip
    assert proof(target).authorization == "Bearer s3cret"


def test_no_user_is_anonymous(tmp_path: Path) -> None:
    assert proof(load(tmp_path, config())) == Proof()


def test_a_password(tmp_path: Path) -> None:
    packed = base64.b64encode(b"ann:pw").decode()
    target = load(tmp_path, config({"username": "ann", "password": "pw"}))
    assert proof(target).authorization == f"Basic {packed}"


def test_certificates_by_data_and_by_relative_path(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA PEM")
    user = {
        "client-certificate-data": base64.b64encode(b"CERT").decode(),
        "client-key-data": base64.b64encode(b"KEY").decode(),
    }
    target = load(tmp_path, config(user, **{"certificate-authority": "ca.crt"}))
    assert target.ca == "CA PEM"
    found = proof(target).certificate
    assert found is not None
    assert (found.certificate, found.key) == ("CERT", "KEY")


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
    path = tmp_path / "token"
    path.write_text("one\n")
    credential = TokenFile(path, clock)
    assert asyncio.run(credential.proof()).authorization == "Bearer one"
    path.write_text("two")
    assert asyncio.run(credential.proof()).authorization == "Bearer one"
    assert asyncio.run(credential.proof(fresh=True)).authorization == "Bearer two"
    path.write_text("three")
    clock.advance(61)
    assert asyncio.run(credential.proof()).authorization == "Bearer three"
    path.unlink()
    with pytest.raises(DeniedError, match="cannot read the token file"):
        asyncio.run(credential.proof(fresh=True))


def test_an_expiring_proof_is_made_anew_a_minute_early() -> None:
    clock = ManualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
    made = 0

    async def make() -> Proof:
        nonlocal made
        made += 1
        return bearer(str(made), clock.now() + timedelta(minutes=5))

    async def scene() -> None:
        credential = Renewed(make, clock)
        await credential.proof()
        await credential.proof()
        assert made == 1
        clock.advance(239)
        await credential.proof()
        assert made == 1
        clock.advance(2)
        assert (await credential.proof()).authorization == "Bearer 2"

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current-context": ""}, "no current-context"),
        ({"current-context": "gone"}, "no context 'gone'"),
        ({"clusters": []}, "names the cluster 'c'"),
        ({"clusters": {"c": 1}}, "clusters is not a list"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "has no server"),
        ({"clusters": [{"name": "c", "cluster": {"server": "ftp://x"}}]}, "not an http"),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://x:99999"}}]}, "not an http"),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://x", "proxy-url": "socks5://y"}}]}, "SOCKS"),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://x", "certificate-authority": "nope"}}]}, "cannot read certificate-authority"),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://x", "certificate-authority-data": "%%"}}]}, "not base64"),
        ({"users": []}, "names the user 'u'"),
        ({"users": [{"name": "u", "user": {"client-certificate-data": "Q0VSVA=="}}]}, "needs both"),
        ({"users": [{"name": "u", "user": {"exec": {}}}]}, "exec has no command"),
        ({"users": [{"name": "u", "user": {"exec": {"command": "x", "apiVersion": "v0"}}}]}, "apiVersion"),
        ({"users": [{"name": "u", "user": {"auth-provider": {"name": "gcp"}}}]}, "not supported"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(KubeconfigError, match=said):
        load(tmp_path, {**config({"token": "x"}), **change})


@pytest.mark.parametrize("text", ["{", "- 1", "a: 1\na: 2", "\x00"])
def test_what_does_not_parse_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(KubeconfigError):
        load(tmp_path, text)


def test_a_folder_or_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="cannot read the kubeconfig"):
        from_files([tmp_path], "", CLOCK)
    with pytest.raises(KubeconfigError, match="no kubeconfig at"):
        from_files([tmp_path / "gone"], "", CLOCK)


def test_an_unknown_context_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError) as caught:
        load(tmp_path, config(), context="nope")
    assert "prod" in caught.value.hint
    assert caught.value.exit_code == 2


def test_several_files_the_first_wins(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(json.dumps({**config({"token": "a"}), "users": []}))
    second = config({"token": "b"}, server="https://other")
    two.write_text(json.dumps({**second, "current-context": "x"}))
    target = from_files([tmp_path / "gone", one, two], "", CLOCK)
    assert target.server == "https://api.example:6443"
    assert proof(target).authorization == "Bearer b"


def plugin(folder: Path, body: str) -> dict[str, Any]:
    path = folder / "plugin"
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"command": str(path), "args": ["a"], "env": [{"name": "X", "value": "y"}],
                     "apiVersion": "client.authentication.k8s.io/v1", "installHint": "get it"}}  # fmt: skip


def test_an_exec_plugin_is_run_without_our_terminal(tmp_path: Path) -> None:
    body = (
        "import json, os, sys\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "assert sys.stdin.read() == '' and sys.argv[1] == 'a' and os.environ['X'] == 'y'\n"
        "assert info['spec']['interactive'] is False\n"
        "print(json.dumps({'status': {'token': 'tok', 'expirationTimestamp': '2026-01-05T10:00:00Z'}}))\n"
    )
    found = proof(load(tmp_path, config(plugin(tmp_path, body))))
    assert found.authorization == "Bearer tok"
    assert found.expires == datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys; sys.exit('please log in')", "please log in"),
        ("print('hello')", "printed no JSON"),
        ("print('{}')", "neither a token nor a certificate"),
    ],
)
def test_a_failing_plugin_is_an_error_with_its_own_words(
    tmp_path: Path, body: str, said: str
) -> None:
    with pytest.raises(DeniedError, match=said):
        proof(load(tmp_path, config(plugin(tmp_path, body))))


def test_a_missing_plugin_gives_its_install_hint(tmp_path: Path) -> None:
    user = plugin(tmp_path, "")
    user["exec"]["command"] = "no-such-plugin-at-all"
    with pytest.raises(DeniedError) as caught:
        proof(load(tmp_path, config(user)))
    assert caught.value.hint == "get it"


def test_a_plugin_that_hangs_is_ended(tmp_path: Path) -> None:
    from opsconsole.kube.execplugin import read_plugin

    user = plugin(tmp_path, "import signal; signal.pause()")
    with pytest.raises(DeniedError, match="did not answer"):
        asyncio.run(read_plugin(user, "user").run(limit=0.3))


def test_in_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KubeconfigError, match="not a pod"):
        in_cluster(CLOCK, tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name, text in (("token", "t"), ("namespace", "home"), ("ca.crt", "PEM")):
        (tmp_path / name).write_text(text)
    target = in_cluster(CLOCK, tmp_path)
    assert (target.server, target.namespace, target.ca) == ("https://10.0.0.1:443", "home", "PEM")
    assert proof(target).authorization == "Bearer t"


def test_a_context_is_found_by_its_servers_url(tmp_path: Path) -> None:
    document = config({"token": "t"})
    document["contexts"].append({"name": "east", "context": {"cluster": "e"}})
    document["contexts"].append({"name": "lost", "context": {"cluster": "not there"}})
    document["clusters"].append({"name": "e", "cluster": {"server": "https://east.example"}})
    path = tmp_path / "config"
    path.write_text(json.dumps(document))
    assert context_of_server([path], "https://east.example/") == "east"
    assert context_of_server([path], "https://api.example:6443") == "prod"
    assert context_of_server([path], "https://nowhere.example") == ""
