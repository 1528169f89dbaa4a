"""`opsconsole lint`: exit codes, outputs, trees, and the article as written."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from opsconsole.argo.lint import ALL_RULES
from opsconsole.cli.dispatch import run
from opsconsole.cli.linting import as_sarif, lint_path, lint_tree
from opsconsole.render.trees import DirectoryTree
from tests.peers import missing

ARTICLE = Path(__file__).parents[3] / "shared" / "article"
BASE = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy: {canary: {steps: [{setWeight: 20}]}}
"""
APPLICATION = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://git.example/r.git, path: apps/web, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: prod}
"""
PATCH = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec: {strategy: {blueGreen: {activeService: a}}}
"""


Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Write:
    def write(files: dict[str, str]) -> Path:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, "utf-8")
        return tmp_path

    return write


OVERLAY = {
    "base/kustomization.yaml": "resources: [rollout.yaml]",
    "base/rollout.yaml": BASE,
    "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]",
    "prod/p.yaml": PATCH,
}


def found_in(place: Path) -> set[tuple[str, str, int]]:
    return {(f.rule, f.file, f.line) for f in lint_path(place)}


def test_two_strategies_after_a_patch(tree: Write) -> None:
    found = [f for f in lint_path(tree(OVERLAY)) if f.rule == "rollout-invalid"]
    assert [(f.file, f.line) for f in found] == [("prod/p.yaml", 5)]
    assert "Multiple Strategies can not be listed" in found[0].message
    assert [(p.file, p.line) for p in found[0].related] == [
        ("base/rollout.yaml", 10),
        ("prod/p.yaml", 5),
    ]


INLINE = """resources: [../base]
patches:
- target: {kind: Rollout}
  patch: |-
    PATCH
"""


@pytest.mark.parametrize(
    ("patch", "line"),
    [
        ("- op: test\n      path: /metadata/name\n      value: web\n    - op: add\n      path: /spec/strategy/blueGreen\n      value: {activeService: a}", 8),
        ("apiVersion: argoproj.io/v1alpha1\n    kind: Rollout\n    metadata: {name: web}\n    spec:\n      strategy:\n        blueGreen: {activeService: a}", 10),
    ],
)  # fmt: skip
def test_a_patch_inside_of_the_kustomization(tree: Write, patch: str, line: int) -> None:
    files = {**OVERLAY, "prod/kustomization.yaml": INLINE.replace("PATCH", patch)}
    found = [f for f in lint_path(tree(files)) if f.rule == "rollout-invalid"]
    assert [[(p.file, p.line) for p in f.related] for f in found] == [
        [("base/rollout.yaml", 10), ("prod/kustomization.yaml", line)]
    ]


def test_a_json_patch_in_a_file(tree: Write) -> None:
    files = {
        **OVERLAY,
        "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: j.json, target: {kind: Rollout}}]",
        "prod/j.json": '[\n{"op": "replace",\n"path": "/spec/strategy/canary/steps/0/setWeight", "value": 120}]',
    }
    assert {f for f in found_in(tree(files)) if f[0] == "rollout-invalid"} == {
        ("rollout-invalid", "prod/j.json", 2)
    }


def test_a_base_is_looked_at_through_what_builds_on_it(tree: Write) -> None:
    files = {**OVERLAY, "prod/p.yaml": PATCH.replace("{blueGreen: {activeService: a}}", "{}")}
    broken = BASE.replace("setWeight: 20", "setWeight: 120")
    assert found_in(tree({**files, "base/rollout.yaml": broken})) == {
        ("rollout-invalid", "base/rollout.yaml", 10)
    }


def test_an_application_gives_its_set_options_and_a_namespace(tree: Write) -> None:
    files = {
        "apps/web/rollout.yaml": BASE.replace("canary: {", "canary: {stableService: s, "),
        "apps/web/service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: other}\n",
        "argocd/web.yaml": APPLICATION,
    }
    root = tree(files)
    assert ("missing-reference", "apps/web/rollout.yaml", 10) in found_in(root)
    tree({"apps/web/service.yaml": files["apps/web/service.yaml"].replace("other", "prod")})
    assert found_in(root) == set()


APPSET = """
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all, namespace: argocd}
spec:
  generators:
  - git: {repoURL: https://git.example/r.git, revision: main, directories: [{path: apps/*}]}
  template:
    metadata: {name: '{{path.basename}}'}
    spec:
      project: PROJECT
      source: {repoURL: https://git.example/r.git, path: '{{path}}'}
      destination: {server: https://kubernetes.default.svc, namespace: prod}
"""


