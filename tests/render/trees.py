"""Trees for the comparison with the real kustomize: name → files; the build is of `top`, or the root."""

from __future__ import annotations

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: runner
      containers:
      - name: app
        image: nginx:1.0
        args: [a, b]
        ports: [{containerPort: 80, name: http}, {containerPort: 81, name: admin}]
        env: [{name: A, value: "1"}, {name: B, valueFrom: {configMapKeyRef: {name: cfg, key: b}}}]
        envFrom: [{secretRef: {name: sec}}]
        volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /w}]
        resources: {limits: {cpu: 100m, memory: 1Gi}}
      - name: side
        image: registry.local:5000/busy/box
        command: [sh]
      initContainers: [{name: init, image: "alpine@sha256:aa"}]
      volumes: [{name: v, configMap: {name: cfg}}, {name: w, secret: {secretName: sec}}, {name: x, persistentVolumeClaim: {claimName: data}}]
      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: zone}]}}
      tolerations: [{key: x, operator: Exists}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http, name: http}]
"""
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: ro}
spec:
  replicas: 3
  selector: {matchLabels: {app: ro}}
  template:
    metadata: {labels: {app: ro}}
    spec:
      containers: [{name: app, image: "nginx:1.0"}, {name: side, image: busybox}]
      volumes: [{name: v, configMap: {name: cfg}}]
  strategy:
    blueGreen: {activeService: web, autoPromotionEnabled: false}
"""
OTHERS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: cfg}
data: {b: "2"}
---
apiVersion: v1
kind: Secret
metadata: {name: sec}
stringData: {p: q}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
imagePullSecrets: [{name: sec}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [cfg], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: runner}, {kind: ServiceAccount, name: default, namespace: other}, {kind: User, name: runner}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 3
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{secretName: sec, hosts: [x]}]
  rules: [{host: x, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast, accessModes: [ReadWriteOnce]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: x
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: x}}}]}]
"""
WORKLOADS = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: web
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "pg:1"}]}}
  volumeClaimTemplates: [{metadata: {name: d}, spec: {storageClassName: fast}}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: j, image: "nginx:1.0"}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often}
spec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: j, image: nginx, envFrom: [{configMapRef: {name: cfg}}]}]}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each}
spec: {selector: {matchLabels: {app: each}}, template: {metadata: {labels: {app: each}}, spec: {containers: [{name: c, image: nginx}]}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: team}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {group: example.com, names: {kind: Thing, plural: things}, scope: Cluster, versions: []}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing, namespace: set}
spec: {list: [1, 2], containers: [{image: nginx}], ref: {name: cfg}}
"""
BASE = {
    "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml, rollout.yaml, others.yaml]\n",
    "base/deployment.yaml": DEPLOYMENT,
    "base/service.yaml": SERVICE,
    "base/rollout.yaml": ROLLOUT,
    "base/others.yaml": OTHERS,
    "base/workloads.yaml": WORKLOADS,
}
TOP = "resources: [base]\n"


def over(text: str, **files: str) -> dict[str, str]:
    """The base with a kustomization over it, and more files (`__` is `/`, `_` is `.`)."""
    named = {n.replace("__", "/").replace("_", "."): t for n, t in files.items()}
    return {**BASE, "kustomization.yaml": TOP + text, **named}


def patched(patch: str, target: str = "") -> dict[str, str]:
    body = "".join(f"    {line}\n" for line in patch.splitlines())
    return over(f"patches:\n- patch: |\n{body}" + (f"  target: {target}\n" if target else ""))


WEB = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
RO = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: ro}\n"
POD = "spec: {template: {spec: "
ALL = "resources: [base, base/workloads.yaml]\n"


def whole(text: str) -> dict[str, str]:
    base = dict(BASE)
    base["base/kustomization.yaml"] = (
        "resources: [deployment.yaml, service.yaml, rollout.yaml, others.yaml, workloads.yaml]\n"
    )
    return {**base, "kustomization.yaml": TOP + text}


