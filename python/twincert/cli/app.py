"""The commands, and the one place where errors become a readable line and an exit code."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from rich.text import Text
from typer.core import TyperGroup

from twincert import __version__
from twincert.cli.certify import EPILOG, certify
from twincert.cli.check import check
from twincert.cli.compress import compress
from twincert.cli.console import INTERNAL, USAGE, close_pipe, stderr
from twincert.cli.demo import demo
from twincert.cli.inspect import inspect
from twincert.errors import TwincertError


class ReadableErrors(TyperGroup):
    """Commands whose errors of use are one line on stderr and exit code 2."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run a command; errors of use end it without a traceback."""
        try:
            return super().invoke(ctx)
        except TwincertError as error:
            _fail(str(error), USAGE)
        except BrokenPipeError:
            close_pipe()
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}", USAGE)


def _fail(message: str, code: int) -> NoReturn:
    stderr().print(Text.assemble(("error: ", "bold red"), message))
    raise typer.Exit(code)


app = typer.Typer(
    name="twincert",
    cls=ReadableErrors,
    rich_markup_mode=None,
    help="Certify the worst-case error between a neural network and its compressed twin.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command(epilog=EPILOG)(certify)
app.command()(check)
app.command()(compress)
app.command()(inspect)
app.command()(demo)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"twincert {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Certify the worst-case error between a neural network and its compressed twin."""


def main() -> None:
    """Entry point of the ``twincert`` command; a bug in twincert gets an exit code that is no verdict."""
    try:
        app(prog_name="twincert")
    except Exception:
        traceback.print_exc()
        sys.stderr.write("error: a bug in twincert; please report the lines above\n")
        sys.exit(INTERNAL)
