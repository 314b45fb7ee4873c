"""A forwarding proxy in front of nodes: it holds, refuses, cuts, silences and paces.

    node k  <->  backend socket  <->  Pair  <->  client socket  <->  real driver
                                       |
                        Listener (one a node: what it does now)
                                       |
                 Proxy (one thread: sockets, releases by due time, log)  <->  control connections

Run it with `python -m poolsim.harness.proxy --control 127.0.0.1:0`; drive it with `ProxyControl`
(`client.py`). It reads headers of CQL frames of protocol versions 1 to 4 and nothing else.
"""
