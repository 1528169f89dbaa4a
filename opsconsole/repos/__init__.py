"""The only package that imports GitPython. Named so that `import git` is never ambiguous."""
