"""Secrets that lie open below an application's path, or in what its kustomization reads."""

from __future__ import annotations

from opsconsole.engine.exposure import plaintext_files
from opsconsole.render.trees import MemoryTree

OPEN = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: hunter2}\n"
SEALED = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a}\nspec: {encryptedData: {p: Ag}}\n"
SOPS = OPEN.replace("hunter2", "ENC[AES256_GCM,data:x]") + "sops: {version: 3.9.0}\n"
EXTERNAL = (
    "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {}\n"
)


def test_only_open_ones_are_told() -> None:
    files = {
        "app/a.yaml": OPEN,
        "app/deep/b.yml": "kind: ConfigMap\n---\n" + OPEN,
        "app/sealed.yaml": SEALED,
        "app/sops.yaml": SOPS,
        "app/external.yaml": EXTERNAL,
        "app/broken.yaml": "kind: Secret\n\tx",
        "app/notes.txt": OPEN,
        "other/a.yaml": OPEN,
    }
    assert plaintext_files(MemoryTree(files), "app") == ("app/a.yaml", "app/deep/b.yml")
    assert plaintext_files(MemoryTree(files), "nowhere") == ()


def test_what_a_kustomization_reads_counts() -> None:
    files = {
        "over/prod/kustomization.yaml": "resources: [../../base]\n",
        "base/kustomization.yaml": "resources: [secret.yaml, gone.yaml]\n",
        "base/secret.yaml": OPEN,
        "base/unused.yaml": OPEN,
    }
    assert plaintext_files(MemoryTree(files), "over/prod") == ("base/secret.yaml",)


def test_links_that_lead_out_are_passed_over() -> None:
    tree = MemoryTree(
        {"app/a.yaml": OPEN}, links={"app/out": "../../etc", "app/b.yaml": "/etc/passwd"}
    )
    assert plaintext_files(tree, "app") == ("app/a.yaml",)
