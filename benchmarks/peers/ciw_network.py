"""ciw: a network of three nodes (way there, node, way back). It has no streams, no least-busy pick
and no queue of waiters, so it simulates W only."""

from __future__ import annotations

from benchmarks.workload import Summary, Workload


def run(workload: Workload, count: int, seed: int) -> Summary:
    """Simulate until about `count` requests have ended."""
    import ciw

    there = ciw.dists.Deterministic(workload.network_s)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(workload.rate), None, None],
        service_distributions=[
            there,
            ciw.dists.Exponential(1 / workload.mean_service_s),
            there,
        ],
        number_of_servers=[float("inf"), workload.workers, float("inf")],
        routing=[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(count, method="Finish")
    spent: dict[int, float] = {}
    ended: set[int] = set()
    for record in simulation.get_all_records():
        time_s = record.waiting_time + record.service_time
        spent[record.id_number] = spent.get(record.id_number, 0.0) + time_s
        if record.node == 3:
            ended.add(record.id_number)
    mean_s = sum(spent[number] for number in ended) / len(ended)
    return Summary(len(ended), 0, 0, mean_s)
