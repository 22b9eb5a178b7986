"""``python -m gaedist``."""

import sys

from gaedist.cli import main

if __name__ == "__main__":
    sys.exit(main())
