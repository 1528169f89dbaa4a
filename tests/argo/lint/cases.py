"""Texts for the lint rules: one with each fault, and good ones."""

from __future__ import annotations

import base64

ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, annotations: {argocd.argoproj.io/sync-wave: "0"}}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy: STRATEGY
"""
CANARY = "{canary: {steps: [{setWeight: 20}, STEP]}}"
METRICS = """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: rate}
spec:
  args: [{name: service}]
  metrics:
  - name: rate
    successCondition: CONDITION
    provider: {prometheus: {address: "http://p", query: "{{args.service}}"}}
"""
NOTES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-notifications-cm}
data:
  service.slack: "token: $slack-token"
  template.told: "message: hello"
  NAME: |
    - when: WHEN
      send: [SEND]
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {key: aGk=}\n"
SEALED = """
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: s, namespace: n}
spec:
  encryptedData:
    key: VALUE
"""
GOOD_VALUE = base64.b64encode((256).to_bytes(2, "big") + bytes(256 + 20)).decode()


def canary(step: str) -> str:
    return ROLLOUT.replace("STRATEGY", CANARY.replace("STEP", step))


def metric(condition: str) -> str:
    return METRICS.replace("CONDITION", f"'{condition}'")


def metric_with(extra: str, condition: str = "len(result) > 0 && result[0] < 1") -> str:
    return metric(condition) + f"  {extra}\n"


def notes(when: str, send: str = "told", name: str = "trigger.one") -> str:
    return NOTES.replace("NAME", name).replace("WHEN", f'"{when}"').replace("SEND", send)


def obj(kind: str, spec: str = "{}", meta: str = "name: a", version: str = "v1") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{{meta}}}\nspec: {spec}\n"


def noted(key: str, value: str, kind: str = "ConfigMap", spec: str = "{}") -> str:
    return obj(kind, spec, f'name: a, annotations: {{"{key}": "{value}"}}')


def deployment(name: str, app: str, extra: str = "", pod: str = "", meta: str = "") -> str:
    template = f"{{metadata: {{labels: {{app: {app}}}}}, spec: {{containers: [{{name: c, image: i{pod}}}]}}}}"
    spec = f"{{selector: {{matchLabels: {{app: {app}}}}}, template: {template}{extra}}}"
    return obj("Deployment", spec, f"name: {name}{meta}", "apps/v1")


def application(spec: str = "", source: str = "path: apps/web", policy: str = "{}") -> str:
    full = (
        "{project: default, destination: {server: https://kubernetes.default.svc, namespace: n}, "
        f"source: {{repoURL: https://git.example/r.git, {source}}}, syncPolicy: {policy}{spec}}}"
    )
    return obj("Application", full, "name: web, namespace: argocd", "argoproj.io/v1alpha1")


def appset(generators: str, name: str = "'{{name}}'", extra: str = "") -> str:
    template = f"{{metadata: {{name: {name}}}, spec: {{project: default}}}}"
    spec = f"{{generators: {generators}, template: {template}{extra}}}"
    return obj("ApplicationSet", spec, "name: s, namespace: argocd", "argoproj.io/v1alpha1")


def wave(number: int, kind: str = "ConfigMap", spec: str = "{}", version: str = "v1") -> str:
    meta = f'name: w{number}, annotations: {{argocd.argoproj.io/sync-wave: "{number}"}}'
    return obj(kind, spec, meta, version)


ANALYSIS = "{analysis: {templates: [{templateName: rate}]}}"
ISTIO = """{canary: {trafficRouting: {istio: {virtualService: {name: vs},
    destinationRule: {name: dr, canarySubsetName: canary, stableSubsetName: stable}}}}}"""
VS = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: vs}
spec:
  http:
  - route:
    - {destination: {host: web, subset: stable}, weight: STABLE}
    - {destination: {host: web, subset: canary}, weight: 0}
"""
DR = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: dr}
spec: {host: web, subsets: [{name: stable}, {name: SUBSET}]}
"""
NGINX = """{canary: {canaryService: c, stableService: s, steps: [{setWeight: 20}],
    trafficRouting: {nginx: {stableIngress: i}}}}"""
ROUTED = ROLLOUT.replace("STRATEGY", ISTIO)
SERVICES = obj("Service", meta="name: c") + "---\n" + obj("Service", meta="name: s")
INGRESS = obj(
    "Ingress",
    "{rules: [{http: {paths: [{backend: {service: {name: BACKEND}}}]}}]}",
    "name: i",
    "networking.k8s.io/v1",
)
TWO = "{canary: {canaryService: c, stableService: s}}"
HPA = obj(
    "HorizontalPodAutoscaler",
    "{maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Rollout, name: web}}",
    "name: a",
    "autoscaling/v2",
)
PLAIN = canary("{pause: {duration: 1m}}").replace("replicas: 5", "minReadySeconds: 0")
RUN = """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisRun
metadata: {name: r}
spec:
  metrics:
  - {name: m, interval: 5s, provider: {job: {spec: {}}}}
