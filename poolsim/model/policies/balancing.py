"""Query plans: which host a request tries next.

A plan is a few integers in the request and `next_host`, lazy and shared by all of a request's
attempts, as in the drivers. Only hosts that the session holds for up are offered.

round_robin: all hosts, from an index that advances by one a plan.
dc_aware_round_robin: the local datacenter's hosts likewise, then up to used_hosts_per_remote_dc of
each other datacenter
(datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/policies/DCAwareRoundRobinPolicy.java:186-251).
random: the local hosts in random order. least_in_flight: the local host with the fewest requests
in flight of this session, ties to the lower index; each host once. (Neither is a driver's own.)
token-aware over any of them: first the key's replicas in the local datacenter, in ring order or
shuffled, then the child's hosts without them; the child's index advances only when the plan goes
past the replicas (TokenAwarePolicy.java:229-258, the same path). In the Node.js driver the replicas
come in ring order from one that is drawn
(datastax/nodejs-driver@v4.8.0:lib/policies/load-balancing.js:294-350).
Datacenters are taken in the scenario's order, or in one of the client's own.
default: the Node.js driver's own, see nodejs_default.py; without remote hosts.

A host that goes down leaves its datacenter's list and comes back at its end, as in the driver, so
a rotation stays even. A plan walks the list as it was when the plan came to it
(DCAwareRoundRobinPolicy.java:190, RoundRobinPolicy.java:117;
apache/cassandra-python-driver@3.29.3:cassandra/policies.py:176): a list that changes is written
anew, and the old one stays for the plans under way. A host that they offer and that is down by then
is passed over. In the Node.js driver such a host keeps its place in the list, so that the next one
gets its share as well.
"""

from __future__ import annotations

from poolsim.model.kinds import HOST_ADDED, HOST_REMOVED
from poolsim.model.policies.nodejs_default import MOST_ARRANGED, arrange_replicas, next_arranged
from poolsim.model.primitives import Record, World
from poolsim.model.records import LOCAL
from poolsim.model.rule import rule

ROUND_ROBIN = 0
DC_AWARE = 1
RANDOM = 2
LEAST_IN_FLIGHT = 3
NODEJS_DEFAULT = 4
POLICY_NAMES = ("round_robin", "dc_aware_round_robin", "random", "least_in_flight", "default")
BY_DATACENTER = (DC_AWARE, NODEJS_DEFAULT)
"""Policies that keep a list of each datacenter."""
RANDOM_START = 2
"""`Client.shuffle` of replicas in ring order from one that is drawn."""

MASK_BITS = 62
"""Hosts a bit mask of one field can hold; random and least_in_flight use two fields."""

STAGE_NEW = 0
STAGE_REPLICAS = 1
STAGE_LOCAL = 2
STAGE_REMOTE = 3
STAGE_END = 4
STAGE_FIXED = 5  # one host, the node of `plan_step`, and no other


@rule
def next_host(w: World, r: int) -> int:
    """The next host of a request's plan as the index of its pool, or -1 at the end."""
    request = w.requests[r]
    s = request.session
    client = w.clients[request.client]
    if request.plan_stage == STAGE_NEW:
        if client.token_aware == 1 and client.replication == 1:
            request.plan_stage = STAGE_REPLICAS
            request.plan_step = 1
            p = s * w.run.nodes + w.replicas[client.replica_first + request.plan_key]
            if w.hosts[p].up == 1:
                return p
        elif client.token_aware == 1:
            request.plan_stage = STAGE_REPLICAS
            request.plan_step = 0
            request.plan_used = 0
            request.plan_code = 0
            if client.shuffle > 0:
                request.plan_code = w.draw(client.plan, request.number, 0)
            if client.policy == NODEJS_DEFAULT:
                arrange_replicas(w, r)
        else:
            _enter_local(w, r)
    if request.plan_stage == STAGE_REPLICAS:
        p = _next_replica(w, r)
        if p >= 0:
            return p
        _enter_local(w, r)
    if request.plan_stage == STAGE_LOCAL:
        if client.policy == RANDOM or client.policy == LEAST_IN_FLIGHT:
            return _next_unordered(w, r)
        p = _next_in_rotation(w, r)
        if p >= 0:
            return p
        request.plan_stage = STAGE_REMOTE
        request.plan_code = 0  # remote datacenters done
        request.plan_taken = 0
        request.plan_step = 0
    if request.plan_stage == STAGE_REMOTE and client.policy == DC_AWARE:
        if client.offers_remote == 1:
            return _next_remote(w, r, s)
        return -1
    if request.plan_stage == STAGE_FIXED:
        request.plan_stage = STAGE_END
        return s * w.run.nodes + request.plan_step
    return -1


