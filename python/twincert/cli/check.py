"""``twincert check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twincert._certificate_format import encode_number
from twincert.certificate import Certificate
from twincert.cli.console import HOLDS, VIOLATED, print_json, read_twin, stdout
from twincert.report.text import certificate_table, check_line


def check(
    certificate: Annotated[Path, typer.Argument(help="certificate (.json)")],
    reference: Annotated[Path, typer.Argument(help="reference network f")],
    compressed: Annotated[Path, typer.Argument(help="its compressed twin g")],
    json_target: Annotated[str | None, typer.Option("--json", help="write the report as JSON; - is stdout")] = None,
) -> None:
    """Prove the claims of a certificate again, without the solver.

    Exit code 0: every claim is proven; 1: the certificate is refused; 2: wrong usage or a file that is no certificate.
    """
    claims = Certificate.load(certificate)
    report = claims.check(read_twin(reference, compressed))
    if json_target is not None:
        content = {"valid": report.valid, "upper": encode_number(report.upper), "reason": report.reason}
        print_json(content, json_target)
    if json_target != "-":
        console = stdout()
        console.print(certificate_table(claims))
        console.print(check_line(report))
    raise typer.Exit(HOLDS if report.valid else VIOLATED)
