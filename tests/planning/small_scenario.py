"""A scenario of a few milliseconds a replication, for tests that need many."""

SMALL = """
name: small
duration: 1s
warm_up: 0s
replications: 2
cluster:
  datacenters: {dc1: {nodes: 2}}
  node: {workers: 8, service: {exponential: {mean: 4ms}}}
clients:
  - name: app
    driver: java3
    options:
      pooling:
        local: {core: 1, max: 2, max_requests: 4, new_connection_threshold: 3}
    load: {poisson: {rate: 500/s}}
expect:
  - errors == 0
  - wait.p99 < 5ms
"""
POOLING = "clients.app.options.pooling"
