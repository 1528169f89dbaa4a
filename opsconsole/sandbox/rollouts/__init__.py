"""The Rollout controller of the sandbox: reads, decides through `argo.rollouts`, writes."""
