"""The rules of the Argo Rollouts controller: pure functions over decoded objects.

No I/O and no clock: whoever needs the time passes `now`. The sandbox's controller reads,
decides here and writes; the console uses the same rules to say what a rollout waits for.
Docstrings name the file or function of the real controller whose behaviour is followed.
"""
