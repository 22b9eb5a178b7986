"""``python -m gaedist``."""

import sys

from gaedist.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
