"""Which settings, how many, and will that still hold: many simulations that answer one question.

Everything here is made of one thing: a *point*, which is the scenario with some values replaced,
is *evaluated* to the values of its metrics, one a replication. Sweeps evaluate all points of a
space, `recommend` those that a search asks for, `check` those of a recommendation; the same
evaluation, the same draws (a setting changes none), the same executors. What is written to disk is
a fact about a point, so work that was interrupted goes on.
"""