def test_applications_that_an_applicationset_makes(tree: Write) -> None:
    second = BASE.replace("{name: web}", "{name: web-two}")
    files = {"apps/a/r.yaml": BASE, "apps/b/r.yaml": second}
    root = tree({**files, "set.yaml": APPSET.replace("PROJECT", "default")})
    # only the set says that both come into one namespace
    assert found_in(root) == {("overlapping-selectors", "apps/b/r.yaml", 6)}
    project = (
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p}\n"
        "spec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: other}]}\n"
    )
    tree({"set.yaml": APPSET.replace("PROJECT", "p"), "project.yaml": project})
    assert ("application-spec", "set.yaml", 8) in found_in(root)


def test_workloads_of_two_sets_in_one_namespace(tree: Write) -> None:
    name = "kustomization.yaml"
    text = "namespace: prod\nresources: [rollout.yaml]"
    second = BASE.replace("{name: web}", "{name: web-two}")
    root = tree(
        {f"a/{name}": text, "a/rollout.yaml": BASE, f"b/{name}": text, "b/rollout.yaml": second}
    )
    assert found_in(root) == {("overlapping-selectors", "b/rollout.yaml", 6)}
    tree({f"b/{name}": text.replace("prod", "staging")})
    assert found_in(root) == set()


def test_a_kustomization_that_is_refused_names_the_field(tree: Write) -> None:
    root = tree({"a/kustomization.yaml": "namespace: x\nresources:\n- none.yaml\n"})
    found = [f for f in lint_path(root) if f.rule == "unreadable"]
    assert [(f.file, f.line) for f in found] == [("a/kustomization.yaml", 3)]
    assert "none.yaml" in found[0].message


def test_what_a_kustomization_does_not_list_is_looked_at_for_secrets(tree: Write) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"
    assert found_in(tree({"a/kustomization.yaml": "namespace: x", "a/s.yaml": secret})) == {
        ("plaintext-secret", "a/s.yaml", 4)
    }


def test_lines_of_several_documents_and_of_bad_yaml(tree: Write) -> None:
    broken = BASE.replace("setWeight: 20", "setWeight: 120")
    text = f"# first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\n---{broken}"
    root = tree({"a.yaml": text, "b.yaml": "apiVersion: v1\nkind: X\nmetadata: {a: 1, b: }]\n"})
    found = {(f.rule, f.file, f.line) for f in lint_path(root) if f.severity == "error"}
    assert found == {("rollout-invalid", "a.yaml", 15), ("unreadable", "b.yaml", 3)}


def test_a_key_that_stands_twice_is_told_and_the_last_one_counts(tree: Write) -> None:
    twice = BASE.replace("setWeight: 20", "setWeight: 20, setWeight: 120")
    found = [(f.rule, f.severity, f.line) for f in lint_path(tree({"a.yaml": f"---{twice}"}))]
    line = next(at for at, one in enumerate(f"---{twice}".split("\n"), 1) if "120" in one)
    assert ("duplicate-key", "warning", line) in found
    assert "rollout-invalid" in {rule for rule, *_ in found}


def test_a_fault_of_yaml_is_an_error_where_argo_cd_refuses_the_file(tree: Write) -> None:
    broken = "---\na: [1\n"
    for text, severity in ((broken, "warning"), (BASE + broken, "error")):
        found = [f for f in lint_path(tree({"a.yaml": text})) if f.rule == "unreadable"]
        assert [f.severity for f in found] == [severity]


def test_comments_leave_findings_out(tree: Write) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"
    note = "# opsconsole:ignore=plaintext-secret  for local use\n"
    assert found_in(tree({"a.yaml": note + secret})) == set()
    assert found_in(tree({"a.yaml": "# opsconsole:ignore=all\n" + secret})) == set()
    assert found_in(tree({"a.yaml": f"{note}---\n{secret}"})) != set()


def test_links(tree: Write, tmp_path: Path) -> None:
    root = tree({"tree/a.yaml": PATCH, "out.yaml": PATCH}) / "tree"
    (root / "inside.yaml").symlink_to("a.yaml")
    assert not [f for f in lint_path(root) if f.file == "inside.yaml"]
    (root / "outside.yaml").symlink_to("../out.yaml")
    assert ("unreadable", "outside.yaml", 1) in found_in(root)
    # a link that is named is followed: the caller chose it
    assert [f for f in lint_path(root / "inside.yaml") if f.rule == "rollout-invalid"]


