"""Threads of an instance, and what makes them late (002:441-473, 499-503).

event_loop: one thread issues, writes, reads and runs the callbacks; a callback blocks everything
else (002:443-451). thread_pool: I/O threads in turn, and worker threads that run callbacks
(002:453-463). hybrid: an I/O thread for each N connections, and callback threads (002:465-473).
A thread does what it was given in order; a callback goes to the callback thread that is free first.

A thread that takes up what the network has for it, or flushes, has switched to it (002:34): that
may cost something besides the system call, and is added to it.

A collector's pause stops all threads of an instance, at the same interval again and again, from an
instant that is drawn for each instance. What an I/O or callback thread was to do takes longer by
the pauses that fall into it; nothing is issued during one. Timers and the kernel are not stopped.

A pause may also come whenever so many bytes have been allocated (002:412-421: what objects are used
again need no allocation, so that the collector has less to do). A request allocates when it is
sent, its response when it is decoded. Nobody knows such a pause beforehand: what a thread has been
given by then it does first, as a thread goes on to its next safepoint.
"""

from __future__ import annotations

from poolsim.model.kinds import GC_PAUSE
from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def done_at(w: World, s: int, begin: int, cost: int) -> int:
    """When work that begins at an instant is done, with the collector's pauses in between."""
    client = w.clients[w.sessions[s].client]
    every = client.gc_every
    if begin < w.sessions[s].gc_until:
        begin = w.sessions[s].gc_until
    if every == 0:
        return begin + cost
    phase = w.sessions[s].gc_phase
    if begin < phase:
        if begin + cost <= phase:
            return begin + cost
        cost -= phase - begin
        begin = phase
    into = (begin - phase) % every
    if into < client.gc_pause:
        begin += client.gc_pause - into
        into = client.gc_pause
    room = every - into
    while cost > room:
        cost -= room
        begin += room + client.gc_pause
        room = every - client.gc_pause
    return begin + cost


@rule
def work(w: World, p: int, t: int, cost: int, now: int) -> int:
    """Give a thread something to do for a connection of pool `p`; when it will be done."""
    thread = w.threads[t]
    begin = now
    if thread.free_at > now:
        begin = thread.free_at
    done = done_at(w, w.pools[p].session, begin, cost)
    thread.free_at = done
    w.pools[p].busy += cost
    return done


@rule
def callback_thread(w: World, s: int) -> int:
    """The callback thread that is free first; there is one at least."""
    session = w.sessions[s]
    chosen = session.first_callback_thread
    for t in range(chosen + 1, chosen + w.clients[session.client].callback_threads):
        if w.threads[t].free_at < w.threads[chosen].free_at:
            chosen = t
    return chosen


@rule
def take_io_thread(w: World, c: int) -> None:
    """An I/O thread for a new connection: in turn, or the first with fewer than N of them."""
    connection = w.connections[c]
    session = w.sessions[w.pools[connection.pool].session]
    client = w.clients[session.client]
    if client.connections_a_thread > 0 and client.one_core == 0:
        first = session.first_thread + 1
        chosen = first
        for t in range(first, first + client.io_threads):
            if w.threads[t].connections < client.connections_a_thread:
                chosen = t
                break
            if w.threads[t].connections < w.threads[chosen].connections:
                chosen = t
        connection.thread = chosen
    w.threads[connection.thread].connections += 1


@rule
def leave_io_thread(w: World, c: int) -> None:
    """A connection is gone: its I/O thread has one less."""
    w.threads[w.connections[c].thread].connections -= 1


@rule
def collect_garbage(w: World, s: int, now: int) -> None:
    """The collector's pause begins: the issuing thread stands still until it is over. What other
    threads do has been counted with the pause when they were given it."""
    session = w.sessions[s]
    client = w.clients[session.client]
    w.note(now, GC_PAUSE, s, -1, -1, client.gc_pause)
    thread = w.threads[session.first_thread]
    if thread.free_at < now + client.gc_pause:
        thread.free_at = now + client.gc_pause
    session.gc_at = now + client.gc_every


@rule
def allocate_bytes(w: World, s: int, count: int, now: int) -> None:
    """An instance has allocated so many bytes: when they are enough, its collector pauses it, after
    a pause that goes on."""
    session = w.sessions[s]
    client = w.clients[session.client]
    session.allocated += count
    if session.allocated < client.gc_after:
        return
    session.allocated = 0
    until = now
    if session.gc_until > now:
        until = session.gc_until
    session.gc_until = until + client.gc_pause
    w.note(now, GC_PAUSE, s, -1, -1, client.gc_pause)
    thread = w.threads[session.first_thread]
    if thread.free_at < session.gc_until:
        thread.free_at = session.gc_until
