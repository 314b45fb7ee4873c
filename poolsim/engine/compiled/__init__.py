"""The compiled engine: the model's rules, the very functions, as machine code over arrays.

A second executor, never a second model. `layout` says where everything lies, `tables` holds the
arrays, `library` and `cache` (of `machine_code`) find or make the machine code, `executor` runs it.
What needs numba (`program` and all that it is made of: `world_type`, `growth`, `agenda`,
`primitives`, `foresight`, `uniforms`) is imported only where there is something to compile: code
from the cache runs without it.
"""
