"""How `eleanor batch` works inside: the job and its output, and the processes that judge.

`job`, `output` and `progress` serve every run. `pool`, `lane`, `process`, `frames` and `log` are
the parent's side of several processes; `worker`, `serve` and `handover` are the far side.
"""
