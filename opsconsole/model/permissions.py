"""What the cluster lets us do, as far as it told us.

Separate because guards (engine) ask it, and access reviews (kube) fill it.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsconsole.model.kinds import Kind


@dataclass(frozen=True, slots=True)
class Rule:
    """One `resourceRule` of a SelfSubjectRulesReview; `*` stands for everything."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str] = frozenset()

    def covers(self, verb: str, group: str, resource: str, name: str) -> bool:
        return (
            _among(verb, self.verbs)
            and _among(group, self.groups)
            and (
                _among(resource, self.resources)
                or ("/" in resource and f"*/{resource.partition('/')[2]}" in self.resources)
            )
            and (not self.names or name in self.names)
        )


def _among(value: str, allowed: frozenset[str]) -> bool:
    return "*" in allowed or value in allowed


@dataclass(frozen=True, slots=True)
class Permissions:
    """Rules of one namespace. `complete` is false when the cluster could not list them all."""

    rules: tuple[Rule, ...] = ()
    complete: bool = False

    def may(self, verb: str, kind: Kind, *, name: str = "", subresource: str = "") -> bool | None:
        """True, False, or None when it is not known."""
        resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
        if any(rule.covers(verb, kind.group, resource, name) for rule in self.rules):
            return True
        return False if self.complete else None


UNKNOWN = Permissions()
