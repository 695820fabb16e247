"""Command line: ``twincert`` and ``python -m twincert``."""

from twincert.cli.app import app, main

__all__ = ["app", "main"]
