"""The sandbox's metric endpoint: a traffic model, PromQL, and Prometheus' HTTP API over both."""
