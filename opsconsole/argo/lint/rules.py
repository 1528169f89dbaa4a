"""The table of all rules: what documentation, SARIF and `--ignore` know of them."""

from __future__ import annotations

from opsconsole.argo.lint import (
    analysis,
    applications,
    appsets,
    conditions,
    notifications,
    objects,
    rollouts,
    routing,
    secrets,
    syncing,
    waves,
    workloads,
)
from opsconsole.argo.lint.analysis import METRICS, TEMPLATES
from opsconsole.argo.lint.findings import ERROR, NOTE, WARNING, Rule
from opsconsole.argo.lint.scope import WORKLOADS
from opsconsole.argo.lint.workloads import POD_KINDS

ROLLOUT = frozenset(("Rollout",))
RUNS = METRICS | ROLLOUT | {"Experiment"}
CONFIG_MAP = frozenset(("ConfigMap",))
SEALED = frozenset(("SealedSecret",))
APPLICATION = frozenset(("Application",))
APPSET = frozenset(("ApplicationSet",))
PROJECT = frozenset(("AppProject",))
SUBSCRIBERS = frozenset((*APPLICATION, *PROJECT))
VIRTUAL_SERVICE = frozenset(("VirtualService",))
SERVICE = frozenset(("Service",))
INGRESS = frozenset(("Ingress",))
AUTOSCALER = frozenset(("HorizontalPodAutoscaler",))
BUDGET = frozenset(("PodDisruptionBudget",))
EXPERIMENT = frozenset(("Experiment",))
CLAIM = frozenset(("PersistentVolumeClaim",))
SELECTING = frozenset(WORKLOADS)

UNREADABLE = Rule(
    "unreadable", ERROR, "A file cannot be parsed, a kustomization or chart cannot be rendered, or a rule fails on an object", "correct what the message names", lambda _one, _scope: iter(()))  # fmt: skip
DUPLICATE_KEY = Rule(
    "duplicate-key", WARNING, "A key stands twice in a mapping: Argo CD takes the last one, kustomize and strict readers refuse the file", "remove one of the two", lambda _one, _scope: iter(()))  # fmt: skip
