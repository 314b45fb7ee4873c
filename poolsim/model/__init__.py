"""The rules, written once: records, and plain functions over them.

Read in this order: `kinds` (the vocabulary), `records` (the state), `primitives` (what an engine
supplies), `cluster/` (nodes), `connection/` (streams, messages, executors), `policies/`,
`drivers/` (one file a driver), `client/` (a request's life), `build` (a scenario becomes a world).
Nothing here imports an engine, a clock or a random module.
"""
