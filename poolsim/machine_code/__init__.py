"""Python functions as machine code, compiled once and kept on disk.

`linking` compiles (needs numba, slow), `cache` keeps, `library` loads and calls (needs llvmlite
only, fast). It knows nothing of pools: the engine compiles rules with it, the recorder its sums.
"""