@rule
def _enter_local(w: World, r: int) -> None:
    """Begin the child policy's part of the plan."""
    request = w.requests[r]
    session = w.sessions[request.session]
    request.plan_stage = STAGE_LOCAL
    request.plan_step = 0
    request.plan_taken = 0
    request.plan_used_high = 0
    request.plan_start = session.turn
    session.turn += 1
    client = w.clients[request.client]
    rotation = w.rotations[request.session * w.run.datacenters + client.rotation]
    request.plan_first = rotation.first
    request.plan_count = rotation.count


@rule
def _next_replica(w: World, r: int) -> int:
    """The next local replica that is up, in ring order or in the order of the drawn permutation."""
    request = w.requests[r]
    client = w.clients[request.client]
    replication = client.replication
    first = client.replica_first + request.plan_key * replication
    if client.policy == NODEJS_DEFAULT and replication <= MOST_ARRANGED:
        return next_arranged(w, r)
    while request.plan_step < replication and client.shuffle == RANDOM_START:
        k = (request.plan_code + request.plan_step) % replication
        request.plan_step += 1
        p = request.session * w.run.nodes + w.replicas[first + k]
        if w.hosts[p].up == 1:
            return p
    while request.plan_step < replication:
        left = replication - request.plan_step
        choice = request.plan_code % left
        request.plan_code //= left
        request.plan_step += 1
        k = 0
        while True:
            if (request.plan_used >> k) & 1 == 0:
                if choice == 0:
                    break
                choice -= 1
            k += 1
        request.plan_used |= 1 << k
        p = request.session * w.run.nodes + w.replicas[first + k]
        if w.hosts[p].up == 1 and w.hosts[p].distance == LOCAL:
            return p
    return -1


@rule
def _was_replica(w: World, r: int, n: int) -> int:
    """1 where the token-aware part of the plan has offered this node already."""
    request = w.requests[r]
    client = w.clients[request.client]
    if client.token_aware == 0:
        return 0
    first = client.replica_first + request.plan_key * client.replication
    for k in range(client.replication):
        if w.replicas[first + k] == n:
            return 1
    return 0


@rule
def _next_in_rotation(w: World, r: int) -> int:
    """The next host of the rotation that the plan walks that it has not offered, or -1."""
    request = w.requests[r]
    while request.plan_step < request.plan_count:
        k = (request.plan_start + request.plan_step) % request.plan_count
        request.plan_step += 1
        n = w.rotation_nodes[request.plan_first + k]
        if _was_replica(w, r, n) == 0:
            return request.session * w.run.nodes + n
    return -1


@rule
def _next_remote(w: World, r: int, s: int) -> int:
    """The next of the few hosts of each remote datacenter; the index runs on from the local ones,
    or it is always the first of them (python).

    A host that the plan offers without the session having a pool for it is passed over.
    """
    request = w.requests[r]
    client = w.clients[request.client]
    local = request.plan_count
    while request.plan_code < w.run.datacenters:
        d = request.plan_code
        if client.region_order >= 0:
            d = w.rotation_nodes[client.region_order + d]
        rotation = w.rotations[s * w.run.datacenters + d]
        if (
            d != client.rotation
            and request.plan_taken < client.remote_hosts
            and request.plan_taken < rotation.count
        ):
            k = request.plan_taken
            if client.remote_rotates == 1:
                k = (request.plan_start + local + request.plan_taken) % rotation.count
            request.plan_taken += 1
            return s * w.run.nodes + w.rotation_nodes[rotation.first + k]
        request.plan_code += 1
        request.plan_taken = 0
    return -1


