"""`python -m bench`."""

import sys

from bench.run import main

if __name__ == "__main__":  # the processes that are measured import this file too
    sys.exit(main())
