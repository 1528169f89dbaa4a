"""The one tree of errors. A message says what happened, to what; `hint` says what to do next.

    OpsError                       exit status 1
    ├── UsageError                 wrong use of the command line or a dialog: exit status 2
    │   └── SettingsError          a setting, flag or environment variable has a bad value
    ├── InputError                 something we were given to read is not what it must be
    │   ├── YamlError              a document that Kubernetes' own YAML rules refuse
    │   ├── RenderError            a tree that cannot be turned into manifests
    │   │   └── UnsupportedError   our subset does not do this, and refuses rather than guesses
    │   └── RuleError              a value that Argo's own rules refuse (condition, duration, spec)
    ├── ConnectError               a cluster, repository or metric endpoint cannot be used
    │   ├── KubeconfigError        exit status 2: a kubeconfig that exists but cannot be used
    │   ├── DeniedError            the server answered 401 or 403
    │   └── UnreachableError       no answer, or not in time
    ├── ApiError                   the Kubernetes API answered with a Status
    │   ├── ConflictError          409: the object moved since it was read
    │   ├── NotFoundError          404
    │   └── ThrottledError         429, or 503 with Retry-After
    ├── RepoError                  git refused
    ├── MetricsError               the metric endpoint refused
    ├── GuardError                 an action that is not allowed now; the message says why
    └── SandboxError               the sandbox cannot start or cannot do what was asked
        └── MissingExtraError      exit status 2: the sandbox extra is not installed

Adapters translate at their edge and chain with `from`. Text that comes from outside is
bounded by `bounded()`; request bodies and Secrets never go into a message.
"""

from __future__ import annotations

BOUND = 256
"""Characters of foreign text that an error message may carry."""


def bounded(text: object, limit: int = BOUND) -> str:
    """Foreign text made safe for a message: one line, printable, at most `limit` characters."""
    clean = "".join(c if c.isprintable() else " " for c in str(text))
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


class OpsError(Exception):
    """Root of all errors that we raise on purpose."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(OpsError):
    exit_code = 2


class SettingsError(UsageError):
    pass


class InputError(OpsError):
    pass


class YamlError(InputError):
    pass


class RenderError(InputError):
    """`said` is what the real program (kustomize, Helm) prints for it, "" where that is not known.

    `command` is the command line that Argo CD shows with it, "" for `kustomize build`.
    """

    def __init__(self, message: str, *, hint: str = "", said: str = "", command: str = "") -> None:
        super().__init__(message, hint=hint)
        self.said = said
        self.command = command


class UnsupportedError(RenderError):
    pass


class RuleError(InputError):
    pass


class ConnectError(OpsError):
    pass


class KubeconfigError(ConnectError):
    exit_code = 2


class DeniedError(ConnectError):
    pass


class UnreachableError(ConnectError):
    pass


class ApiError(OpsError):
    """The API server's own answer.

    `status` is the HTTP code, `reason` the `reason` of the Status object (`AlreadyExists`…).
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


class ConflictError(ApiError):
    pass


class NotFoundError(ApiError):
    pass


class ThrottledError(ApiError):
    """`retry_after` are the seconds that the server asks us to wait."""

    def __init__(self, message: str, *, status: int, retry_after: float) -> None:
        super().__init__(message, status=status, reason="TooManyRequests")
        self.retry_after = retry_after


class RepoError(OpsError):
    pass


class MetricsError(OpsError):
    pass


class GuardError(OpsError):
    pass


class SandboxError(OpsError):
    pass


class MissingExtraError(SandboxError):
    exit_code = 2
