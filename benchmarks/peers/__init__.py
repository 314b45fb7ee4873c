"""Workloads W and S in other simulators, each as its documentation would have it written."""