@rule
def _next_unordered(w: World, r: int) -> int:
    """A local host not yet offered: drawn at random, or the one with the fewest in flight."""
    request = w.requests[r]
    client = w.clients[request.client]
    run = w.run
    rotation = w.rotations[request.session * run.datacenters + client.rotation]
    left = 0
    for k in range(rotation.count):
        if _offered(w, r, w.rotation_nodes[rotation.first + k]) == 0:
            left += 1
    if left == 0:
        return -1
    choice = 0
    if client.policy == RANDOM:
        choice = w.draw(client.plan, request.number, 1 + request.plan_step) % left
    request.plan_step += 1
    best = -1
    fewest = 1 << 62
    for k in range(rotation.count):
        n = w.rotation_nodes[rotation.first + k]
        if _offered(w, r, n) == 0:
            if client.policy == RANDOM:
                if choice == 0:
                    best = n
                    break
                choice -= 1
            else:
                load = w.pools[request.session * run.nodes + n].in_flight
                if load < fewest or (load == fewest and n < best):
                    fewest = load
                    best = n
    if best < MASK_BITS:
        request.plan_taken |= 1 << best
    else:
        request.plan_used_high |= 1 << (best - MASK_BITS)
    return request.session * run.nodes + best


@rule
def _offered(w: World, r: int, n: int) -> int:
    request = w.requests[r]
    if _was_replica(w, r, n) == 1:
        return 1
    if n < MASK_BITS:
        return (request.plan_taken >> n) & 1
    return (request.plan_used_high >> (n - MASK_BITS)) & 1


@rule
def host_up(w: World, p: int) -> None:
    """The load balancer learns that a host is up: it joins the end of its rotation."""
    n = w.pools[p].node
    s = w.pools[p].session
    rotation = w.rotations[s * w.run.datacenters + _rotation_of(w, s, n)]
    if _is_listed(w, rotation, n) == 1:
        return
    first = w.add_rotation_nodes(rotation.count + 1)
    for k in range(rotation.count):
        w.rotation_nodes[first + k] = w.rotation_nodes[rotation.first + k]
    w.rotation_nodes[first + rotation.count] = n
    rotation.first = first
    rotation.count += 1


@rule
def host_down(w: World, p: int) -> None:
    """The load balancer learns that a host is down: it leaves its rotation."""
    n = w.pools[p].node
    s = w.pools[p].session
    rotation = w.rotations[s * w.run.datacenters + _rotation_of(w, s, n)]
    if _is_listed(w, rotation, n) == 0:
        return
    first = w.add_rotation_nodes(rotation.count - 1)
    stay = 0
    for k in range(rotation.count):
        other = w.rotation_nodes[rotation.first + k]
        if other != n:
            w.rotation_nodes[first + stay] = other
            stay += 1
    rotation.first = first
    rotation.count = stay


@rule
def host_added(w: World, p: int, now: int) -> None:
    """A session has learnt of a host: the load balancer offers it. Whether it is up is the driver's
    to say."""
    pool = w.pools[p]
    w.hosts[p].known = 1
    w.note(now, HOST_ADDED, pool.session, pool.node, -1, 0)
    host_up(w, p)


@rule
def host_removed(w: World, p: int, now: int) -> None:
    """A session has learnt that a host has left: the load balancer forgets it."""
    pool = w.pools[p]
    w.hosts[p].known = 0
    w.hosts[p].up = 0
    w.note(now, HOST_REMOVED, pool.session, pool.node, -1, 0)
    host_down(w, p)


@rule
def _is_listed(w: World, rotation: Record, n: int) -> int:
    """1 where the rotation has node `n`."""
    listed = 0
    for k in range(rotation.count):
        if w.rotation_nodes[rotation.first + k] == n:
            listed = 1
    return listed


@rule
def _rotation_of(w: World, s: int, n: int) -> int:
    """round_robin, random and least_in_flight know one list of all hosts, kept under 0."""
    client = w.clients[w.sessions[s].client]
    if client.policy in BY_DATACENTER:
        datacenter: int = w.nodes[n].datacenter
        return datacenter
    return 0
