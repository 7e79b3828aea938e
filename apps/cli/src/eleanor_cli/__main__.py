"""`python -m eleanor_cli` is `eleanor`."""

from eleanor_cli.app import main

main()
