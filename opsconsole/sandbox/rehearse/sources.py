"""What a user hands in, as a Scenario: a scenario file, or manifests and the image to go to.

Separate from `scenario`, which knows only the format itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.errors import InputError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.objects import mapping, mappings, text
from opsconsole.sandbox.rehearse.scenario import Scenario, parse

HOUR = 3600.0


def load(source: str | bytes, *, image: str = "", namespace: str = "default") -> Scenario:
    """A Scenario of YAML: one document with `steps`, or manifests with one Rollout among them.

    Of manifests, the rollout is installed, then its image is changed to `image`
    ("CONTAINER=IMAGE", or "IMAGE" for the first container), and promoted wherever it rests.
    YamlError, InputError.
    """
    documents = yamldoc.load_all(source)
    first = documents[0] if documents else None
    if isinstance(first, Mapping) and "steps" in first:
        return parse(first, namespace=namespace)
    return scenario_of(documents, image=image, namespace=namespace)


def scenario_of(
    manifests: Sequence[Any], *, image: str, namespace: str = "default",
    metrics: Mapping[str, Any] | None = None, faults: Sequence[Mapping[str, Any]] = (),
) -> Scenario:  # fmt: skip
    """The rehearsal of an image change. InputError when there is not exactly one Rollout."""
    rollouts = [m for m in manifests if isinstance(m, Mapping) and m.get("kind") == "Rollout"]
    if len(rollouts) != 1:
        raise InputError(
            f"a rehearsal needs one Rollout, not {len(rollouts)}",
            hint="hand in a scenario with `steps`, or the manifests of one rollout",
        )
    ro = rollouts[0]
    name = text(ro, "metadata", "name")
    home = text(ro, "metadata", "namespace", default=namespace)
    done = {"status.phase": "Healthy"}
    steps: list[dict[str, Any]] = [
        {"apply": list(manifests)},
        {"wait": {"for": done, "timeout": HOUR}},
        {"run": f"set image {name} {_assignment(ro, image)}"},
        {"promote": True},
    ]
    return parse(
        {
            "name": f"{name} to {image}", "rollout": name, "namespace": home, "steps": steps,
            "metrics": dict(metrics or {}), "faults": list(faults), "profile": "recorded",
        }
    )  # fmt: skip


def _assignment(ro: Mapping[str, Any], image: str) -> str:
    if not image:
        raise InputError("manifests alone do not rehearse anything", hint="say which image comes")
    if "=" in image:
        return image
    containers = mappings(mapping(ro, "spec", "template", "spec"), "containers")
    first = next(iter(containers), None)
    if first is None:
        raise InputError(f"the Rollout has no container for {bounded(image, 60)}")
    return f"{text(first, 'name')}={image}"
