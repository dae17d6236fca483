"""`python -m benchmarks`."""

import sys

from app.core import logging
from benchmarks.cli import main

logging.configure("WARNING", "auto", "bench")
main(sys.argv[1:])
