/** Runs: a recorded workload through the real driver. */
package poolsim.runs;
