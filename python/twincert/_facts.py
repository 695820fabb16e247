"""The facts about a certificate that every report shows, as pairs of label and text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from twincert.measure import Affine, affine_label, measure_label, threshold_label

if TYPE_CHECKING:
    from twincert.certificate import Certificate

STATUS_TEXT = {
    "converged": "converged",
    "iteration_limit": "iteration limit reached; the bound is valid",
    "time_limit": "time limit reached; the bound is valid",
    "interrupted": "interrupted; the bound is valid",
    "threshold_reached": "the threshold was decided",
    "size_limit": "the relaxation would exceed memory_limit; the bound is propagation's",
    "propagation_only": "propagation only, as asked",
    "numerical_error": "the solver broke down; the bound is valid",
}


def number(value: float) -> str:
    """Six significant digits; proven bounds are shown rounded, never exactly."""
    return f"{value:.6g}"


def set_label(certificate: Certificate) -> str:
    """Kind and size of the input set."""
    content = certificate.input_set.to_dict()
    return f"{content['kind']}, {certificate.input_set.size} inputs"


def certificate_rows(certificate: Certificate) -> list[tuple[str, str]]:
    """Label and text of each fact, most important first."""
    rows = [
        ("measure", measure_label(certificate.measure)),
        ("input set", set_label(certificate)),
        ("proven upper bound", number(certificate.upper)),
        *_affine_row(certificate),
        ("attained by attack", number(certificate.lower)),
        ("gap (upper / attained)", "no lower bound" if certificate.gap == float("inf") else f"{certificate.gap:.3f}"),
    ]
    if certificate.threshold is not None:
        rows.append((threshold_label(certificate.measure, certificate.threshold), certificate.verdict))
    rows.append(("method", certificate.method))
    info = certificate.info
    rows.append(("status", STATUS_TEXT.get(certificate.status, certificate.status)))
    if "refusal" in info:
        rows.append(("SDP refused", info["refusal"]))
    if info["clique_rows"]:
        sizes = ", ".join(f"{a} x {b}" for a, b in zip(info["clique_rows"], info["clique_variables"], strict=True))
        rows.append(("cliques (rows x variables)", sizes))
        rows.append(("iterations", str(info["iterations"])))
    if info["parts"]:
        rows.append(("branching", f"{info['leaves']} leaves, {info['parts']} parts bounded"))
    spent = ", ".join(f"{stage} {seconds:.3g}" for stage, seconds in info["timings"].items())
    if spent:
        rows.append(("seconds", spent))
    return rows


def _affine_row(certificate: Certificate) -> list[tuple[str, str]]:
    if not isinstance(certificate.measure, Affine) or certificate.affine is None:
        return []
    return [("on the whole set", affine_label(certificate.measure, certificate.affine))]


def certificate_html(certificate: Certificate) -> str:
    """HTML table of the facts, for notebooks."""
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(label)}</th><td style="text-align:left">{escape(text)}</td></tr>'
        for label, text in certificate_rows(certificate)
    )
    return f"<table><caption>twincert certificate</caption>{cells}</table>"
