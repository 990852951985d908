"""``python -m cathouse.cli``: the same as ``cathouse``."""

from cathouse.cli import main

if __name__ == "__main__":
    main()
