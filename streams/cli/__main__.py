"""`python -m streams.cli`: the command line where its script isn't on PATH."""

from streams.cli import main

main()
