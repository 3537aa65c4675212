"""`python -m experiments.train`."""

import sys

from experiments.train.command import main

sys.exit(main())
