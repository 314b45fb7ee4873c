"""poolsim: simulates what Cassandra drivers' connection pools do, before production does it."""

__version__ = "0.1.0"
