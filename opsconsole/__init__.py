"""opsconsole: a terminal operations console for Argo CD and Argo Rollouts.

Imports nothing, so that `import opsconsole` costs nothing and `--version` is instant.
"""

__version__ = "0.1.0"
