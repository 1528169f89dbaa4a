"""`opsconsole seal`: what comes out opens with the controller's key, and nothing tells what went in."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsconsole.argo import sealed as sealing
from opsconsole.cli import dispatch
from opsconsole.model import yamldoc

KEY = sealing.new_private_key(2048)
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop, labels: {a: b}}
type: Opaque
stringData: {password: hunter2}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    _, certificate = sealing.key_pair(KEY, datetime.now(UTC) - timedelta(days=1))
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "secret.yaml").write_text(SECRET)
    return tmp_path


def run(desk: Path, *words: str) -> int:
    return dispatch.run(["seal", "--cert", str(desk / "cert.pem"), *words])


def opened(sealed: dict[str, Any], field: str = "password") -> bytes:
    meta = sealed["metadata"]
    scope = sealing.scope_of(sealed)
    bound = sealing.label(meta.get("namespace", ""), meta.get("name", ""), scope)
    return sealing.decrypt([KEY], sealed["spec"]["encryptedData"][field], bound)


@pytest.mark.parametrize("scope", sealing.SCOPES)
def test_what_comes_out_opens(desk: Path, capsys: pytest.CaptureFixture[str], scope: str) -> None:
    assert run(desk, "-f", str(desk / "secret.yaml"), "--scope", scope) == 0
    out = capsys.readouterr().out
    assert out.startswith("---\n")
    assert "hunter2" not in out
    sealed = yamldoc.load_manifests(out)[0]
    assert sealing.scope_of(sealed) == scope
    assert opened(sealed) == b"hunter2"
    template = sealed["spec"]["template"]
    assert template["type"] == "Opaque"
    assert template["metadata"]["labels"] == {"a": "b"}


def test_standard_input_json_and_a_name_from_the_command_line(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nameless = SECRET.replace("name: db, namespace: shop, ", "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(nameless.encode())))
    assert run(desk, "-o", "json", "--name", "web", "-n", "shop") == 0
    sealed = json.loads(capsys.readouterr().out)
    assert sealed["metadata"] == {"name": "web", "namespace": "shop"}
    assert opened(sealed) == b"hunter2"


def test_the_command_line_names_the_secret_and_cannot_move_it(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("-f", str(desk / "secret.yaml"))
    assert run(desk, *given, "--name", "web", "-n", "shop") == 0
    (sealed,) = yamldoc.load_manifests(capsys.readouterr().out)
    assert sealed["metadata"]["name"] == "web"
    assert opened(sealed) == b"hunter2"

    assert run(desk, *given, "-n", "other") != 0
    said = 'namespace mismatch: input secret is in namespace "shop" but "other" was specified'
    assert said in capsys.readouterr().err
    # what can be opened anywhere can be sealed anywhere
    assert run(desk, *given, "-n", "other", "--scope", sealing.CLUSTER_WIDE) == 0


def test_one_value(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00")))
    assert run(desk, "--raw", "--name", "db", "-n", "shop") == 0
    value = capsys.readouterr().out.strip()
    assert sealing.decrypt([KEY], value, b"shop/db") == b"\xff\x00"
    assert run(desk, "--raw") == 2
    assert "needs --name" in capsys.readouterr().err


def test_values_are_added_to_a_file(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = desk / "sealed.yaml"
    assert run(desk, "-f", str(desk / "secret.yaml"), "-w", str(target)) == 0
    more = SECRET.replace("password: hunter2", "token: t0ken").replace("a: b", "c: d")
    (desk / "more.yaml").write_text(more)
    assert run(desk, "-f", str(desk / "more.yaml"), "--merge-into", str(target)) == 0
    both = yamldoc.load_manifests(target.read_text())[0]
    assert (opened(both), opened(both, "token")) == (b"hunter2", b"t0ken")
    assert both["spec"]["template"]["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert capsys.readouterr().out == ""

    (desk / "other.yaml").write_text(SECRET.replace("name: db", "name: web"))
    before = target.read_text()
    assert run(desk, "-f", str(desk / "other.yaml"), "--merge-into", str(target)) == 1
    assert "the name differs: db there, web here" in capsys.readouterr().err
    assert target.read_text() == before
    assert not (desk / "sealed.yaml.new").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("stringData: {a: hunter2\n", "is not valid YAML (line"),
        (SECRET.replace("kind: Secret", "kind: ConfigMap"), "only Secrets can be sealed"),
        (SECRET.replace("stringData: {password: hunter2}", "data: {p: hunter-2}"), "not base64"),
        (SECRET.replace("stringData: {password: hunter2}\n", ""), "has no data"),
        (SECRET.replace("namespace: shop, ", ""), "binds a value to a namespace"),
        (SECRET.replace("name: db, ", ""), "binds a value to a name"),
        ("", "no Secret in the input"),
    ],
)
def test_refusals_do_not_tell_what_was_given(
    desk: Path, capsys: pytest.CaptureFixture[str], content: str, why: str
) -> None:
    (desk / "secret.yaml").write_text(content)
    assert run(desk, "-f", str(desk / "secret.yaml")) == 1
    told = capsys.readouterr()
    assert why in told.err
    assert "hunter" not in told.err + told.out


def test_certificates_that_cannot_be_used(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, old = sealing.key_pair(KEY, datetime.now(UTC) - sealing.LIFETIME - timedelta(days=1))
    (desk / "cert.pem").write_bytes(old)
    assert run(desk, "-f", str(desk / "secret.yaml")) == 1
    assert "the certificate expired on" in capsys.readouterr().err
    (desk / "cert.pem").write_text("nonsense")
    assert run(desk, "-f", str(desk / "secret.yaml")) == 1
    assert "the certificate cannot be read" in capsys.readouterr().err


def test_the_controller_is_asked_for_its_certificate(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch.run(["--sandbox", "seal", "-f", str(desk / "secret.yaml")]) == 0
    assert yamldoc.load_manifests(capsys.readouterr().out)[0]["kind"] == "SealedSecret"
    where = ["--controller-namespace", "nowhere", "--fetch-cert"]
    assert dispatch.run(["--sandbox", "seal", *where]) == 1
    assert "no sealed-secrets controller in namespace nowhere" in capsys.readouterr().err
