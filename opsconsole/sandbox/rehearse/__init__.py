"""Playing a rollout in-process on virtual time: scenarios in, a timeline out.

    scenario = load(text)                  # or scenario_of(manifests, image=…)
    result = play(scenario)
    text = as_text(result)                 # or as_json(result)

The same player plays the recorded runs of the real controllers in the tests.
"""
