"""`rehearse`: plays a scenario, or an image change of manifests, and prints the timeline.

Separate from the player, which reads no file and prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsconsole.cli.options import Options, Parser
from opsconsole.cli.sandboxing import check_extra
from opsconsole.errors import InputError

if TYPE_CHECKING:
    from opsconsole.sandbox.rehearse.scenario import Scenario


def rehearse(options: Options, words: list[str]) -> int:
    """0 when the rollout ends Healthy, 1 when not."""
    parser = Parser(prog="opsconsole rehearse", allow_abbrev=False)
    parser.add_argument(
        "path", help="a scenario (YAML with `steps`), a file or a directory of manifests"
    )
    parser.add_argument(
        "--image", action="append", default=[], metavar="[CONTAINER=]IMAGE",
        help="with manifests: the change to rehearse",
    )  # fmt: skip
    parser.add_argument("--rollout", default="", help="with manifests of several: which")
    parser.add_argument(
        "--profile", choices=("realistic", "recorded"), default="realistic",
        help="with manifests: how quick pods are",
    )  # fmt: skip
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    known = parser.parse_args(words[1:])
    check_extra()
    from opsconsole.sandbox.rehearse.player import play
    from opsconsole.sandbox.rehearse.timeline import as_json, as_text

    result = play(_scenario(known, options.namespace or "default"))
    print(as_json(result) if known.output == "json" else as_text(result), end="")
    return 0 if result.healthy else 1


def _scenario(known: Any, namespace: str) -> Scenario:
    from opsconsole.sandbox.rehearse.sources import load, scenario_of

    change = {"images": known.image, "rollout": known.rollout, "profile": known.profile}
    path = Path(known.path)
    if path.is_dir():
        from opsconsole.render.renderer import Renderer
        from opsconsole.render.trees import DirectoryTree

        rendered = Renderer().render(DirectoryTree(path), ".")
        return scenario_of(list(rendered.manifests), namespace=namespace, **change)
    try:
        return load(path.read_bytes(), namespace=namespace, **change)
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror}") from fault
