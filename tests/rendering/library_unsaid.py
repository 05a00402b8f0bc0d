"""Texts of the model library that no report or brief carries, by module: they need no other language.

Most refuse what a program that calls the library asked of it; some stand in what is printed at a terminal, or
in an interval, test or model that no step takes. Should one end in a report after all, that says in general
terms that the records do not allow it.
"""

from __future__ import annotations

WHOLE = {
    "verdict": "the wording has its sentences, under `ranked`",
    "icc_estimates": "the wording has what an ICC is called, under `icc_method`",
    "sandwich": "what a covariance is called, at a terminal",
    "group_means": "a formula",
    "gee_occasions": "correlations over occasions, which no step asks for",
    "hypotheses": "tests of hypotheses, which no step asks for",
    "likelihood_ratio": "comparisons of models, which no step asks for",
    "random_effects": "Hausman's test, which no step asks for",
    "icc_nested": "without an ICC by region the network's own stands, and nothing is said",
    "nested_anova": "without an ICC by region the network's own stands, and nothing is said",
    "icc_result": "what an ICC is at a terminal",
    "program_effect": "refuses formulas that no step makes; its notes are for the terminal",
}
"""Modules of which nothing is said, and why."""

UNSAID: dict[str, tuple[str, ...]] = {
    "posterior_counts": (
        "no random effects by {0} in this fit; {1}",
        "{0} has several random effects in {1}, so its levels have no one effect",
        "fit (1 | {0})",
    ),
    "posterior_gaussian": (
        "no random effects by {0} in this fit; {1}",
        "{0} has no random intercept in {1}, so its levels have no effect of their own",
        "write (1 + … | {0})",
        "a posterior is of each of them",
    ),
    "ranks": (
        "better is {0}; it says which effects are better, 'higher' or 'lower'",
        "an outcome without a better direction has no ranks",
        "ranks come from shrunken estimates, not from a {0}",
        "say ranks(shrink(fit), better=…)",
        "no {0} {1} among the estimates; {2}",
    ),
    "shrinkage": (
        "the fit has no random effects to shrink",
        "fit lmm() or glmm() with a term (1 | clinic)",
        "the fit has random effects by {0}",
        "say which: shrink(fit, group=…)",
        "no random effects by {0} in this fit; {1}",
    ),
    "standardised_ratio": (
        "expected totals need the records, and this fit does not remember them",
        "fit the model in the same session",
    ),
    "gee": (
        "a correlation of type {0} has no occasions",
        "its parameters are in `working`",
        "no prediction of kind {0}; a GEE has 'marginal'",
        "a GEE predicts population averages only",
        "for a named clinic, predict from lmm() or glmm()",
        "no family {0}; {1}",
        "working correlation",
        "degrees of freedom",
        "a GEE has no random effects, and the formula has a term with '|'",
        'leave it out and name the clusters with groups="…", or fit lmm() or glmm()',
        "a {0} outcome has no trials",
        'use family="binomial", or exposure="…" for time at risk',
        "a correlation of type {0} needs to know the order of a cluster's rows",
        'name the column with time="…"',
        "with {0} clusters the {1} covariance is too small; leave cov out for a corrected one.",
        "the model-based covariance has no Satterthwaite df",
        "use df='clusters-parameters' or 'normal'",
        "Satterthwaite (Bell–McCaffrey)",
        "{0} clusters leave no degrees of freedom for {1} coefficients",
        "use df='satterthwaite', or fewer covariates",
        "clusters − parameters",
    ),
    "gee_checks": (
        "groups is {0}; it names the cluster column",
        'such as groups="clinic"',
        "a correlation of type {0} takes {1} grouping column{2}, and got {3}",
        'for patients within clinics: corr="nested-exchangeable", groups=("clinic", "patient")',
        "scale is {0}; it is a positive number, or None to estimate it",
        "scale=1.0 takes binomial or Poisson variances as they are",
        "no {0} {1}; {2}",
    ),
    "memory_budget": (
        "memory_budget is {0}; it is a number of bytes",
        "memory_budget=4e9 lets the rows take 4 GB",
    ),
    "gee_equations": (
        "no cluster has two rows, so there is no correlation to estimate; independence was used.",
        "no two rows are one step of time apart; the correlation is fitted to all pairs.",
        "the estimating equations do not settle with this working correlation",
        "{0}, after {1} iterations",
        "corr='exchangeable' or 'independence' with a robust covariance answers the same",
        "{0} has the same {1} and {2} as another row{3}, so their order is not known",
        "{0} have the same {1} and {2} as another row{3}, so their order is not known",
        "use a finer time column, groups with one row per {0}, or corr='exchangeable'",
        "{0} different values of {1} would need {2} correlations",
        "use corr='ar1', or a coarser time column",
    ),
    "working_correlation": (
        "moments over N − p (Liang & Zeger 1986)",
        "moments over N (geepack)",
    ),
    "fit": (
        "the hypothesis has no coefficient in it",
        "name one of fit.coef",
        "the {0} combinations tested are linearly dependent (rank {1}); leave out the redundant ones",
        "an interval's level lies between 0 and 1, and {0} was given",
    ),
    "fixed_effects_poisson": (
        "Fixed-effects Poisson",
        "within {0}: log rate ratio between rows of the same {1}",
        "Satterthwaite (Bell–McCaffrey)",
    ),
    "hausman": (
        "hausman() compares a within fit with a random-effects fit",
        "hausman() with a formula needs the cluster column",
        'give groups="clinic"',
        "x: within {0}, comparing rows of one {1}; x_mean: between, comparing {2}s whose means of x differ",
        "the two fits have no coefficient in common, so there is nothing to compare",
        "the within fit has {0} rows and the other {1}; they must be the same",
        "use the same covariates in both, so that the same rows are complete",
        "comparing within with between effects needs an intercept in the formula",
        "Pooled least squares, cluster-robust CR1",
        "x: within {0}; x_mean: what clusters with a higher mean of x differ by beyond that",
        (
            "Effects within {0}s differ from effects between them: {1}s with more of a covariate differ "
            "in other ways too. Quote the within effect (within() or between_within()) for what a change "
            "would do."
        ),
        (
            "No sign that effects within {0}s differ from effects between them; the mixed model's effect,"
            " which uses both comparisons, is the more precise. A test that finds nothing does not show "
            "that there is nothing."
        ),
    ),
    "within": (
        "classical (independent errors of equal variance)",
        "cluster-robust CR0 (no correction)",
        "cluster-robust CR1: CR0 × K/(K − 1)",
        "cluster-robust CR2 (Bell–McCaffrey)",
        "cluster-robust as Stata's xtreg, fe: CR0 × K/(K − 1) × (N − 1)/(N − p − 1)",
        "all {0} effects are equal",
        "no prediction of kind {0}; {1}",
        "no column {0} in the new data, so the {1} effects cannot be added",
        'predict with kind="marginal", or give the column',
        "the within estimator has no random effects, and the formula has a term with '|'",
        'leave it out and name the clusters with groups="…"',
        "the formula has no covariate whose effect could be estimated within clusters",
        "Satterthwaite (Bell–McCaffrey)",
        "rows − clusters − parameters",
        "no covariance {0} for the within estimator; {1}",
    ),
    "families": (
        "counts are poisson or negative-binomial, and binomial was asked for",
        "no family {0} for a mixed model; {1}",
    ),
    "glmm": (
        "nodes is {0}; it is 1 for Laplace, a larger whole number, or None",
        "trials are for family 'binomial', not {0}",
        "counts take exposure=",
        "{0} nodes need one random effect by one group, and {1} has more",
        "use nodes=1 (Laplace) or leave nodes out",
    ),
    "glmm_cells": ("{0} has the random effect {1} in two terms; write it in one of them",),
    "glmm_checks": (
        " or family='negative-binomial'",
        "{0} has no random term",
        "add one, as in + (1 | clinic), or use gee()",
        (
            "Laplace's log-likelihood is about {0} {1} the exact one at these estimates (small levels, "
            "large variance): variance and coefficients can be far off; use nodes=None"
        ),
    ),
    "glmm_fit": (
        (
            "posterior means by quadrature need a single scalar random effect, and quadrature where there"
            " are many rows"
        ),
        "use nodes=None, or ranef: the conditional modes",
        "a prediction is 'conditional' or 'marginal', not {0}",
    ),
    "marginal": (
        "a population average needs the sample's covariates, and this fit does not remember its data",
        "give what it was fitted to: marginal_effects(fit, variable, data)",
        "these data have {0} complete rows and the fit was made from {1}",
        "the GEE's outcome is {0}, the mixed model's {1}",
        "at the median {0} (effects zero): if {1} were {2} for everybody there",
        "at the median {0} (effects zero): {1} rather than {2}",
        "a contrast has two different values, reference first, and {0} is not so",
    ),
    "sd_profile": ("the profile of an SD needs one random effect by one group, and {0} has more",),
    "design_effect": (
        "a design effect needs the sizes of the clinics beside the ICC",
        "give sizes=…, or the result of icc(…) in place of a number",
        "an intraclass correlation lies between −1 and 1, and {0} was given",
        "a design effect needs at least one clinic's size, and got none",
        "a clinic's size must be at least 1 row, and a smaller one was given",
        "leave out clinics without usable rows",
    ),
    "icc": (
        (
            "levels of {0} are exactly alike (F is 0), which no intraclass correlation makes likely: the "
            "interval {1} has no ends; interval='profile' has"
        ),
        "the interval begins at the estimate, which is at or below the least that its method reaches",
        (
            "the estimate is negative: levels of {0} differ less than chance would make them; as a share "
            "of variance it is zero"
        ),
        "adjusted {0}",
        "the {0} takes one grouping factor and no covariates",
        'ask for method="latent", which takes both',
    ),
    "icc_binary": (
        "clinics of two patients or more",
        "the outcome is the same for all patients of {0}, so this ICC is not defined",
        'ask for method="fleiss-cuzick" or method="beta-binomial"',
    ),
    "icc_mixed": (
        "negative binomial",
        "adjusted {0}",
    ),
    "one_way": ("no grouping factor {0}; {1}",),
    "lmm": (
        "no prediction of kind {0}; {1}",
        "no intervals by {0}; {1}",
        "a fit by maximum likelihood has no restricted likelihood to profile",
        "fit with reml=True",
        "no degrees of freedom {0}; {1}",
        "Kenward–Roger's adjustment is defined for REML fits",
        "set reml=True, or df='satterthwaite'",
        "the levels of no group can be folded up",
        "it takes a database, and a term (1 | group) whose levels each lie in one of the others",
        "the effects of single levels of {0} were not kept, and {1}",
        "fit with fold=False, which keeps them as far as memory allows",
        "a bootstrap draws them",
        "a conditional prediction needs them",
    ),
    "lmm_bootstrap": (
        "the grouping factors cross, so there are no independent clusters to draw",
        "use the parametric bootstrap or the profile",
    ),
    "lmm_checks": (
        "{0} has no random term, so there is nothing mixed to fit",
        "add one, such as (1 | clinic), or use within() or gee()",
    ),
    "lmm_columns": (
        "{0} has two random effects by {1}, which cannot be told apart",
        "write one term, such as (1 + x | {0}), or (1 + x || {1})",
    ),
    "own_variances": (
        "own residual variances need one grouping factor, and the fit has {0}",
        "leave one random term in the formula",
        ", each {0} with its own residual variance (moderated)",
        ", rows weighed for being alike",
    ),
    "cohort_months": (
        "each month since the start counts alike",
        "each month of the calendar counts alike",
        "each month of a clinic counts alike",
    ),
    "effect_rows": (
        "there are no rows before, or none after, in the clinics the program reached",
        ", where {0}",
        " in month {0} since the start",
        " percentage points",
        "{0} to {1}",
        "{0} multiplied by {1}",
        "{0} ({1}% interval {2}){3}: {4}",
    ),
    "estimate_guide": (
        "averaged over the whole population",
        "for a patient of a given clinic",
        "within these clinics, each its own control",
        "the difference between before and after, as it is",
        (
            "nothing else changed meanwhile, and rows are independent. Neither is true as a rule: it is "
            "shown so that the difference a model makes can be seen."
        ),
        "before against after, with whatever else changed meanwhile",
        "no fit has a coefficient {0}; {1}",
        (
            "For differences in means the population-averaged and the conditional effect are the same "
            "quantity, estimated under different assumptions."
        ),
        (
            "The population-averaged log odds ratio is {0} times the conditional one: odds ratios shrink "
            "when they are averaged over clinics, so neither is wrong."
        ),
    ),
    "linearised": ("Kenward–Roger, of the linearised model",),
    "mixed_model": (
        "a mixed model of a mean takes no offset or exposure here",
        "take the offset off the outcome",
    ),
    "data_columns": (
        "no column {0} in the data; {1}",
        "the data has {0} columns named {1}; keep one",
        "cannot read records from a {0}",
        "give a pandas DataFrame, a pyarrow Table, a DuckDB relation or a Records handle",
    ),
    "contrasts": (
        "{0} needs a column",
        "{0} in the formula uses no column",
        "{0} needs a column as its first argument",
        "cannot read the contrasts of {0}",
        'for example C(site, Treatment("main")), C(site, Sum) or relevel(site, ref = "main")',
    ),
    "model_spec": ("the outcome {0} also stands on the right of '~'",),
    "splines": (
        "{0} has more arguments than {1}() takes",
        "{0}() in the formula does not take {1}",
        "{0} in {1} must be a number, a list of numbers or TRUE/FALSE",
    ),
    "outcomes": (
        "the trials in {0} are not whole numbers from 0 up",
        "mend those rows or leave them out",
        "the outcome {0} is negative in {1}",
        "successes go from 0 up: mend those rows or leave them out",
        "the outcome {0} is neither a number of successes nor a proportion of the trials in {1}",
        "give whole successes, or successes divided by trials",
        "the outcome {0} exceeds the trials in {1} in {2}",
        "the outcome counts successes among the trials: check which column is which",
    ),
    "rows": (
        "{0} compares text with something else",
        'compare a text column with a quoted value, by == or !=, as in I(sex == "F")',
        "{0} has a value in {1} of the rows that the model was not fitted to",
        "predict only for values among the rows of the fit",
        "no column {0} in the data; {1}",
    ),
    "first_pass": ("SELECT * FROM (\n{0}\n) AS records LIMIT {1}",),
    "translation": (
        "{0} compares text with something else",
        'compare a text column with a quoted value, by == or !=, as in I(sex == "F")',
    ),
    "attempting": ("an error in clinicnet",),
    "errors": (
        "did you mean {0}?",
        "there is {0} …",
        "there is {0}",
        "there are none",
    ),
    "asking": ("{0} ~ 1 + (1 | clinic)",),
    "explaining": (
        ", on the scale of log odds",
        "The question it answers:",
        "The question it answers: {0} It assumes that {1}",
    ),
}
"""Module → its texts, as templates with numbered places."""