CASES: dict[str, dict[str, str]] = {
    "plain": over(""),
    "bases": {**BASE, "kustomization.yaml": "bases: [base]\n"},
    "everything": whole(""),
    "namespace": whole("namespace: prod\n"),
    "prefix": whole("namePrefix: p-\n"),
    "suffix": whole("nameSuffix: -s\n"),
    "prefix-suffix-namespace": whole("namePrefix: p-\nnameSuffix: -s\nnamespace: prod\n"),
    "common-labels": whole("commonLabels: {team: a, app: other}\n"),
    "common-annotations": whole("commonAnnotations: {who: me}\n"),
    "labels": whole("labels: [{pairs: {team: a}}]\n"),
    "labels-selectors": whole("labels: [{pairs: {team: a}, includeSelectors: true}]\n"),
    "labels-templates": whole("labels: [{pairs: {team: a}, includeTemplates: true}]\n"),
    "labels-two": whole("labels: [{pairs: {team: a}}, {pairs: {tier: b}, includeSelectors: true}]\n"),
    "images-tag": whole('images: [{name: nginx, newTag: "2"}]\n'),
    "images-name": whole("images: [{name: nginx, newName: r.io:5000/x/nginx}, {name: 'registry.local:5000/busy/box', newTag: v1}]\n"),
    "images-digest": whole('images: [{name: nginx, digest: "sha256:bb"}, {name: alpine, newTag: "3"}]\n'),
    "images-tag-and-digest": whole('images: [{name: nginx, newTag: "9", digest: "sha256:bb"}]\n'),
    "replicas": over("replicas: [{name: web, count: 7}]\n"),
    "replicas-statefulset": whole("replicas: [{name: db, count: 3}]\n"),
    "replicas-after-prefix": over("namePrefix: p-\nreplicas: [{name: web, count: 7}]\n"),
    "replicas-nobody": over("replicas: [{name: nobody, count: 7}]\n"),
    "replicas-rollout": over("replicas: [{name: ro, count: 7}]\n"),
    "patch-container": patched(WEB + POD + "{containers: [{name: app, image: 'nginx:9'}]}}}"),
    "patch-new-container": patched(WEB + POD + "{containers: [{name: new, image: n}, {name: side, command: [x]}]}}}"),
    "patch-env": patched(WEB + POD + "{containers: [{name: app, env: [{name: C, value: c}, {name: A, value: '9'}]}]}}}"),
    "patch-env-kind": patched(WEB + POD + "{containers: [{name: app, env: [{name: B, value: x, valueFrom: null}]}]}}}"),
    "patch-args": patched(WEB + POD + "{containers: [{name: app, args: [z]}]}}}"),
    "patch-null": patched(WEB + POD + "{containers: [{name: app, args: null, resources: null}], affinity: null}}}"),
    "patch-ports": patched(WEB + POD + "{containers: [{name: app, ports: [{containerPort: 82, name: new}, {containerPort: 80, name: web}]}]}}}"),
    "patch-volumes": patched(WEB + POD + "{volumes: [{name: y, emptyDir: {}}, {name: v, configMap: {name: other}}], containers: [{name: app, volumeMounts: [{name: y, mountPath: /y}]}]}}}"),
    "patch-volume-replaced": patched(WEB + POD + "{volumes: [{name: v, emptyDir: {}, configMap: null}]}}}"),
    "patch-tolerations": patched(WEB + POD + "{tolerations: [{key: y, operator: Exists}]}}}"),
    "patch-delete-element": patched(WEB + POD + "{containers: [{name: side, $patch: delete}]}}}"),
    "patch-replace-list": patched(WEB + POD + "{containers: [{$patch: replace}, {name: only, image: o}]}}}"),
    "patch-replace-map": patched(WEB + POD + "{affinity: {$patch: replace, nodeAffinity: {}}}}}"),
    "patch-delete-map": patched(WEB + POD + "{affinity: {$patch: delete}}}}"),
    "patch-delete-object": patched(WEB + "$patch: delete\n"),
    "patch-labels": patched(WEB + "metadata: {name: web, labels: {x: yy}, annotations: {a: b}}\n".replace("metadata", "#", 1) + "spec: {replicas: 9}\n"),
    "patch-metadata": patched("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {x: yy, app: null}, annotations: {a: b}}\n"),
    "patch-service-port": patched("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, ports: [{port: 81, name: two}, {port: 80, targetPort: 9}]}\n"),
    "patch-rollout": patched(RO + "spec: {replicas: 9, template: {spec: {containers: [{name: app, image: new}]}}}\n"),
    "patch-rollout-strategy": patched(RO + "spec: {strategy: {blueGreen: null, canary: {steps: [{setWeight: 5}, {pause: {duration: 10m}}]}}}\n"),
    "patch-rollout-two-strategies": patched(RO + "spec: {strategy: {canary: {steps: [{setWeight: 5}]}}}\n"),
    "patch-rollout-delete": patched(RO + "$patch: delete\n"),
    "patch-no-match": patched("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: nobody}\n"),
    "patch-two-documents": patched(WEB + "spec: {replicas: 9}\n---\n" + RO + "spec: {replicas: 8}\n"),
    "patch-target-kind": patched("apiVersion: v1\nkind: X\nmetadata: {name: any}\nspec: {replicas: 5}", "{kind: Deployment|Rollout}"),
    "patch-target-name": patched("apiVersion: v1\nkind: X\nmetadata: {name: any, annotations: {n: '1'}}", "{name: 'w.*'}"),
    "patch-target-label": patched("apiVersion: v1\nkind: X\nmetadata: {name: any, annotations: {n: '1'}}", "{labelSelector: app=web}"),
    "patch-target-nobody": patched("apiVersion: v1\nkind: X\nmetadata: {name: any}\nspec: {replicas: 5}", "{kind: Nobody}"),
    "patch-target-group": patched("apiVersion: v1\nkind: X\nmetadata: {name: any, annotations: {n: '1'}}", "{group: apps, version: v1}"),
    "patch-name-change": over("patches:\n- path: p.yaml\n  target: {kind: ConfigMap, name: cfg}\n  options: {allowNameChange: true}\n", p_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: renamed}\n"),
    "json-replace": patched("- {op: replace, path: /spec/replicas, value: 6}", "{kind: Deployment, name: web}"),
    "json-add": patched("- {op: add, path: /spec/template/spec/containers/-, value: {name: z, image: z}}\n- {op: add, path: /metadata/annotations, value: {a~1b: c}}\n- {op: add, path: /spec/template/spec/containers/0/args/0, value: first}", "{kind: Deployment}"),
    "json-remove": patched("- {op: remove, path: /spec/template/spec/containers/1}\n- {op: remove, path: /metadata/labels/app}", "{kind: Deployment}"),
    "json-move-copy-test": patched("- {op: test, path: /spec/replicas, value: 2}\n- {op: copy, from: /metadata/name, path: /metadata/labels/copy}\n- {op: move, from: /metadata/labels/app, path: /metadata/labels/moved}", "{kind: Deployment}"),
    "json-test-fails": patched("- {op: test, path: /spec/replicas, value: 3}", "{kind: Deployment}"),
    "json-missing": patched("- {op: remove, path: /spec/nothing}", "{kind: Deployment}"),
    "json-escaped": patched("- {op: add, path: /metadata/labels/a~1b, value: c}", "{kind: Deployment}"),
    "json-rollout": patched("- {op: replace, path: /spec/template/spec/containers/0/image, value: new}", "{kind: Rollout}"),
    "json-name": over("patches:\n- path: p.yaml\n  target: {kind: Service}\n", p_yaml="- {op: replace, path: /metadata/name, value: svc2}\n"),
    "patch-path": over("patches: [{path: p.yaml}]\n", p_yaml=WEB + "spec: {replicas: 4}\n"),
    "patch-json-file": over("patches: [{path: p.json, target: {kind: Deployment}}]\n", p_json='[{"op": "replace", "path": "/spec/replicas", "value": 6}]'),
    "patches-strategic-merge": over("patchesStrategicMerge: [p.yaml]\n", p_yaml=WEB + "spec: {replicas: 4}\n"),
    "patches-json6902": over("patchesJson6902:\n- path: p.yaml\n  target: {group: apps, version: v1, kind: Deployment, name: web}\n", p_yaml="- {op: replace, path: /spec/replicas, value: 6}\n"),
    "config-map-literals": over("configMapGenerator: [{name: made, literals: [a=1, 'b=x=y', 'c=\"q\"']}]\n"),
    "config-map-files": over("configMapGenerator: [{name: made, files: [a.txt, k=sub/b.txt]}]\n", a_txt="hello\n", sub__b_txt="x: <&>\n"),
    "config-map-env": over("configMapGenerator: [{name: made, envs: [e.env]}]\n", e_env="# c\nA=1\n\nB=two words\n"),
    "config-map-referenced": {**BASE, "base/kustomization.yaml": "resources: [deployment.yaml]\nconfigMapGenerator: [{name: cfg, literals: [b=2]}]\nsecretGenerator: [{name: sec, literals: [p=q]}]\n", "kustomization.yaml": TOP + "namePrefix: p-\nnamespace: ns1\n"},
    "config-map-merge": {**BASE, "base/kustomization.yaml": "resources: [deployment.yaml]\nconfigMapGenerator: [{name: cfg, literals: [b=2, c=3]}]\n", "kustomization.yaml": TOP + "configMapGenerator: [{name: cfg, behavior: merge, literals: [b=9, d=4]}]\n"},
    "config-map-replace": {**BASE, "base/kustomization.yaml": "resources: [deployment.yaml]\nconfigMapGenerator: [{name: cfg, literals: [b=2, c=3]}]\n", "kustomization.yaml": TOP + "configMapGenerator: [{name: cfg, behavior: replace, literals: [d=4]}]\n"},
    "config-map-merge-after-prefix": {**BASE, "base/kustomization.yaml": "namePrefix: b-\nresources: [deployment.yaml]\nconfigMapGenerator: [{name: cfg, literals: [b=2]}]\n", "kustomization.yaml": TOP + "namePrefix: t-\nconfigMapGenerator: [{name: cfg, behavior: merge, literals: [d=4]}]\n"},
    "config-map-merge-no-hash-below": {**BASE, "base/kustomization.yaml": "configMapGenerator: [{name: m, literals: [b=2], options: {disableNameSuffixHash: true, labels: {a: b}}}]\n", "kustomization.yaml": TOP + "configMapGenerator: [{name: m, behavior: merge, literals: [d=4], options: {labels: {a: c, d: e}}}]\n"},
    "config-map-merge-no-hash-above": {**BASE, "base/kustomization.yaml": "configMapGenerator: [{name: m, literals: [b=2]}]\nsecretGenerator: [{name: s, literals: [b=2], type: x/y}]\n", "kustomization.yaml": TOP + "configMapGenerator: [{name: m, behavior: merge, literals: [d=4], options: {disableNameSuffixHash: true}}]\nsecretGenerator: [{name: s, behavior: merge, literals: [d=4]}]\n"},
    "config-map-replace-no-hash": {**BASE, "base/kustomization.yaml": "configMapGenerator: [{name: m, literals: [b=2]}]\n", "kustomization.yaml": TOP + "configMapGenerator: [{name: m, behavior: replace, literals: [d=4], options: {disableNameSuffixHash: true, immutable: true}}]\n"},
    "config-map-merge-static": over("configMapGenerator: [{name: cfg, behavior: merge, literals: [d=4]}]\n"),
    "config-map-replace-static": over("configMapGenerator: [{name: cfg, behavior: replace, literals: [d=4]}]\n"),
    "replace-adds-a-key": patched("- {op: replace, path: /metadata/annotations, value: {a: b}}", "{kind: Service}"),
    "raw-lists": patched(RO + POD + "{containers: [{name: app, resources: null, $patch: delete}]}}}"),
    "atomic-list-null": patched(WEB + POD + "{tolerations: [{key: a, value: null}]}}}"),
    "selected-by-first-or-present-id": {**BASE, "mid/kustomization.yaml": "resources: [../base]\nnamePrefix: m-\nnamespace: one\n", "kustomization.yaml": "resources: [mid]\nnamespace: two\npatches:\n- {target: {kind: Service, name: web}, patch: '- {op: add, path: /metadata/labels, value: {first: y1}}'}\n- {target: {kind: ConfigMap, name: m-cfg, namespace: default}, patch: '- {op: add, path: /metadata/labels, value: {mixed: y1}}'}\n"},
    "replacement-types": over("replacements:\n- source: {kind: Service, name: web, fieldPath: spec.ports.0.port}\n  targets:\n  - {select: {kind: Deployment}, fieldPaths: [metadata.labels.app, spec.replicas]}\n- source: {kind: ConfigMap, name: cfg, fieldPath: data.b}\n  targets: [{select: {kind: Rollout}, fieldPaths: [spec.replicas]}]\n"),
    "replicas-by-the-name-between": {**BASE, "mid/kustomization.yaml": "resources: [../base]\nnamePrefix: m-\nnameSuffix: -s\n", "kustomization.yaml": "resources: [mid]\nreplicas: [{name: m-web, count: 9}]\n"},
    "config-map-merge-nobody": over("configMapGenerator: [{name: none, behavior: merge, literals: [b=9]}]\n"),
    "config-map-clash": over("configMapGenerator: [{name: cfg, literals: [b=9]}]\n"),
    "config-map-no-hash": over("configMapGenerator: [{name: made, literals: [a=1], options: {disableNameSuffixHash: true, labels: {x: yy}, immutable: true}}]\n"),
    "generator-options": over("generatorOptions: {labels: {g: h}, annotations: {i: j}}\nconfigMapGenerator: [{name: made, literals: [a=1], options: {labels: {x: yy}}}]\nsecretGenerator: [{name: hid, literals: [a=1], type: custom/type}]\n"),
    "secret-long": over("secretGenerator: [{name: hid, literals: ['a=" + "x" * 120 + "']}]\n"),
    "generator-binary": over("configMapGenerator: [{name: made, files: [b.bin]}]\n", b_bin="caf\u00e9 \u2028 \u00ff <>&\n"),
    "generator-quotes": over("configMapGenerator: [{name: made, files: [a.txt]}]\n", a_txt='{"a": "\\\\b", "t": "\t"}\n\n  x  \n'),
    "generator-empty": over("configMapGenerator: [{name: made}]\n"),
    "generator-namespace": over("namespace: ns1\nconfigMapGenerator: [{name: made, literals: [a=1]}]\n"),
    "component": over("components: [comp]\n", comp__kustomization_yaml="apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- patch: |\n    - {op: replace, path: /spec/replicas, value: 6}\n  target: {kind: Deployment}\nresources: [more.yaml]\n", comp__more_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"),
    "component-prefix": over("components: [comp]\nnameSuffix: -z\n", comp__kustomization_yaml="apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\nconfigMapGenerator: [{name: made, literals: [a=1]}]\n"),
    "component-as-resource": over("", base__kustomization_yaml="kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n"),
    "replacement": over("replacements:\n- source: {kind: ConfigMap, name: cfg, fieldPath: data.b}\n  targets:\n  - select: {kind: Deployment, name: web}\n    fieldPaths: ['spec.template.spec.containers.[name=app].env.[name=A].value', metadata.labels.app]\n"),
    "replacement-delimiter": over("replacements:\n- source: {kind: Deployment, name: web, fieldPath: 'spec.template.spec.containers.0.image', options: {delimiter: ':', index: 0}}\n  targets:\n  - select: {kind: Rollout}\n    fieldPaths: [spec.template.spec.containers.*.image]\n    options: {delimiter: ':', index: 0}\n"),
    "replacement-create": over("replacements:\n- source: {kind: Service, name: web}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.host, metadata.annotations.h]\n    options: {create: true}\n"),
    "replacement-missing": over("replacements:\n- source: {kind: Service, name: web}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.host.x]}]\n"),
    "replacement-file": over("replacements: [{path: r.yaml}]\n", r_yaml="source: {kind: Service, name: web}\ntargets: [{select: {kind: ConfigMap, name: cfg}, fieldPaths: [data.b]}]\n"),
    "replacement-reject": over("replacements:\n- source: {kind: Service, name: web}\n  targets:\n  - select: {kind: ConfigMap}\n    reject: [{name: cfg}]\n    fieldPaths: [metadata.labels.x]\n    options: {create: true}\n"),
    "layers": {**BASE, "mid/kustomization.yaml": "resources: [../base]\nnamePrefix: m-\ncommonLabels: {mid: 'yes1'}\n", "kustomization.yaml": "resources: [mid]\nnamePrefix: t-\nnamespace: ns1\nimages: [{name: nginx, newTag: x}]\n"},
    "two-overlays": {**BASE, "a/kustomization.yaml": "resources: [../base]\nnamePrefix: a-\n", "b/kustomization.yaml": "resources: [../base]\nnamePrefix: b-\n", "kustomization.yaml": "resources: [a, b]\nnamespace: ns1\n"},
    "two-namespaces": {**BASE, "a/kustomization.yaml": "resources: [../base/deployment.yaml, ../base/others.yaml]\nnamespace: a\n", "kustomization.yaml": "resources: [a]\nnamePrefix: p-\n"},
    "clash": {**BASE, "kustomization.yaml": "resources: [base, base/service.yaml]\n"},
    "missing-file": {"kustomization.yaml": "resources: [nope.yaml]\n"},
    "missing-kustomization": {"kustomization.yaml": "resources: [dir]\n", "dir/a.yaml": SERVICE},
    "unknown-field": over("whatever: 1\n"),
    "wrong-type": over("namespace: [a]\n"),
    "cycle": {"kustomization.yaml": "resources: [a]\n", "a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
    "empty": {"kustomization.yaml": "# nothing\n"},
    "two-files": {**BASE, "kustomization.yaml": TOP, "kustomization.yml": TOP},
    "yml-name": {**BASE, "Kustomization": TOP},
    "list-kind": {"kustomization.yaml": "resources: [l.yaml]\nnamePrefix: p-\n", "l.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n"},
    "local-config": {"kustomization.yaml": "resources: [l.yaml]\n", "l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: 'true'}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"},
    "no-name": {"kustomization.yaml": "resources: [l.yaml]\n", "l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"},
    "no-kind": {"kustomization.yaml": "resources: [l.yaml]\n", "l.yaml": "apiVersion: v1\nmetadata: {name: a}\n"},
    "fifo": over("sortOptions: {order: fifo}\n"),
    "same-name-kinds": {"kustomization.yaml": "resources: [l.yaml]\nnamePrefix: p-\n", "l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: one}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: two}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: two}\nspec: {containers: [{name: c, envFrom: [{configMapRef: {name: a}}]}]}\n"},
    "yaml-words": {"kustomization.yaml": "resources: [l.yaml]\n", "l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: yes, b: on, c: 2020-01-01, d: 0777, e: 0o17, f: 1e3, g: 1:30, h: n, i: ~, j: 1_000, k: 0x10, yes: no, l: 1.0, m: TRUE, n: 0b11}\n"},
    "yaml-anchors": {"kustomization.yaml": "resources: [l.yaml]\n", "l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: &l {x: z}, annotations: *l}\ndata: {<<: *l, b: c}\n"},
    "namespace-conflict": {"kustomization.yaml": "resources: [l.yaml]\nnamespace: ns1\n", "l.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: one}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: two}\n"},
}  # fmt: skip

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "vars": (
        over("vars: [{name: X, objref: {kind: Service, name: web, apiVersion: v1}}]\n"),
        "vars",
    ),
    "configurations": (over("configurations: [c.yaml]\n"), "configurations"),
    "crds": (over("crds: [c.yaml]\n"), "crds"),
    "openapi": (over("openapi: {path: x}\n"), "openapi"),
    "generators": (over("generators: [g.yaml]\n"), "generators"),
    "transformers": (over("transformers: [g.yaml]\n"), "transformers"),
    "validators": (over("validators: [g.yaml]\n"), "validators"),
    "helmCharts": (over("helmCharts: [{name: x}]\n"), "helmCharts"),
    "buildMetadata": (over("buildMetadata: [originAnnotations]\n"), "buildMetadata"),
    "remote": (
        {"kustomization.yaml": "resources: ['https://github.com/x/y?ref=v1']\n"},
        "remote base",
    ),
    "labels-fields": (over("labels: [{pairs: {a: b}, fields: [{path: x}]}]\n"), "labels.fields"),
    "ports-protocol": (
        patched(
            WEB + POD + "{containers: [{name: app, ports: [{containerPort: 80, protocol: TCP}]}]}}}"
        ),
        "protocol",
    ),
    "mixed-ports": (
        patched(
            WEB + POD + "{containers: [{name: app, ports: [{containerPort: 80, protocol: UDP}]}]}}}"
        ),
        "protocol",
    ),
}
"""What we refuse and real kustomize may do: the message names the field."""
