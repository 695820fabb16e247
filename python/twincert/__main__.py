"""``python -m twincert``."""

from twincert.cli import main

if __name__ == "__main__":
    main()
