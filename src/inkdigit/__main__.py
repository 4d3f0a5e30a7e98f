"""`python -m inkdigit` is the command `inkdigit`."""

from inkdigit.cli import main

main()
