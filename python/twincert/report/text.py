"""Terminal tables of certificates, networks and twins."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rich.table import Table
from rich.text import Text

from twincert._facts import certificate_rows, number
from twincert.certificate import Certificate, CheckReport
from twincert.network import Network, Twin

_STYLES = {"holds": "bold green", "violated": "bold red", "unknown": "bold yellow"}


def facts_table(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """Two columns without lines: label and text."""
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, Text(text, style=_STYLES.get(text, "")))
    return table


def certificate_table(certificate: Certificate) -> Table:
    """Facts of a certificate."""
    return facts_table("Certificate", certificate_rows(certificate))


def outputs_table(certificate: Certificate) -> Table:
    """Proven interval of every output difference that was asked for."""
    table = Table(title="Output differences f_i - g_i", title_justify="left", box=None, pad_edge=False)
    for heading in ("output", "never below", "never above", "at the witness"):
        table.add_column(heading, justify="right")
    for i, upper in enumerate(certificate.upper_per_output):
        lower = certificate.lower_per_output[i]
        if np.isfinite(upper) or np.isfinite(lower):
            table.add_row(str(i), number(lower), number(upper), number(certificate.witness_difference[i]))
    return table


def check_line(report: CheckReport) -> Text:
    """One line with the checker's verdict."""
    if report.valid:
        return Text(f"checker: valid, the measure never exceeds {number(report.upper)}", style="bold green")
    return Text(f"checker: REFUSED: {report.reason}", style="bold red")


def network_text(title: str, network: Network) -> Text:
    """Name and layers of a network."""
    return Text.assemble((title, "bold"), "\n", network.summary())


def difference_table(twin: Twin) -> Table:
    """How far the weights of paired stages are apart."""
    table = Table(title="Weight differences", title_justify="left", box=None, pad_edge=False)
    for heading in ("stage", "reference", "compressed", "max |W - V|", "mean |W - V|", "max |b - c|", "zeros in V"):
        table.add_column(heading, justify="right")
    for i, pair in enumerate(twin.stages):
        w, b, v, c = pair.reference.weight, pair.reference.bias, pair.compressed.weight, pair.compressed.bias
        row = [str(i), f"{w.shape[0]} x {w.shape[1]}", f"{v.shape[0]} x {v.shape[1]}"]
        if w.shape == v.shape:
            distance = np.abs(w - v)
            row += [number(distance.max()), number(distance.mean()), number(np.abs(b - c).max())]
        else:
            row += ["other size", "", ""]
        table.add_row(*row, f"{np.mean(v == 0):.1%}")
    return table
