"""`python -m experiments.checkers`."""

import sys

from experiments.checkers.command import main

sys.exit(main())
