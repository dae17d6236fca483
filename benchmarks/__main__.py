"""`python -m benchmarks`."""

import sys

from benchmarks.cli import main
from inventory.core import logging

logging.configure("WARNING", "auto", "bench")
main(sys.argv[1:])
