"""`python -m bench`; `python -m bench pipeline` only what follows the commit."""

import sys

from bench.run import main, only_pipeline

if __name__ == "__main__":  # the processes that are measured import this file too
    sys.exit(only_pipeline() if sys.argv[1:] == ["pipeline"] else main())
