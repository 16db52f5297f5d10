"""`python -m immurtal`: the command line."""

from immurtal.cli import main

main()
