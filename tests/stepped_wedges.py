"""Stepped wedges of eight clinics that hardly differ: clinic i of 0 to 7 starts the program in period i // 2.

An exchangeable correlation lies so near −1/(largest clinic − 1) that its fourth digit decides how a large
clinic is weighed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

CLINICS, PERIODS = 8, 4


@dataclass(frozen=True)
class Wedge:
    """(8, 4) records and events by clinic and period; effect and correlation by statsmodels."""

    records: list[list[int]]
    events: list[list[int]]
    effect: float
    correlation: float


# statsmodels 0.15.0: GEE(Binomial(), Exchangeable()).fit(ctol=1e-10, maxiter=2000), by plain Fisher scoring
SOLVED = {
    "equal clinics": Wedge(
        records=[
            [143, 121, 97, 139],
            [123, 118, 136, 123],
            [110, 129, 124, 137],
            [130, 132, 119, 119],
            [146, 116, 112, 126],
            [137, 115, 136, 112],
            [119, 121, 133, 127],
            [122, 136, 119, 123],
        ],
        events=[
            [34, 38, 37, 63],
            [34, 31, 48, 57],
            [27, 39, 39, 53],
            [28, 36, 47, 37],
            [30, 31, 33, 41],
            [34, 27, 46, 39],
            [22, 23, 31, 48],
            [25, 33, 27, 41],
        ],
        effect=0.5288225264470355,
        correlation=-0.0016693991977176034,
    ),
    "one clinic of a third of the records": Wedge(
        records=[
            [99, 99, 75, 85],
            [210, 197, 224, 218],
            [211, 217, 207, 207],
            [74, 79, 60, 77],
            [80, 86, 89, 66],
            [64, 52, 70, 58],
            [75, 81, 62, 80],
            [47, 57, 63, 48],
        ],
        events=[
            [28, 35, 29, 35],
            [62, 71, 87, 92],
            [46, 67, 80, 71],
            [18, 17, 23, 23],
            [15, 27, 29, 23],
            [10, 14, 31, 16],
            [14, 21, 13, 27],
            [10, 14, 11, 17],
        ],
        effect=0.501775494477616,
        correlation=-0.00038721590579922106,
    ),
    "a clinic of 29 beside one of 841": Wedge(
        records=[
            [170, 182, 172, 161],
            [6, 8, 7, 8],
            [160, 138, 159, 159],
            [164, 161, 160, 167],
            [197, 191, 164, 180],
            [84, 68, 79, 80],
            [133, 99, 119, 123],
            [205, 211, 207, 218],
        ],
        events=[
            [43, 62, 70, 69],
            [3, 4, 3, 2],
            [36, 51, 55, 67],
            [36, 59, 53, 60],
            [34, 42, 55, 71],
            [16, 18, 30, 30],
            [27, 22, 36, 42],
            [40, 47, 43, 79],
        ],
        effect=0.6691943862785258,
        correlation=-0.0010224343448584049,
    ),
}

# whatever correlation down to −1/783 weighs these clinics, their residuals then have a lower one: statsmodels
# ends at −0.00128397, where the covariance of the largest clinic's 784 records is not one
UNSOLVABLE = Wedge(
    records=[
        [183, 187, 202, 162],
        [25, 25, 21, 24],
        [49, 45, 43, 40],
        [69, 58, 55, 46],
        [49, 45, 45, 40],
        [182, 181, 190, 172],
        [199, 190, 168, 227],
        [149, 135, 119, 129],
    ],
    events=[
        [71, 54, 81, 60],
        [8, 13, 3, 8],
        [11, 14, 14, 16],
        [14, 15, 21, 22],
        [3, 8, 16, 14],
        [43, 40, 68, 61],
        [28, 43, 44, 95],
        [25, 29, 30, 51],
    ],
    effect=float("nan"),
    correlation=-0.0012839687498056238,
)


def rows_of(wedge: Wedge) -> pd.DataFrame:
    """A row per record: its clinic, period, whether the program had begun, and the outcome."""
    records, events = np.array(wedge.records).ravel(), np.array(wedge.events).ravel()
    clinic, period = (each.ravel() for each in np.indices((CLINICS, PERIODS)))
    which = np.repeat(np.arange(CLINICS * PERIODS), records)
    place = np.arange(len(which)) - np.repeat(np.cumsum(records) - records, records)
    return pd.DataFrame(
        {
            "clinic": clinic[which],
            "month": period[which],
            "program": (period >= clinic // 2).astype(int)[which],
            "seen": (place < events[which]).astype(int),
        }
    )