NOT_LOOKED_AT = Rule(
    "not-looked-at", NOTE, "Something was left out: a link that leads out of the tree, a file that is too large, a chart without helm", "look at it by other means", lambda _one, _scope: iter(()))  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule("rollout-invalid", ERROR, "The Rollouts controller would refuse this Rollout (InvalidSpec)", "correct the field that the message names", rollouts.invalid_spec, ROLLOUT),
    Rule("rollout-unknown-field", WARNING, "A field that a Rollout does not have: the API server drops it", "correct its name or its place", rollouts.unknown_fields, ROLLOUT),
    Rule("missing-reference", ERROR, "A Rollout names a Service, VirtualService, DestinationRule, Ingress, workload or template that is not there", "add it, or correct the name", rollouts.missing_reference, ROLLOUT),
    Rule("analysis-refused", ERROR, "A Rollout's analysis cannot be started, or never ends", "give every argument a value and every metric a count", rollouts.analysis_refused, ROLLOUT),
    Rule("shared-service", ERROR, "Two Rollouts of a namespace name one Service: the controller refuses the second", "give each Rollout Services of its own", rollouts.shared_service, ROLLOUT),
    Rule("rounded-weight", NOTE, "Without a traffic router a weight is served by whole pods, and comes out differently", "use more pods, another weight or a traffic router", routing.rounded_weight, ROLLOUT),
    Rule("analysis-invalid", ERROR, "An analysis that the controller ends with Error before it measures", "correct the field that the message names", analysis.invalid_metrics, METRICS),
    Rule("analysis-argument", ERROR, "A metric uses an argument that is not declared", "declare it in spec.args", analysis.unresolved, METRICS),
    Rule("analysis-rule", ERROR, "dryRun or measurementRetention names no metric, or one twice", "correct metricName (a regular expression)", analysis.unmatched_rules, METRICS),
    Rule("nested-template", ERROR, "A template names a template that is not there, in a circle, or that does not go with it", "add it, or correct the name", analysis.missing_templates, TEMPLATES),
    Rule("analysis-endless", WARNING, "An AnalysisRun that never ends by itself", "give every metric a count", analysis.endless, METRICS),
    Rule("provider-address", ERROR, "A Prometheus metric without an address or a query", "give provider.prometheus.address", analysis.provider_address, METRICS),
    Rule("secret-argument", WARNING, "An argument named like a credential holds its value in plain text", "use valueFrom.secretKeyRef", analysis.secret_argument, METRICS),
    Rule("experiment-invalid", ERROR, "The Experiment controller would refuse this Experiment", "correct the field that the message names", analysis.invalid_experiment, EXPERIMENT),
    Rule("condition-invalid", ERROR, "A metric's condition does not compile", "correct the expression", conditions.unparsable, METRICS),
    Rule("condition-type", ERROR, "A condition that does not fit what Prometheus gives: every measurement is an Error", "index a list, compare a number", conditions.mistyped, METRICS),
    Rule("condition-empty-result", WARNING, "A condition indexes a result that may be empty", "ask for len(result) first", conditions.empty_result, METRICS),
    Rule("condition-default", WARNING, "default() or isNil() is given a part of the result, but looks at all of it", "test the part itself", conditions.default_of_part, METRICS),
    Rule("condition-constant", WARNING, "A condition does not look at the result", "compare the result with something", conditions.both_never, METRICS),
    Rule("dry-run-star", ERROR, 'A metricName of dryRun or measurementRetention is no regular expression ("*")', 'write ".*"', conditions.dry_run_star, RUNS),
    Rule("route-weights", ERROR, "The weights of a VirtualService's route are refused, or do not sum to 100", "let them sum to 100", routing.weights, VIRTUAL_SERVICE),
    Rule("route-subset", ERROR, "A route names a subset that no DestinationRule of the host has", "add the subset, or correct the name", routing.subsets, VIRTUAL_SERVICE),
    Rule("destination-rule-subset", ERROR, "The DestinationRule of a Rollout lacks a subset of it, or has one that the controller drops", "give it exactly the two subsets of the Rollout", routing.rule_subsets, ROLLOUT),
    Rule("istio-not-ignored", WARNING, "An Application does not ignore the weights and subsets that the Rollouts controller writes", "add ignoreDifferences and RespectIgnoreDifferences=true", routing.ignored_weights, ROLLOUT),
    Rule("ingress-rule", ERROR, "The stable Ingress of a Rollout does not lead to its stable Service", "correct the Ingress's backends", routing.ingress_rules, ROLLOUT),
    Rule("ingress-backend", ERROR, "An Ingress names a Service that is not there", "add it, or correct the name", routing.ingress_backends, INGRESS),
    Rule("overlapping-selectors", WARNING, "Two workloads of a namespace select the same pods", "give each labels of its own", workloads.overlapping, SELECTING),
    Rule("workload-selector", ERROR, "The API server refuses a workload whose selector does not fit its pods", "let the template carry the selector's labels", workloads.mistemplated, SELECTING),
    Rule("scale-target", ERROR, "An autoscaler whose target or limits cannot work", "correct scaleTargetRef", workloads.scale_target, AUTOSCALER),
    Rule("disruption-budget", WARNING, "A PodDisruptionBudget that protects nothing or forbids every eviction", "correct its selector or its limits", workloads.budget, BUDGET),
    Rule("service-selector", NOTE, "A Service selects no pod of the set", "correct its selector", workloads.service_selects, SERVICE),
    Rule("missing-configuration", NOTE, "Pods need a ConfigMap or Secret that nothing in the set makes", "add it, or mark it optional", workloads.configuration, POD_KINDS),
    Rule("unnamed-object", ERROR, "An object without a name", "give it metadata.name", objects.unnamed),
    Rule("invalid-metadata", ERROR, "A name, label or annotation that the API server refuses", "correct it", objects.invalid_name),
    Rule("removed-api", ERROR, "An apiVersion that Kubernetes does not serve for this kind", "write the version that is served", objects.removed_version),
    Rule("repeated-resource", WARNING, "One object stands twice in a set (RepeatedResourceWarning)", "remove one of them", objects.repeated),
    Rule("blocked-wave", WARNING, "A later sync wave waits for something that never becomes Healthy by itself", "give the pause a duration, or put both in one wave", waves.blocked),
    Rule("wave-order", ERROR, "An object needs something that comes in a later wave, which waits for it", "put what is needed in an earlier wave", waves.order),
    Rule("unbound-claim", WARNING, "A claim that binds with its first consumer, which comes in a later wave", "put both in one wave", waves.claim, CLAIM),
    Rule("endless-hook", WARNING, "A hook that never completes, or completes before its work is done", "use a Job that ends", waves.endless_hook),
    Rule("sync-wave-value", WARNING, "A sync wave that is no integer counts as 0", "write a whole number in quotes", syncing.wave),
    Rule("hook-type", ERROR, "A hook type that Argo CD does not know", "use PreSync, Sync, PostSync, SyncFail, Skip, PreDelete or PostDelete", syncing.hook),
    Rule("hook-delete-policy", WARNING, "A hook-delete-policy that does nothing", "use BeforeHookCreation, HookSucceeded or HookFailed", syncing.delete_policy),
    Rule("sync-option", WARNING, "A sync or compare option that does nothing", "correct its spelling", syncing.options),
    Rule("annotation-key", WARNING, "A key that looks like Argo CD's but is none", "correct its spelling", syncing.misspelled),
    Rule("generate-name", ERROR, "generateName outside of a hook", "give it metadata.name", syncing.generated_name),
    Rule("application-spec", ERROR, "An Application that its project or Argo CD refuses (InvalidSpecError)", "correct the spec, or the AppProject", applications.spec, APPLICATION),
    Rule("application-path", ERROR, "An Application's path is not in the tree", "correct spec.source.path", applications.path_exists, APPLICATION),
    Rule("application-kind", ERROR, "An object of an Application that its AppProject does not permit", "permit the kind in the AppProject", applications.permitted),
    Rule("application-policy", WARNING, "A sync policy of which something does nothing", "correct it", applications.sync_policy, APPLICATION),
    Rule("project-spec", ERROR, "An AppProject that Argo CD refuses or that permits nothing", "correct the field that the message names", applications.project, PROJECT),
    Rule("appset-generator", ERROR, "A generator of an ApplicationSet that is unknown, empty or wrongly nested", "correct the generator", appsets.generators, APPSET),
    Rule("appset-template", ERROR, "An ApplicationSet whose template cannot be rendered, or that makes one Application twice", "correct the template", appsets.rendered, APPSET),
    Rule("appset-spec", ERROR, "Fields of an ApplicationSet that the API refuses", "correct the field that the message names", appsets.template, APPSET),
    Rule("notifications-silenced", ERROR, "A trigger or template does not parse: nothing at all is sent", "correct it", notifications.silenced, CONFIG_MAP),
    Rule("trigger-template", ERROR, "A trigger names a template that is not configured", "add it, or correct the name", notifications.unknown_template, CONFIG_MAP),
    Rule("trigger-never", WARNING, "A trigger's `when` can never be true", "correct the condition", notifications.never_true, CONFIG_MAP),
    Rule("trigger-name", WARNING, "A trigger's `when` uses a name that does not exist", "begin with app", notifications.unknown_name, CONFIG_MAP),
    Rule("trigger-sync-failed", WARNING, "on-sync-failed does not ask whether a sync failed", "ask app.status.operationState.phase in ['Error', 'Failed']", notifications.failed_sync, CONFIG_MAP),
    Rule("notification-service", ERROR, "A notification service that is not configured or not known", "configure service.<name>", notifications.services, CONFIG_MAP),
    Rule("notification-template", WARNING, "A part of a template that is not sent, or a default trigger that does not exist", "correct its name", notifications.template_parts, CONFIG_MAP),
    Rule("subscription", WARNING, "A subscription to a trigger or service that is not configured", "correct the annotation", notifications.subscriptions, SUBSCRIBERS),
    Rule("plaintext-secret", ERROR, "A Secret lies open in the repository", "seal it (opsconsole seal), encrypt it with SOPS or use an ExternalSecret", secrets.open_secret, frozenset(("Secret",))),
    Rule("private-key", ERROR, "A private key outside of a Secret", "put it into a sealed Secret", secrets.private_key),
    Rule("sealed-value-invalid", ERROR, "A sealed value that no key can open", "seal it again (opsconsole seal)", secrets.sealed_values, SEALED),
    Rule("sealed-scope", WARNING, "Annotations or a template of a SealedSecret that do not do what they look like", "correct them", secrets.sealed_scope, SEALED),
)  # fmt: skip
