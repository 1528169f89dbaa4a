"""`python -m opsconsole`."""

import sys

from opsconsole.cli import main

if __name__ == "__main__":
    sys.exit(main())