def test_levels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = tmp_path / "a.yaml"
    note.write_text(BASE.replace("canary: {", "canary: {stableService: s, "), "utf-8")
    assert run(["lint", "-f", str(note)]) == 0
    assert run(["lint", "-f", str(note), "--fail-on", "note"]) == 1
    assert run(["lint", "-f", str(note), "--fail-on", "note", "--ignore", "missing-reference"]) == 0
    assert run(["lint", str(tmp_path)]) == 1
    assert run(["lint", str(tmp_path), "--fail-on", "never"]) == 0
    assert run(["lint", str(tmp_path), "--exclude", "a*"]) == 0
    assert run(["lint", str(tmp_path), "--ignore", "nothing"]) == 2
    assert "1 finding (1 error)" in capsys.readouterr().out


def test_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = BASE.replace("setWeight: 20", "setWeight: 120").encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert run(["lint", "-f", "-"]) == 1
    assert "stdin:10: error: Rollout/web: " in capsys.readouterr().out


def test_a_revision_of_a_repository(tree: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree({"a.yaml": BASE.replace("setWeight: 20", "setWeight: 120")})
    git = ("git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "x")):
        subprocess.run([*git, *words], check=True)
    tree({"a.yaml": BASE})
    assert run(["lint", str(root)]) == 0
    assert run(["lint", str(root), "--revision", "main"]) == 1
    assert run(["lint", str(root), "--revision", "none"]) == 1
    assert "a.yaml:10" in capsys.readouterr().out


def test_sarif_has_rules_places_and_levels(tree: Write) -> None:
    log = json.loads(as_sarif(lint_path(tree(OVERLAY))))
    one = log["runs"][0]
    rules = one["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in ALL_RULES]
    result = next(r for r in one["results"] if r["ruleId"] == "rollout-invalid")
    assert rules[result["ruleIndex"]]["id"] == "rollout-invalid"
    assert result["level"] == "error"
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "prod/p.yaml"
    assert physical["region"] == {"startLine": 5}
    assert len(result["relatedLocations"]) == 2


class Counting(DirectoryTree):
    reads = 0

    def read(self, path: str) -> bytes:
        self.reads += 1
        return super().read(path)


def test_a_file_is_read_a_few_times_however_many_there_are(tree: Write) -> None:
    files: dict[str, str] = {}
    for n in range(60):
        files[f"apps/{n}/kustomization.yaml"] = f"namespace: ns-{n}\nresources: [r.yaml]"
        files[f"apps/{n}/r.yaml"] = BASE.replace("web", f"web-{n}")
        files[f"argocd/{n}.yaml"] = (
            APPLICATION.replace("apps/web", f"apps/{n}").replace("name: web", f"name: web-{n}")
        ).replace("namespace: prod", f"namespace: ns-{n}")
    counting = Counting(tree(files))
    assert lint_tree(counting) == []
    assert counting.reads <= 6 * len(files)


def test_exit_codes_and_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1", "utf-8")
    good = tmp_path / "good.yaml"
    good.write_text(BASE, "utf-8")
    assert run(["lint", "-f", str(good)]) == 0
    assert run(["lint"]) == 2
    assert run(["lint", str(tmp_path / "none")]) == 2
    capsys.readouterr()
    assert run(["lint", str(tmp_path), "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["rule"] == "unreadable"
    assert run(["lint", str(tmp_path), "-o", "sarif"]) == 1
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["results"][0]["ruleId"] == "unreadable"


def test_the_article_as_written() -> None:
    if not ARTICLE.is_dir():
        missing("the article is not here")
    told = "\n".join(f.message for f in lint_path(ARTICLE))
    for words in (
        "Canary DestinationRule subset 'canary' not found in route",
        "AnalysisTemplate 'success-rate' not found",
        "AnalysisTemplate 'comprehensive-check' not found",
        'service "my-app-stable" not found',
        "args.service-name was not resolved",
        'Service "my-app-stable" is managed by another Rollout',
        "Rollout/my-app and Rollout/my-app-canary select the same pods (app=my-app)",
        "cannot decrypt API_KEY: illegal base64 data at input byte 25",
        "resource name may not be empty",
        "an empty result is an Error",
        "on-sync-failed does not ask",
    ):
        assert words in told
