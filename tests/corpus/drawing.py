"""Each property with what it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corpus import properties
from corpus.tables_drawn import network_files, record_tables, tables
from hypothesis import strategies as st


@dataclass(frozen=True)
class Property:
    """A property.

    Attributes:
        name: of what it is.
        strategy: draws what it is tried on.
        holds: raises where it does not.
    """

    name: str
    strategy: st.SearchStrategy[Any]
    holds: Callable[[Any], None]


PROPERTIES = (
    Property("screening", record_tables(), properties.screening),
    Property("network files", network_files(), properties.network_file),
    Property("linear mixed model", tables(), properties.linear_mixed_model),
    Property("intraclass correlation", tables(), properties.intraclass_correlation),
    Property("within clinics", tables(), properties.within_clinics),
    Property("gee, gaussian", tables(), properties.estimating_equations("gaussian")),
    Property("gee, binomial", tables("binary"), properties.estimating_equations("binomial")),
    Property("gee, poisson", tables("count"), properties.estimating_equations("poisson")),
    Property("glmm, binomial", tables("binary"), properties.generalized_mixed_model("binomial")),
    Property("glmm, poisson", tables("count"), properties.generalized_mixed_model("poisson")),
)
