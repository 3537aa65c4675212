"""`python -m experiments.figures`."""

import sys

from experiments.figures.command import main

sys.exit(main())
