"""Faults of an ApplicationSet, with the reason that its conditions carry."""

from __future__ import annotations

GENERATION = "ApplicationGenerationFromParamsError"
RENDERING = "RenderTemplateParamsError"
VALIDATION = "ApplicationValidationError"
CREATION = "CreateApplicationError"
UPDATE = "UpdateApplicationError"
ROLLOUT = "ApplicationSetRolloutError"


class GenerateError(Exception):
    """A generator that cannot give its parameters; the message is the controller's."""


class ProjectError(GenerateError):
    """The set's project cannot be had: the git generator says so before it looks at git."""


class RenderingError(Exception):
    """A template that cannot be rendered."""


class AppSetError(Exception):
    """What stops an ApplicationSet; `reason` is the condition's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