"""
PROJECT = """
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "*", namespace: "*"}]
  EXTRA
"""
BAD_SUBSCRIBER = application().replace(
    "name: web, namespace",
    "name: web, annotations: {notifications.argoproj.io/subscribe.other.slack: x}, namespace",
)
CONFIGURED = ", env: [{name: x, valueFrom: {configMapKeyRef: {name: w1, key: k}}}]"
CLAIM = wave(-1, "PersistentVolumeClaim", "{storageClassName: late}") + "---\n"
LATE = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: late}\nvolumeBindingMode: WaitForFirstConsumer\n"
USER = deployment("u", "u").replace(
    "spec: {containers", "spec: {volumes: [{persistentVolumeClaim: {claimName: w-1}}], containers"
)
KEY = "-----BEGIN RSA PRIVATE KEY-----"

FOUND: dict[str, tuple[str, ...]] = {
    "rollout-invalid": (
        ROLLOUT.replace("STRATEGY", "{canary: {}, blueGreen: {activeService: a}}"),
    ),
    "rollout-unknown-field": (
        ROLLOUT.replace("STRATEGY", "{canary: {stepz: [], steps: [{setWeight: 20}]}}"),
    ),
    "missing-reference": (canary(ANALYSIS),),
    "analysis-refused": (canary(ANALYSIS), metric("len(result) > 0 && result[0] < 1")),
    "shared-service": (
        ROLLOUT.replace("STRATEGY", TWO),
        ROLLOUT.replace("STRATEGY", TWO).replace("web", "two"),
        SERVICES,
    ),
    "rounded-weight": (canary("{pause: {duration: 1m}}").replace("replicas: 5", "replicas: 2"),),
    "analysis-invalid": (metric("len(result) > 0").replace("- name: rate", "- name: rate\n    count: 2"),),
    "analysis-argument": (metric("len(result) > 0").replace("args: [{name: service}]", "args: []"),),
    "analysis-rule": (metric_with("dryRun: [{metricName: none}]"),),
    "nested-template": (metric_with("templates: [{templateName: none}]"),),
    "analysis-endless": (RUN,),
    "provider-address": (metric("len(result) > 0").replace("http://p", ""),),
    "secret-argument": (
        metric("len(result) > 0").replace(
            "[{name: service}]", "[{name: service}, {name: api-token, value: x}]"
        ),
    ),
    "experiment-invalid": (obj("Experiment", version="argoproj.io/v1alpha1"),),
    "condition-invalid": (metric("result[0] <"),),
    "condition-type": (metric("result < 1"),),
    "condition-empty-result": (metric("result[0] < 1"),),
    "condition-default": (metric("default(result.x, 0) < 1").replace("prometheus: {address", "web: {url"),),
    "condition-constant": (metric("1 < 2"),),
    "dry-run-star": (metric_with("dryRun: [{metricName: '*'}]"),),
    "route-weights": (VS.replace("STABLE", "90"),),
    "route-subset": (VS.replace("STABLE", "100"), DR.replace("SUBSET", "other")),
    "destination-rule-subset": (ROUTED, VS.replace("STABLE", "100"), DR.replace("SUBSET", "canary}, {name: more")),
    "istio-not-ignored": (ROUTED, VS.replace("STABLE", "100"), DR.replace("SUBSET", "canary"), application()),
    "ingress-rule": (ROLLOUT.replace("STRATEGY", NGINX), SERVICES, INGRESS.replace("BACKEND", "c")),
    "ingress-backend": (INGRESS.replace("BACKEND", "none"), SERVICES),
    "overlapping-selectors": (deployment("one", "x"), deployment("two", "x")),
    "workload-selector": (deployment("one", "x").replace("{labels: {app: x}}", "{labels: {app: y}}"),),
    "scale-target": (HPA, PLAIN),
    "disruption-budget": (
        obj("PodDisruptionBudget", "{selector: {matchLabels: {app: z}}}", "name: a", "policy/v1"),
        deployment("one", "x"),
    ),
    "service-selector": (obj("Service", "{selector: {app: z}}"), deployment("one", "x")),
    "missing-configuration": (deployment("one", "x", pod=CONFIGURED),),
    "unnamed-object": (obj("ConfigMap", meta=""),),
    "invalid-metadata": (obj("ConfigMap", meta="name: My_Map"),),
    "removed-api": (obj("Ingress", version="extensions/v1beta1"),),
    "repeated-resource": (obj("ConfigMap"), obj("ConfigMap")),
    "blocked-wave": (canary("{pause: {}}"), wave(1)),
    "wave-order": (deployment("one", "x", pod=CONFIGURED), wave(1)),
    "unbound-claim": (CLAIM, LATE, USER),
    "endless-hook": (
        noted("argocd.argoproj.io/hook", "PreSync", "Job", "{suspend: true}").replace("v1\n", "batch/v1\n", 1),
    ),
    "sync-wave-value": (noted("argocd.argoproj.io/sync-wave", "first"),),
    "hook-type": (noted("argocd.argoproj.io/hook", "Presync"),),
    "hook-delete-policy": (
        obj("Job", "{}", "name: a, annotations: {argocd.argoproj.io/hook: Sync, argocd.argoproj.io/hook-delete-policy: Never}", "batch/v1"),
    ),
    "sync-option": (noted("argocd.argoproj.io/sync-options", "Prune=False"),),
    "annotation-key": (noted("argocd.argoproj.io/sync-waves", "1"),),
    "generate-name": (obj("Job", meta="generateName: a-", version="batch/v1"),),
    "application-spec": (application(", x: 1").replace("project: default", "project: none"), PROJECT.replace("EXTRA", "")),
    "application-path": (application(), application(source="path: apps/none").replace("name: web", "name: other")),
    "application-kind": (
        application(),
        PROJECT.replace("EXTRA", 'namespaceResourceBlacklist: [{group: "", kind: Secret}]'),
        SECRET.replace("key: aGk=", ""),
    ),
    "application-policy": (application(policy="{syncOptions: [CreateNamespaces=true]}"),),
    "project-spec": (PROJECT.replace("EXTRA", "syncWindows: [{kind: allow, schedule: x, duration: 1h}]"),),
    "appset-generator": (appset("[{lists: {}}]"),),
    "appset-template": (appset("[{list: {elements: [{name: a}, {name: a}]}}]"),),
    "appset-spec": (appset("[{list: {elements: [{name: a}, {name: b}]}}]", "fixed"),),
    "notifications-silenced": (notes("a =="),),
    "trigger-template": (notes("app.a == 1", "other"),),
    "trigger-never": (notes("app.a == 1 and app.a == 2"),),
    "trigger-name": (notes("application.a == 1"),),
    "trigger-sync-failed": (notes("app.a == 1", name="trigger.on-sync-failed"),),
    "notification-service": (notes("app.a == 1").replace("service.slack", "service.slacks"),),
    "notification-template": (notes("app.a == 1").replace('"message: hello"', '"text: hello"'),),
    "subscription": (notes("app.a == 1"), BAD_SUBSCRIBER),
    "plaintext-secret": (SECRET,),
    "private-key": (obj("ConfigMap").replace("spec: {}", f"data: {{k: '{KEY}'}}"),),
    "sealed-value-invalid": (SEALED.replace("VALUE", "AgBy3i4OJSWK+..."),),
    "sealed-scope": (
        SEALED.replace("VALUE", GOOD_VALUE).replace(
            "namespace: n", "namespace: n, annotations: {sealedsecrets.bitnami.com/clusterwide: 'true'}"
        ),
    ),
}  # fmt: skip

BESIDE: dict[str, set[str]] = {
    "notification-service": {"notifications-silenced"},
    "shared-service": {"service-selector"},
    "dry-run-star": {"analysis-rule"},
    "appset-template": {"appset-spec"},
    "appset-spec": {"appset-template"},
    "ingress-rule": {"service-selector", "ingress-backend", "rounded-weight"},
}
"""Rules that speak of the same text for good reason."""

GOOD: dict[str, tuple[str, ...]] = {
    "a rollout whose pauses end": (canary("{pause: {duration: 1m}}"), wave(1)),
    "a guarded condition": (metric("len(result) > 0 && result[0] < 1"),),
    "a query that always answers": (
        metric("result[0] < 1").replace('"{{args.service}}"', '"up or vector(0) # {{args.service}}"'),
    ),
    "a trigger that can be": (notes("app.a == 1 or app.a == 2"),),
    "a real health": (notes("app.status.health.status in ['Degraded', 'Missing']"),),
    "a failed sync": (
        notes("app.status.operationState.phase in ['Error', 'Failed']", name="trigger.on-sync-failed"),
    ),
    "istio in order": (
        ROUTED, VS.replace("STABLE", "100"), DR.replace("SUBSET", "canary"),
        application(", ignoreDifferences: [{kind: VirtualService}, {kind: DestinationRule}]"),
    ),
    "own selectors": (deployment("one", "x"), deployment("two", "y")),
    "a workload and the rollout that refers to it": (
        deployment("one", "x"),
        obj("Rollout", "{workloadRef: {apiVersion: apps/v1, kind: Deployment, name: one}, strategy: {canary: {}}}",
            "name: r", "argoproj.io/v1alpha1"),
    ),
    "hooks and options": (
        noted("argocd.argoproj.io/hook", "PreSync,PostSync"),
        noted("argocd.argoproj.io/sync-options", "Prune=false,ServerSideApply=true").replace("name: a", "name: b"),
        noted("argocd.argoproj.io/sync-wave", "-5").replace("name: a", "name: c"),
    ),
    "a project and its application": (application(), PROJECT.replace("EXTRA", "")),
    "an application set": (appset("[{list: {elements: [{name: a}, {name: b}]}}]"),),
    "generators that need a cluster": (appset("[{clusters: {}}, {git: {repoURL: x, directories: [{path: '*'}]}}]"),),
    "a sealed value": (SEALED.replace("VALUE", GOOD_VALUE),),
    "a sealed secret makes the secret": (
        deployment("one", "x", pod=", envFrom: [{secretRef: {name: s}}]"), SEALED.replace("VALUE", GOOD_VALUE),
    ),
    "configuration in time": (deployment("one", "x", pod=CONFIGURED), wave(1).replace('"1"', '"-1"')),
    "an optional configuration": (
        deployment("one", "x", pod=", envFrom: [{configMapRef: {name: w1, optional: true}}]"),
    ),
    "nested templates": (
        metric_with("templates: [{templateName: inner}]"),
        metric("len(result) > 0 && result[0] < 1").replace("name: rate", "name: inner"),
    ),
}  # fmt: skip

SAID: list[tuple[str, tuple[str, ...]]] = [
    ("5 unknown generator 'lists'", (appset("[{lists: {}}]").replace("spec: {gen", "spec: {\n  gen"),)),
    ("5 found less than two generators, Merge requires two or more", (
        appset("[{merge: {mergeKeys: [a], generators: [{list: {}}]}}]").replace("spec: {gen", "spec: {\n  gen"),)),
    ("11 steps[1].analysis.templates: Invalid value: \"rate\": AnalysisTemplate 'rate' not found", (canary(ANALYSIS),)),
    ("11 This rollout uses the same service for the stable and canary services", (
        ROLLOUT.replace("STRATEGY", "{canary: {canaryService: s, stableService: s}}"),)),
    ("7 cannot decrypt key: illegal base64 data at input byte 13", (SEALED.replace("VALUE", "AgBy3i4OJSWK+..."),)),
    ("7 cannot decrypt key: SealedSecret data too short", (SEALED.replace("VALUE", "AgBy3i4O"),)),
    ("7 cannot decrypt key: no key could decrypt secret", (SEALED.replace("VALUE", "AAQxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"),)),
    ("8 subset 'stable' of web is not in DestinationRule dr", (
        VS.replace("STABLE", "100"), DR.replace("name: stable", "name: base").replace("SUBSET", "canary"))),
    ("7 total destination weight = 0", (VS.replace("STABLE", "0"),)),
    ("8 trigger one: when \"app.status.health.status == 'degraded'\" can never be true", (
        notes("app.status.health.status == 'degraded'"),)),
    ("9 invalid operation: < (mismatched types []float64 and int)", (metric("result < 1"),)),
]  # fmt: skip
