"""The command line: where it connects, what it refuses, and what it prints."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsconsole.cli import main, serving
from opsconsole.cli.console import check_terminal
from opsconsole.cli.options import Options, sandbox_settings, settings_of, split
from opsconsole.cli.sandboxing import SandboxEnvironment, check_extra
from opsconsole.errors import KubeconfigError, MissingExtraError, UsageError
from opsconsole.model.kinds import APPLICATION, NAMESPACE, ROLLOUT
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.store import Store
from tests.engine import objects

KUBECONFIG = {
    "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def kubeconfig(path: Path, server: str = "http://127.0.0.1:1") -> Path:
    document = {**KUBECONFIG, "clusters": [{"name": "c", "cluster": {"server": server}}]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


class Served:
    """An API server on a thread of its own, with one application."""

    def __init__(self) -> None:
        self.store = Store(Simulation())
        for name in ("argocd", "prod", "default"):
            self.store.create(NAMESPACE, {"metadata": {"name": name}})
        self.store.create(APPLICATION, objects.app())
        made = self.store.create(ROLLOUT, objects.rollout())
        status = objects.rollout()["status"]
        self.store.update(ROLLOUT, {**made, "status": status}, subresource="status")
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main)
        self._thread.start()
        assert self._ready.wait(10)

    def _main(self) -> None:
        async def live() -> None:
            self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
            server = ApiServer(self.store)
            self.url = await server.start()
            self._ready.set()
            await self._done.wait()
            await server.stop()

        asyncio.run(live())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)


@pytest.fixture
def served() -> Iterator[Served]:
    stand = Served()
    yield stand
    stand.stop()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out = capsys.readouterr()
    return code, out.out, out.err


# what is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "there is no command 'nonsense'"),
        (["--nonsense"], "there is no option '--nonsense'"),
        (["--speed", "fast"], "invalid float value"),
        (["--speed", "-1", "apps"], "not possible"),
        (["--sandbox", "--context", "x", "apps"], "cannot both be meant"),
        (["sandbox", "start"], "sandbox serve"),
        (["sandbox", "serve", "--app-resync", "soon"], "app-resync"),
        (["apps", "-o", "xml"], "invalid choice"),
        (["sync"], "required: application"),
        (["promote"], ""),
    ],
)
def test_wrong_use_is_exit_2(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, out, err = run(capsys, *words)
    assert code == 2
    assert said in err
    assert not out
    assert "Traceback" not in err


def test_no_terminal_names_the_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys)
    assert code == 2
    assert "opsconsole apps" in err


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_is_refused_with_a_sentence(term: str) -> None:
    with pytest.raises(UsageError, match="cannot draw on a terminal"):
        check_terminal(term, tty=True)
    check_terminal("xterm", tty=True)


def test_a_missing_extra_says_how_to_install_it() -> None:
    with pytest.raises(MissingExtraError) as caught:
        check_extra(lambda _: None)
    assert "pip install 'opsconsole[sandbox]'" in caught.value.hint
    assert caught.value.exit_code == 2


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, "opsconsole 0.1.0\n")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "promote" in out
    assert "--sandbox" in out


# where it connects


def choose(*words: str) -> Any:
    return settings_of(split(words)[0])


def test_without_any_cluster_the_sandbox(home: Path) -> None:
    assert choose() is None


def test_the_order_of_places(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = kubeconfig(home / ".kube" / "config")
    assert choose().cluster.kubeconfig == (usual,)
    other = kubeconfig(home / "other")
    monkeypatch.setenv("KUBECONFIG", f"{other}{os.pathsep}{home / 'third'}")
    assert choose().cluster.kubeconfig == (other, home / "third")
    assert choose("--kubeconfig", str(usual)).cluster.kubeconfig == (usual,)
    assert choose("--server", "http://127.0.0.1:9").cluster.server == "http://127.0.0.1:9"
    assert choose("--sandbox") is None


@pytest.mark.parametrize("flags", [["--kubeconfig", "gone"], ["--context", "x"]])
def test_what_was_asked_for_is_never_replaced_by_the_sandbox(home: Path, flags: list[str]) -> None:
    with pytest.raises(KubeconfigError):
        choose(*flags)


def test_a_kubeconfig_that_cannot_be_used_is_exit_2(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kubeconfig(home / ".kube" / "config")
    assert run(capsys, "--context", "nope", "apps")[0] == 2
    path.write_text("{")
    assert run(capsys, "apps")[0] == 2
    path.unlink()
    monkeypatch.setenv("KUBECONFIG", str(home / "gone"))
    assert run(capsys, "apps")[0] == 2


def test_flags_may_stand_anywhere_and_dashes_end_them(home: Path) -> None:
    options, rest = split(["set", "image", "-n", "prod", "web", "c=img:1", "--", "-n"])
    assert options == Options(namespace="prod")
    assert rest == ["set", "image", "web", "c=img:1", "--", "-n"]


def test_settings_follow_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig(home / ".kube" / "config")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("SSH_CONNECTION", "x")
    found = choose("--no-mouse", "--ascii", "--state-dir", "s")
    assert (found.ansi_colors, found.mouse, found.ascii_only) == (True, False, True)
    assert found.frame_interval == 0.25
    assert found.state_dir == Path("s")


@pytest.mark.parametrize(
    ("environment", "ascii_only"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LC_CTYPE": "de_DE.utf8@euro", "LANG": "C"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LC_ALL": "", "LANG": "C.UTF-8"}, False),
    ],
)
def test_the_locale_decides_about_ascii(environment: dict[str, str], *, ascii_only: bool) -> None:
    found = sandbox_settings(Options(), {"HOME": "h", **environment})
    assert found.ascii_only is ascii_only


# what it prints


def test_apps_as_text_and_json(
    home: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--server", served.url, "apps")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split()[:5] == ["shop", "default", "prod", "OutOfSync", "Healthy"]
    assert "shop: paused for a promote" in out
    code, out, _ = run(capsys, "--server", served.url, "apps", "-o", "json")
    assert json.loads(out)[0]["key"] == {
        "kind": "Application", "namespace": "argocd", "name": "shop"}  # fmt: skip


def test_snapshot_prints_what_the_console_shows(
    home: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--server", served.url, "snapshot")
    assert code == 0
    assert "setWeight 20" in out


def test_plugin_commands(home: Path, served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("--server", served.url, "-n", "prod")
    assert "SetWeight:     20" in run(capsys, *here, "get", "rollout", "shop")[1]
    assert run(capsys, *here, "promote", "shop")[:2] == (0, "rollout 'shop' promoted\n")
    status = served.store.get(ROLLOUT, "prod", "shop")["status"]
    assert "pauseConditions" not in status
    code, _, err = run(capsys, *here, "abort", "nope")
    assert code == 1
    assert "not found" in err


def test_refresh_shows_its_plan_first(
    home: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--server", served.url)
    code, out, _ = run(capsys, *here, "refresh", "shop", "--plan")
    assert code == 0
    assert "> PATCH /apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop" in out
    meta = served.store.get(APPLICATION, "argocd", "shop")["metadata"]
    assert "annotations" not in meta
    code, _, err = run(capsys, *here, "sync", "nope")
    assert code == 1
    assert "there is no application 'nope'" in err
    code, _, err = run(capsys, *here, "terminate", "shop")
    assert code == 1
    assert "no operation is running" in err


def test_nobody_there_is_exit_1(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--server", "http://127.0.0.1:1", "apps")
    assert code == 1
    assert "cannot talk to" in err


def test_rehearse(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("steps: 5")
    code, _, err = run(capsys, "rehearse", str(path))
    assert code == 1
    assert "steps" in err
    assert run(capsys, "rehearse", str(tmp_path / "gone"))[0] == 1


ROLLOUT_YAML = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: demo}
spec:
  replicas: 3
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: web, image: "shop:1"}]}
  strategy: {canary: {steps: [{setWeight: 34}, {pause: {}}]}}
"""


