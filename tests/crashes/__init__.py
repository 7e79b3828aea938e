"""Crashes of the embedded log: processes killed, the power cut, system calls that fail.

`python tests/crashes/run.py --write` makes the table of docs/evidence.md; `nox -s crashes` does so.
"""
