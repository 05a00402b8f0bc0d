"""How alike the figures of a clinic's months are because the same patients come in several.

Of visits s and t months apart, what a patient's own have in common beyond what all of the clinic's have is
seen in the products of their distances from the clinic's means of those months: whatever a month does to all
patients of a clinic is in the mean, and cancels. A correlation ρ_l is estimated for every distance l by the
products' sum over the sum that is expected of ρ_l = 1 (a method of moments, as Liang & Zeger's working
correlations are, 1986, Biometrika 73:13); that patients remember recent months better needs no model then.
How much of it there is in the months' figures follows from how many visits of the same patients they hold.

With o, m a patient's sum and values in the one month and p, q in the other, and n, N the values of both, the
products of (o − m Σo/n) and (p − q Σp/N) add up to the patients' covariance times
Σmq − Σm²q/n − Σmq²/N + (Σmq)²/(nN) in the mean. In one month, where a patient's m values make m(m − 1)
pairs, what single values vary by is n − Σm²/n variances, and comes off.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.models.fit import Floats

_NOTHING = 1e-9


def correlation_of_months(
    pairs: pd.DataFrame, places: tuple[pd.Index, pd.Index], size: Floats, rate: Floats, variance: Floats
) -> Floats:
    """(K, T, T) covariance of clinics' monthly figures, in units of their SDs had nobody come again.

    The diagonal is 1 where no patient comes twice within the month, and more where some do.

    Args:
        pairs: sums over a clinic's patients, by clinic and two months
            (`tasks.records.questions.patients_by_months`).
        places: the K clinics and the T months.
        size: (K, T) values, or exposure, of each month; 0 where there are none.
        rate: (K, T) the month's outcome for one unit of size.
        variance: (K, T) sampling variance of one unit of size.
    """
    clinics, months = places
    clinic = clinics.get_indexer(pd.Index(pairs["clinic"]))
    one, other = (months.get_indexer(pd.Index(pairs[each])) for each in ("month", "period"))
    known = (clinic >= 0) & (one >= 0) & (other >= 0)
    known &= (size[clinic, one] > 0.0) & (size[clinic, other] > 0.0)
    clinic, one, other, sums = clinic[known], one[known], other[known], pairs[known]
    products, outcome_by_size, size_by_outcome, shared, more_size, size_more = (
        sums[each].to_numpy(dtype=float)
        for each in (
            "products",
            "outcome_by_size",
            "size_by_outcome",
            "sizes",
            "more_size",
            "size_more",
        )
    )
    n, m = size[clinic, one], size[clinic, other]
    of_one, of_other = rate[clinic, one], rate[clinic, other]
    seen = products - of_other * outcome_by_size - of_one * size_by_outcome + of_one * of_other * shared
    # what estimated means take from them: of patients' own covariance, by how much of the mean is theirs
    expected = shared - size_more / m - more_size / n + shared**2 / (n * m)
    unit = np.sqrt(variance[clinic, one] * variance[clinic, other])
    again = np.maximum(shared - n, 0.0)  # visits of the same patient within a month
    within = again - 2.0 * np.maximum(more_size - shared, 0.0) / n + shared * again / n**2
    same = one == other
    seen = np.where(same, seen - unit * (n - shared / n), seen)
    expected = unit * np.where(same, within, expected)
    distance = other - one
    total, possible = (np.bincount(distance, each, minlength=len(months)) for each in (seen, expected))
    enough = possible > _NOTHING * float(np.abs(possible).max(initial=0.0))
    alike = np.clip(np.divide(total, possible, where=enough, out=np.zeros(len(months))), -1.0, 1.0)
    found = np.tile(np.eye(len(months)), (len(clinics), 1, 1))
    common = alike[distance] * np.where(same, again, shared) / np.sqrt(n * m)
    found[clinic, one, other] += common
    found[clinic[~same], other[~same], one[~same]] += common[~same]
    return found
