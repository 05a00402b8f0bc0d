"""What a model fitted to all clinics takes from one of them: its log-likelihood over plausible parameters.

Two tables of which the log-likelihoods differ by the same number everywhere have the same maximum, the same
intervals and the same shrunken figures, whatever is computed of them. So the surfaces are held against one
another and not the figures, of which there are many, and each costs a fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from tasks.disclosing.additive_table import Integers
from tasks.disclosing.counts import Booleans, Floats

_REACH = 2.0  # standard errors about the mean: what intervals and posteriors are made of
_FEWEST_SDS = 0.1
_EFFECTS = np.linspace(
    -8.0, 8.0, 801
)  # of a clinic in SDs; finer than any likelihood of thousands of records
_WEIGHTS = np.log(_EFFECTS[1] - _EFFECTS[0]) - (_EFFECTS**2 + np.log(2.0 * np.pi)) / 2.0


@dataclass(frozen=True)
class Surface:
    """Parameters at which clinics' log-likelihoods are held against one another; the first is the middle.

    Attributes:
        binary: whether the outcome has two sides; else it is a count with an exposure.
        average: (G,) log odds, or log rates, of the average clinic.
        sd: (G,) SDs between clinics.
    """

    binary: bool
    average: Floats
    sd: Floats

    @classmethod
    def about(cls, events: Floats, size: Floats, *, binary: bool) -> Surface:
        """The surface about what clinics' own figures say (moments: plausible is all that it must be).

        Args:
            events: (C,) events.
            size: (C,) records, or exposure.
            binary: whether the outcome has two sides.
        """
        rate = events.sum() / size.sum()
        own = (events + 0.5) / (size + (1.0 if binary else 0.5 / rate))
        effect = special.logit(own) if binary else np.log(own)
        sampling = 1.0 / (size * own * ((1.0 - own) if binary else 1.0))
        between = max(float(np.var(effect, ddof=1) - sampling.mean()) if len(effect) > 1 else 0.0, 0.0)
        sd = max(float(np.sqrt(between)), _FEWEST_SDS)
        precision = 1.0 / (between + sampling)
        mean, error = float((precision * effect).sum() / precision.sum()), float(precision.sum() ** -0.5)
        steps = np.array([(0, 0), *((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))])
        spread = 2.0 ** (_REACH / np.sqrt(2.0 * len(events)) / np.log(2.0))
        return cls(binary, mean + _REACH * error * steps[:, 0], sd * spread ** steps[:, 1])

    @property
    def of_clinics(self) -> Booleans:
        """(F,) which log-likelihoods give every clinic's figures; the others give the network's alone."""
        points = len(self.sd) - 1
        return np.arange(2 * points if self.binary else points) < points

    def of(self, events: Floats | Integers, size: float) -> Floats:
        """(Y, F) log-likelihoods of each of Y counts of events, less that in the middle.

        Of clinics with normal effects on the scale of the link (McCulloch & Searle 2001, ch. 8), from which
        clinics' figures come, and of binary outcomes of the beta-binomial with the same mean and spread
        besides (Prentice 1986), from which their correlation does.
        """
        y = np.asarray(events, dtype=np.float64)[:, None]
        normal = np.column_stack(
            [self._normal(y, size, mean, sd) for mean, sd in zip(self.average, self.sd, strict=True)]
        )
        both = [normal]
        if self.binary:
            mean = special.expit(self.average)
            whole = np.maximum(1.0 / (self.sd**2 * mean * (1.0 - mean)) - 1.0, 0.1)
            a, b = mean * whole, (1.0 - mean) * whole
            beta = special.betaln(y + a, size - y + b) - special.betaln(a, b)
            both.append(beta)
        return np.hstack([each[:, 1:] - each[:, :1] for each in both])

    def _normal(self, events: Floats, size: float, mean: float, sd: float) -> Floats:
        """(Y,) log-likelihoods with effects that are normal, without what does not depend on parameters."""
        eta = mean + sd * _EFFECTS
        of_size = np.logaddexp(0.0, eta) if self.binary else np.exp(eta)
        return np.asarray(special.logsumexp(events * eta - size * of_size + _WEIGHTS, axis=1))
