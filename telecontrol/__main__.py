"""`python -m telecontrol`: the same command line as `telecontrol`, without installing the package."""

from telecontrol.cli import main

main()
