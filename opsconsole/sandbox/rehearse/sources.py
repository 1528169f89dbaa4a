"""What a user hands in, as a Scenario: a scenario file, or manifests and the image to go to.

Separate from `scenario`, which knows only the format itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.errors import InputError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.objects import mapping, mappings, name_of, text
from opsconsole.sandbox.rehearse.scenario import Scenario, parse

HOUR = 3600.0
"""Virtual seconds that the first version may take to get healthy."""

DAY = 86400.0
"""Virtual seconds that the update may take."""


def load(source: str | bytes, *, namespace: str = "default", **change: Any) -> Scenario:
    """A Scenario of YAML: one document with `steps`, or manifests with one Rollout among them.

    `change` goes to `scenario_of`, which reads manifests. YamlError, InputError.
    """
    documents = yamldoc.load_all(source)
    first = documents[0] if documents else None
    if isinstance(first, Mapping) and "steps" in first:
        if change.get("images"):
            raise InputError("a scenario says itself which image comes", hint="leave the image out")
        return parse(first, namespace=namespace)
    return scenario_of(documents, namespace=namespace, **change)


def scenario_of(
    manifests: Sequence[Any], *, images: Sequence[str], namespace: str = "default",
    rollout: str = "", profile: str = "recorded",
    metrics: Mapping[str, Any] | None = None, faults: Sequence[Mapping[str, Any]] = (),
) -> Scenario:  # fmt: skip
    """The rehearsal of an image change: install, wait until healthy, change, promote wherever it rests.

    `images` are "CONTAINER=IMAGE", or "IMAGE" for the first container. `rollout` chooses one of
    several. InputError when that does not leave exactly one Rollout.
    """
    rollouts = [m for m in manifests if isinstance(m, Mapping) and m.get("kind") == "Rollout"]
    if rollout:
        rollouts = [m for m in rollouts if name_of(m) == rollout]
    if len(rollouts) != 1:
        called = f" called {bounded(rollout, 60)}" if rollout else ""
        raise InputError(
            f"a rehearsal needs one Rollout, not {len(rollouts)}{called}",
            hint="choose one by its name, or hand in a scenario with `steps`",
        )
    if not images:
        raise InputError("manifests alone do not rehearse anything", hint="say which image comes")
    ro = rollouts[0]
    name = name_of(ro)
    changes = [_assignment(ro, image) for image in images]
    steps: list[dict[str, Any]] = [
        {"apply": list(manifests)},
        {"wait": {"for": {"status.phase": "Healthy"}, "timeout": HOUR}},
        *({"run": f"set image {shlex.quote(name)} {shlex.quote(one)}"} for one in changes),
        {"promote": DAY},
    ]
    return parse(
        {
            "name": f"{name} to {', '.join(images)}", "rollout": name,
            "namespace": text(ro, "metadata", "namespace", default=namespace), "steps": steps,
            "metrics": dict(metrics or {}), "faults": list(faults), "profile": profile,
        }
    )  # fmt: skip


def _assignment(ro: Mapping[str, Any], image: str) -> str:
    if image.count("=") == 1 and not image.startswith("=") and not image.endswith("="):
        return image
    if "=" in image or not image:
        raise InputError(f"{bounded(image, 80)!r} is neither CONTAINER=IMAGE nor IMAGE")
    containers = mappings(mapping(ro, "spec", "template", "spec"), "containers")
    first = next(iter(containers), None)
    if first is None:
        raise InputError(f"the Rollout has no container for {bounded(image, 60)}")
    return f"{text(first, 'name')}={image}"
