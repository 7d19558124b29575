"""``python -m faceviz``."""

from faceviz.cli import main

if __name__ == "__main__":
    main()
