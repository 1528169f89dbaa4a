"""Playing a rollout in-process on virtual time: scenarios in, a timeline out.

    scenario = sources.load(text)              # or a text of manifests, with an image change
    result = player.play(scenario)
    timeline.as_text(result)                   # or timeline.as_json(result)

The same player plays the recorded runs of the real controllers in the tests.
"""