def test_rehearse_a_directory_with_a_new_image(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "rollout.yaml").write_text(ROLLOUT_YAML)
    code, out, err = run(capsys, "rehearse", str(folder), "--image", "web=shop:2")
    assert (code, err) == (0, "")
    assert "rollout Paused - CanaryPauseStep, step 1/2" in out
    assert "rollout 'demo' promoted" in out
    assert "ended   Healthy" in out
    code, out, _ = run(capsys, "rehearse", str(folder), "--image", "shop:2", "-o", "json")
    assert json.loads(out)["healthy"] is True
    assert run(capsys, "rehearse", str(folder), "--image", "a=b=c")[0] == 1
    assert run(capsys, "rehearse", str(folder))[0] == 1
    assert run(capsys, "rehearse", str(folder), "--image", "x", "--rollout", "other")[0] == 1


# the sandbox's keys


@pytest.mark.parametrize(
    ("words", "speed"),
    [
        ([], 1.0),
        (["--speed", "20"], 20.0),
        (["--speed", "0"], 0.0),
        (["--speed", "20", "--serve-speed", "5"], 5.0),
    ],
)
def test_the_speed_of_a_served_sandbox_is_the_one_asked_for(words: list[str], speed: float) -> None:
    options, rest = split(["sandbox", "serve", *words])
    assert serving._speed(serving._parser().parse_args(rest[2:]), options) == speed
    assert Options().pace() == 20.0


def test_a_served_sandbox_does_not_go_backwards() -> None:
    options, rest = split(["sandbox", "serve", "--serve-speed=-1"])
    with pytest.raises(UsageError, match="not possible"):
        serving._speed(serving._parser().parse_args(rest[2:]), options)


def test_the_speed_keys() -> None:
    class Fake:
        speed = 20.0

    fake: Any = Fake()
    environment = SandboxEnvironment(20.0, ascii_only=True)
    slower, faster, _outbox = environment.extra_actions
    assert environment.banner() == "SANDBOX starting"
    assert faster.run() == "the sandbox is starting"
    environment.attach(fake)
    assert faster.run() == "the sandbox runs at 60x"
    assert fake.speed == 60
    for _ in range(9):
        told = slower.run()
    assert told == "the sandbox is paused"


# what is loaded before the first frame

FIRST = """
import sys
sys.argv = ["opsconsole", "--sandbox"]
import opsconsole.ui.app as app
import opsconsole.cli.console as console
console.check_terminal = lambda *a, **k: None
def run(hub, environment, settings, **_):
    hub_ = hub
    heavy = ("kubernetes", "aiohttp", "git", "promql_parser", "cryptography", "pydantic")
    loaded = [m for m in heavy if m in sys.modules]
    loaded += [m for m in sys.modules if m.startswith("opsconsole.sandbox")]
    print(loaded)
    return 0
app.run = run
from opsconsole.cli import main
sys.exit(main())
"""


def test_the_first_frame_waits_for_nothing_heavy(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
