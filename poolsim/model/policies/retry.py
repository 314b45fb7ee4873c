"""What a failed attempt leads to: the next host, or the end of the request.

The errors that this model makes are those that the drivers call request errors: the client's own
timeout, a connection that broke, and a node's answer that it is overloaded.

java3 DefaultRetryPolicy: next host, any number of times, but only for idempotent requests
(datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/RequestHandler.java:494-503).
python RetryPolicy: next host for a broken connection or an overloaded node, without asking for
idempotence; the timeout covers the whole request and is final
(apache/cassandra-python-driver@3.29.3:cassandra/policies.py:757-873, cluster.py:4480-4533,
4773-4782).
nodejs RetryPolicy: as java3's, because the driver asks it only for idempotent requests
(datastax/nodejs-driver@v4.8.0:lib/request-execution.js:341-347, lib/policies/retry.js:112-116).
generic: another connection for idempotent requests, as often as max_retries says; a node's error is
not tried again (see drivers/generic).
fallthrough: never.
"""

from __future__ import annotations

from poolsim.model.kinds import LOST, OVERLOADED
from poolsim.model.rule import rule

JAVA3_DEFAULT = 0
PYTHON_DEFAULT = 1
FALLTHROUGH = 2
NODEJS_DEFAULT = 3
GENERIC_DEFAULT = 4
RETRY_NAMES = (
    "java3 default",
    "python default",
    "fallthrough",
    "nodejs default",
    "generic default",
)


@rule
def goes_to_next_host(policy: int, error: int, idempotent: int) -> int:
    """1 where the request tries the next host after this error, 0 where it ends with it."""
    if policy in (JAVA3_DEFAULT, NODEJS_DEFAULT, GENERIC_DEFAULT):
        return idempotent
    if policy == PYTHON_DEFAULT and error in (LOST, OVERLOADED):
        return 1
    return 0
