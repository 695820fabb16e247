"""Section 4: every iterate of the splitting gives a valid bound (here in float64, without the outward rounding of the
checker).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twincert._reference.network import Array
from twincert._reference.relaxation import Clique

Index = tuple[NDArray[np.intp], ...]


def fold(matrices: list[Array], chain: list[Clique]) -> list[Array]:
    """Add every overlapping entry's copy in clique k+1 onto its copy in clique k; the agreeing copies carry one
    multiplier.
    """
    folded = [m.copy() for m in matrices]
    for k in range(len(chain) - 1):
        here, there = overlap(chain, k)
        folded[k][here] += folded[k + 1][there]
        folded[k + 1][there] = 0.0
    return folded


def overlap(chain: list[Clique], k: int) -> tuple[Index, Index]:
    """Index grids of the entries that cliques k and k+1 share: rows 'one' and those of layer k."""
    here, there = [0, *chain[k].current], [0, *chain[k + 1].previous]
    return np.ix_(here, here), np.ix_(there, there)


def support(residual: list[Array], chain: list[Clique]) -> float:
    """max <R, M> over the entry intervals."""
    return float(sum(np.maximum(r * c.LO, r * c.HI).sum() for r, c in zip(residual, chain, strict=True)))


def support_bound(objective: Array, multipliers: list[Array], chain: list[Clique]) -> float:
    """Bound of <C, M> for multipliers with T' L T positive semidefinite: <L, M> >= 0, so add it and take the support
    function.
    """
    residual = [m.copy() for m in multipliers]
    residual[-1] += objective
    return support(fold(residual, chain), chain)


def repaired_bound(objective: Array, multipliers: list[Array], chain: list[Clique], bases: list[Array]) -> float:
    """The second repair: remove loose residuals from L, then pay lambda_min times the largest trace of M."""
    residual = [m.copy() for m in multipliers]
    residual[-1] += objective
    folded = fold(residual, chain)
    penalty, kept = 0.0, []
    for r, c, q, multiplier in zip(folded, chain, bases, multipliers, strict=True):
        loose = np.where((c.LO < 0) & (c.HI > 0), r, 0.0)
        loose += np.where((c.LO == 0) & (c.HI > 0), np.maximum(r, 0), 0) + np.where(
            (c.HI == 0) & (c.LO < 0), np.minimum(r, 0), 0
        )
        np.fill_diagonal(loose, 0.0)
        loose[0], loose[:, 0] = 0.0, 0.0
        kept.append(multiplier - loose)
        least = float(np.linalg.eigvalsh(q.T @ kept[-1] @ q)[0])
        penalty += max(0.0, -least) * float(np.diag(c.HI).sum())
    return support_bound(objective, kept, chain) + penalty
