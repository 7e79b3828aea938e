"""Floor 4, below the stages and the registry: a process of its own for code that nobody trusts.

`confine` takes rights from the process that calls it, for good. `frames` carries what crosses the
pipe. Neither knows a plugin: what runs in a worker is the registry's affair.
"""
