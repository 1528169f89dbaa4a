"""What the real controllers force on the article's manifests: each correction of `tree/`, as data.

Separate from the tree, so that tests hold it against the README, the controllers, `opsconsole
lint` and the tree itself: nothing is corrected that is not listed here, and nothing is listed
that the controllers or lint do not find in the article's own text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction. Words are parts of messages, as they are printed."""

    id: str
    files: tuple[str, ...]
    """The article's manifests that it changes."""

    change: str
    """What the tree has instead."""

    why: str

    says: tuple[str, ...] = ()
    """The controller's own words; empty where it accepts the text and something else happens."""

    rule: str = ""
    """The rule of `opsconsole lint` that finds it in the article's text."""

    finds: tuple[str, ...] = ()
    """Words of the rule's messages."""

    fields: tuple[str, ...] = ()
    """`KIND/NAME field.path` that differ from the article's, with `*` for any part."""

    adds: tuple[str, ...] = ()
    """`KIND/NAME` of objects that the article does not have."""


CANARY, ISTIO = "rollout-canary.yaml", "rollout-istio.yaml"
PATCH = "overlay-production-rollout-strategy.yaml"

CORRECTIONS: tuple[Correction, ...] = (
    Correction(
        "canary-services",
        (CANARY,),
        "my-app-canary's two Services are defined",
        "it names Services that stand nowhere",
        says=('service "my-app-stable" not found',),
        rule="missing-reference",
        finds=('service "my-app-stable" not found', 'service "my-app-canary" not found'),
        adds=("Service/my-app-canary", "Service/my-app-stable"),
    ),
    Correction(
        "canary-template",
        (CANARY,),
        "comprehensive-check is defined",
        "the last analysis names a template that stands nowhere",
        says=("AnalysisTemplate 'comprehensive-check' not found",),
        rule="missing-reference",
        finds=("AnalysisTemplate 'comprehensive-check' not found",),
        adds=("AnalysisTemplate/comprehensive-check",),
    ),
    Correction(
        "blue-green-template",
        ("rollout-blue-green.yaml",),
        "success-rate is defined",
        "the analysis after the switch names a template that stands nowhere",
        says=("AnalysisTemplate 'success-rate' not found",),
        rule="missing-reference",
        finds=("AnalysisTemplate 'success-rate' not found",),
        adds=("AnalysisTemplate/success-rate",),
    ),
    Correction(
        "own-labels",
        (CANARY, ISTIO),
        "each Rollout selects a label of its own",
        "all three select `app: my-app`, so Services and queries mix their pods",
        rule="overlapping-selectors",
        finds=("my-app", "my-app-canary"),
        fields=(
            "Rollout/my-app-* spec.selector.matchLabels.app",
            "Rollout/my-app-* spec.template.metadata.labels.app",
            "DestinationRule/my-app-destrule spec.subsets.*.labels.app",
        ),
    ),
    Correction(
        "istio-services",
        (ISTIO,),
        "my-app-istio has Services of its own",
        "it names the Services of my-app-canary, and a Service serves one Rollout",
        says=('Service "my-app-stable" is managed by another Rollout',),
        rule="shared-service",
        finds=('Service "my-app-stable" is managed by another Rollout',),
        fields=(
            "Rollout/my-app-istio spec.strategy.canary.canaryService",
            "Rollout/my-app-istio spec.strategy.canary.stableService",
            "VirtualService/my-app-vsvc spec.http.*.route.*.destination.host",
        ),
        adds=("Service/my-app-istio-canary", "Service/my-app-istio-stable"),
    ),
    Correction(
        "istio-subsets",
        (ISTIO,),
        "the route's destinations name the subsets",
        "the DestinationRule's subsets are in no route",
        says=("Canary DestinationRule subset 'canary' not found in route",),
        rule="rollout-invalid",
        finds=("Canary DestinationRule subset 'canary' not found in route",),
        fields=("VirtualService/my-app-vsvc spec.http.*.route.*.destination.subset",),
    ),
    Correction(
        "base-namespace",
        ("rollout-blue-green.yaml", PATCH),
        "the base names no namespace, its overlays do",
        "the base's Rollout is in a namespace, the overlay's patch of it in none: kustomize finds no target",
        says=("no matches for Id Rollout.v1alpha1.argoproj.io/my-app.[noNs]",),
        rule="unreadable",
        finds=("no matches for Id Rollout.v1alpha1.argoproj.io/my-app.[noNs]",),
        fields=("Rollout/my-app metadata.namespace",),
    ),
    Correction(
        "one-strategy",
        (PATCH,),
        "the production patch keeps blue-green; that of us-east takes it away",
        "canary steps over a blue-green base are two strategies",
        says=("Multiple Strategies can not be listed",),
        rule="rollout-invalid",
        finds=("Multiple Strategies can not be listed",),
        fields=("Rollout/my-app spec.strategy.blueGreen", "Rollout/my-app spec.strategy.canary"),
    ),
    Correction(
        "analysis-argument",
        (PATCH,),
        "us-east's patch gives error-rate-check its argument",
        "the template's argument service-name has no value",
        says=("args.service-name was not resolved",),
        rule="analysis-refused",
        finds=("args.service-name was not resolved",),
        fields=("Rollout/my-app spec.strategy.canary.steps.2.analysis.args",),
    ),
    Correction(
        "failed-sync",
        ("notifications.yaml",),
        "it asks for the phase of the operation",
        "`on-sync-failed` asks for a sync status and a health, whether or not a sync failed",
        rule="trigger-sync-failed",
        finds=("on-sync-failed does not ask whether a sync failed",),
        fields=("ConfigMap/argocd-notifications-cm data.trigger.on-sync-failed",),
    ),
    Correction(
        "sealed-values",
        ("sealed-secret.yaml",),
        "`opsconsole seal` seals values with the cluster's key",
        "the values are cut off",
        says=("illegal base64 data at input byte 25",),
        rule="sealed-value-invalid",
        finds=("DATABASE_URL", "API_KEY"),
    ),
    Correction(
        "wave-names",
        ("sync-waves.yaml",),
        "whole objects have the annotations: settings, Rollout and autoscaler of eu-west",
        "fragments without names and specs",
        says=("name or generateName is required",),
        rule="unnamed-object",
        finds=("resource name may not be empty",),
        fields=("Rollout/my-app metadata.annotations",),
    ),
)


def row(correction: Correction) -> str:
    """The line of the README's table."""
    files = ", ".join(f"`{name.removesuffix('.yaml')}`" for name in correction.files)
    says = ", ".join(f"`{words}`" for words in correction.says) or "nothing"
    return f"| {files} | {correction.why} | {says} | {correction.change} |"
