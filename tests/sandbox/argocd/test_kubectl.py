"""How a sync writes one object: the words are those of gitops-engine's kubectl (v0.36)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from opsconsole.argo.cd.identity import LAST_APPLIED
from opsconsole.argo.cd.sync import EffectError
from opsconsole.argo.cd.sync.effects import Application
from opsconsole.model.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE
from opsconsole.model.objects import annotations_of
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.api.crds import CrdWatcher
from opsconsole.sandbox.argocd.effects import StoreEffects
from opsconsole.sandbox.argocd.kubectl import MANAGER, Kubectl
from opsconsole.sandbox.cluster import ClusterOptions
from opsconsole.sandbox.store import Store

Obj = dict[str, Any]
APPLY, TRIAL = Application(), Application(dry_run=True)
REPLACE = Application(replace=True, there=True)
WARNING = (
    ". Warning: resource configmaps/a is missing the kubectl.kubernetes.io/last-applied-configuration"
    " annotation which is required by  apply.  apply should only be used on resources created"
    " declaratively by either  create --save-config or  apply. The missing annotation will be"
    " patched automatically."
)


@pytest.fixture
def store() -> Store:
    cluster = clusters.build(ClusterOptions(profile="recorded"))
    cluster.store.create(NAMESPACE, {"metadata": {"name": "ns"}})
    return cluster.store


def config(value: Any = "1", **more: Any) -> Obj:
    meta = {"name": "a", "namespace": "ns"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": value}, **more}


def deployment(image: str = "nginx:1", app: str = "d", **spec: Any) -> Obj:
    template = {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    whole = {"replicas": 1, "selector": {"matchLabels": {"app": app}}, "template": template, **spec}
    meta = {"name": "d", "namespace": "ns"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": whole}


def refused(store: Store, target: Obj, how: Application = APPLY) -> str:
    with pytest.raises(EffectError) as caught:
        Kubectl(store).write(target, how)
    return re.sub(r"/dev/shm/\d+", "FILE", str(caught.value))


def test_created_unchanged_configured(store: Store) -> None:
    kubectl = Kubectl(store)
    told = [kubectl.write(config(v), APPLY) for v in ("1", "1", "2")]
    assert told == ["configmap/a created", "configmap/a unchanged", "configmap/a configured"]
    assert kubectl.write(deployment(), APPLY) == "deployment.apps/d created"


def test_a_trial_changes_nothing(store: Store) -> None:
    kubectl = Kubectl(store)
    assert kubectl.write(config(), TRIAL) == "configmap/a created (dry run)"
    assert store.find(CONFIG_MAP, "ns", "a") is None
    kubectl.write(config(), APPLY)
    assert kubectl.write(config(), TRIAL) == "configmap/a unchanged (dry run)"
    assert kubectl.write(config("2"), TRIAL) == "configmap/a configured (dry run)"
    trial = Application(dry_run=True, replace=True, there=True)
    assert kubectl.write(config("2"), trial) == "configmap/a replaced (dry run)"
    assert store.get(CONFIG_MAP, "ns", "a")["data"] == {"k": "1"}


def test_what_was_not_applied_before_is_warned_of_once(store: Store) -> None:
    kubectl = Kubectl(store)
    kubectl.write(config(), Application(replace=True))
    assert LAST_APPLIED not in annotations_of(store.get(CONFIG_MAP, "ns", "a"))
    assert kubectl.write(config(), APPLY) == "configmap/a configured" + WARNING
    assert kubectl.write(config(), APPLY) == "configmap/a unchanged"


def test_what_is_being_deleted_is_warned_of(store: Store) -> None:
    kubectl = Kubectl(store)
    held = config()
    held["metadata"] = {**held["metadata"], "finalizers": ["x/y"]}
    kubectl.write(held, APPLY)
    store.delete(CONFIG_MAP, "ns", "a")
    assert kubectl.write(held, APPLY) == (
        "configmap/a unchanged. Warning: Detected changes to resource a which is currently being"
        " deleted."
    )


def test_unknown_fields_are_dropped_and_always_differ(store: Store) -> None:
    kubectl = Kubectl(store)
    odd = deployment(replicaz=2)
    assert kubectl.write(odd, APPLY) == "deployment.apps/d created"
    assert "replicaz" not in store.get(DEPLOYMENT, "ns", "d")["spec"]
    assert kubectl.write(odd, APPLY) == "deployment.apps/d configured"


def test_wrong_types_are_refused(store: Store) -> None:
    why = (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number'
        " into Go struct field ConfigMap.data.k of type string"
    )
    assert refused(store, config(1)) == why
    assert refused(store, config(1), Application(server_side=True)) == why
    Kubectl(store).write(config(), APPLY)
    assert refused(store, config(1)) == f'error when patching "FILE": {why}'
    assert refused(store, config(1), REPLACE) == f'error when replacing "FILE": {why}'


def test_what_cannot_change_is_refused_without_go_maps_and_forced(store: Store) -> None:
    kubectl = Kubectl(store)
    kubectl.write(deployment(), APPLY)
    before = store.get(DEPLOYMENT, "ns", "d")["metadata"]["uid"]
    assert refused(store, deployment(app="other")) == (
        'error when patching "FILE": Deployment.apps "d" is invalid: spec.selector: Invalid value:'
        " v1.LabelSelector{MatchLabels:v1.LabelSelectorRequirement(nil)}: field is immutable"
    )
    forced = kubectl.write(deployment(app="other"), Application(force=True))
    assert forced == "deployment.apps/d configured"
    assert store.get(DEPLOYMENT, "ns", "d")["metadata"]["uid"] != before


def test_force_does_not_override_what_no_new_object_could_be(store: Store) -> None:
    Kubectl(store).write(config(), APPLY)
    assert refused(store, config(1), Application(force=True)).startswith("error when patching")
    assert store.get(CONFIG_MAP, "ns", "a")["data"] == {"k": "1"}


def test_replace(store: Store) -> None:
    kubectl = Kubectl(store)
    assert kubectl.write(config(), Application(replace=True)) == "configmap/a created"
    assert kubectl.write(config("2"), REPLACE) == "configmap/a replaced"
    forced = Application(replace=True, there=True, force=True)
    assert kubectl.write(config("3"), forced) == (
        'configmap "a" deleted from ns namespace\nconfigmap/a replaced'
    )
    assert store.get(CONFIG_MAP, "ns", "a")["data"] == {"k": "3"}


def test_a_namespace_is_never_made_anew(store: Store) -> None:
    home = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "ns", "labels": {"a": "b"}},
    }
    forced = Application(replace=True, there=True, force=True)
    before = store.get(NAMESPACE, "", "ns")["metadata"]["uid"]
    assert Kubectl(store).write(home, forced) == "Namespace/ns updated"
    now = store.get(NAMESPACE, "", "ns")
    assert (now["metadata"]["uid"], now["metadata"]["labels"]["a"]) == (before, "b")


def test_rbac_is_reconciled_first(store: Store) -> None:
    kubectl = Kubectl(store)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    target = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r", "namespace": "ns"},
        "rules": rules,
    }
    first = kubectl.write(target, APPLY)
    assert first.startswith(
        "role.rbac.authorization.k8s.io/r reconciled. reconciliation required create\n\tmissing"
        " rules added:\n\t\t{Verbs:[get] APIGroups:[] Resources:[pods] ResourceNames:[]"
        " NonResourceURLs:[]}role.rbac.authorization.k8s.io/r configured. Warning: resource roles/r"
    )
    name = "role.rbac.authorization.k8s.io/r"
    assert kubectl.write(target, APPLY) == f"{name} reconciled{name} unchanged"
    trial = f"{name} reconciled (dry run){name} unchanged (dry run)"
    assert kubectl.write(target, TRIAL) == trial
    assert kubectl.write(target, Application(server_side=True)) == f"{name} serverside-applied"
    lost = {**target, "metadata": {"name": "r", "namespace": "lost"}}
    assert refused(store, lost) == (
        "error running kubectl auth reconcile: error getting namespace lost: namespaces"
        ' "lost" not found'
    )


def test_a_name_has_to_be_given(store: Store) -> None:
    meta = {"generateName": "gen-", "namespace": "ns"}
    assert refused(store, {**config(), "metadata": meta}) == (
        "from gen-: cannot use generate name with apply"
    )


def test_a_kind_that_is_not_served_is_named(store: Store) -> None:
    odd = {"apiVersion": "x.io/v1", "kind": "Odd", "metadata": {"name": "o", "namespace": "ns"}}
    assert refused(store, odd) == (
        'resource mapping not found for name: "o" namespace: "ns" from "FILE": no matches for kind'
        ' "Odd" in version "x.io/v1"\nensure CRDs are installed first'
    )


def test_a_definition_is_served_before_the_next_object(store: Store) -> None:
    CrdWatcher(store, schemas=False).start()
    version = {"name": "v1", "served": True, "storage": True}
    names = {"kind": "Widget", "plural": "widgets"}
    spec = {"group": "x.io", "names": names, "scope": "Namespaced", "versions": [version]}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.io"},
        "spec": spec,
    }
    widget = {
        "apiVersion": "x.io/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "ns"},
    }
    kubectl = Kubectl(store)
    kubectl.write(definition, APPLY)
    assert kubectl.write(widget, APPLY) == "widget.x.io/w created"


def test_server_side_apply_takes_over_what_kubectl_owned(store: Store) -> None:
    mine = {
        "manager": "kubectl-client-side-apply",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:k": {}, "f:old": {}}},
    }
    made = config()
    made["metadata"] = {**made["metadata"], "managedFields": [mine]}
    made["data"] = {"k": "1", "old": "x"}
    store.create(CONFIG_MAP, made)
    how = Application(server_side=True, migrate_from="kubectl-client-side-apply")
    assert Kubectl(store).write(config(), how) == "configmap/a serverside-applied"
    now = store.get(CONFIG_MAP, "ns", "a")
    assert now["data"] == {"k": "1"}
    listed = [(e["manager"], e["operation"]) for e in now["metadata"]["managedFields"]]
    assert listed == [(MANAGER, "Apply")]


def test_without_migration_the_others_fields_stay(store: Store) -> None:
    store.create(CONFIG_MAP, {**config(), "data": {"k": "1", "old": "x"}})
    Kubectl(store).write(config(), Application(server_side=True))
    assert store.get(CONFIG_MAP, "ns", "a")["data"] == {"k": "1", "old": "x"}


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("v1", "ConfigMap", ""),
        (
            "x.io/v1",
            "Odd",
            (
                "failed to discover server resources for group version x.io/v1: the server could"
                " not find the requested resource"
            ),
        ),
        ("apps/v1", "Odd", 'Odd.apps "" not found'),
        ("v1", "Odd", 'Odd "" not found'),
    ],
)
def test_what_discovery_says(store: Store, api_version: str, kind: str, message: str) -> None:
    assert StoreEffects(store, lambda _: "").unserved(api_version, kind) == message


def test_a_result_is_explained(store: Store) -> None:
    effects = StoreEffects(store, lambda _: "")
    lost = "x: the server could not find the requested resource"
    odd = {"group": "x.io", "kind": "Odd", "namespace": "ns", "name": "o", "version": "v1"}
    assert effects.explained({**odd, "message": lost}) == (
        "The Kubernetes API could not find x.io/Odd for requested resource ns/o. Make sure the"
        ' "Odd" CRD is installed on the destination cluster.'
    )
    old = {"group": "apps", "kind": "Deployment", "namespace": "ns", "name": "d", "version": "v2"}
    assert effects.explained({**old, "message": lost}) == (
        'The Kubernetes API could not find version "v2" of apps/Deployment for requested resource'
        ' ns/d. Version "v1" of apps/Deployment is installed on the destination cluster.'
    )
    long = "metadata.annotations: Too long: must have at most 262144 bytes"
    assert effects.explained({**odd, "message": long}).startswith(f"{long} \n -Additional Info: ")
    assert effects.explained({**odd, "message": "fine"}) == "fine"
