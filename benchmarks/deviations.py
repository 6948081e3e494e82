"""How far each statistic lies from a second implementation: another library, or slow code written from the definition.

Random data with ties, missing reads and small counts; each row is the largest relative deviation that was found in all of them.
The engines for several readers are also held against each other in :mod:`benchmarks.analysis`, and against printed output of R
(pROC, MRMCaov, irrCAC, lme4) in the tests.
"""

from __future__ import annotations

import itertools
import math
import statistics
import warnings
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks import deviations_several as several
from benchmarks.report import Result, arguments, show
from reader_app.analysis import accuracy, agreement, association, covariance, localization, mcnemar, reclassification, roc, timing
from reader_app.analysis.sections.context import holm
from reader_app.analysis.sections.diagnostic import net_benefit

Pairs = Iterator[tuple[float | None, float | None]]
Rng = np.random.Generator
BAR = 1e-9


def _psi(low: float, high: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


def _ratings(rng: Rng) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    n = int(rng.integers(12, 30))
    truth = rng.permutation(np.arange(n) % 3 == 0)
    return np.round(rng.normal(size=n) + truth, int(rng.integers(0, 2))), truth, rng.integers(0, 7, size=n)


def areas(rng: Rng) -> Pairs:
    """AUC and DeLong variance by pairs, one read missing; Hanley and McNeil by triples."""
    x, truth, _ = _ratings(rng)
    missing = x.copy()
    missing[int(rng.integers(len(x)))] = math.nan
    sick, well = missing[truth & np.isfinite(missing)], missing[~truth & np.isfinite(missing)]
    psi = [[_psi(b, a) for b in well] for a in sick]
    area = sum(map(sum, psi)) / (len(sick) * len(well))
    rows = statistics.variance([sum(row) / len(well) for row in psi]) / len(sick)
    columns = statistics.variance([sum(row[k] for row in psi) / len(sick) for k in range(len(well))]) / len(well)
    found = roc.auc(missing, truth)
    yield found.estimate, area
    yield found.se, math.sqrt(rows + columns)

    def triple(one: float, two: float, three: float) -> float:
        first, second = _psi(one, two), _psi(one, three)
        return 1 / 3 if first == second == 0.5 else first * second

    q1 = statistics.fmean(triple(b, a, c) for b in well for a in sick for c in sick)
    q2 = statistics.fmean(triple(-a, -b, -c) for a in sick for b in well for c in well)
    m, n = len(sick), len(well)
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)
    yield roc.hanley_mcneil(missing, truth).se, math.sqrt(variance)


def clustered_area(rng: Rng) -> Pairs:
    """Obuchowski 1997, cluster by cluster."""
    x, truth, cluster = _ratings(rng)
    sick, well = x[truth], x[~truth]
    area = statistics.fmean(_psi(b, a) for a in sick for b in well)
    names = sorted(set(cluster.tolist()))
    up = dict.fromkeys(names, 0.0)
    down = dict.fromkeys(names, 0.0)
    for value, malignant, c in zip(x, truth, cluster.tolist(), strict=True):
        if malignant:
            up[c] += statistics.fmean(_psi(b, value) for b in well) - area
        else:
            down[c] += statistics.fmean(_psi(value, a) for a in sick) - area
    m, m1, m0 = len(names), len(set(cluster[truth].tolist())), len(set(cluster[~truth].tolist()))
    n1, n0 = len(sick), len(well)
    s10 = m1 / ((m1 - 1) * n1) * sum(v * v for v in up.values())
    s01 = m0 / ((m0 - 1) * n0) * sum(v * v for v in down.values())
    s11 = m / (m - 1) * sum(up[c] * down[c] for c in names)
    variance = s10 / n1 + s01 / n0 + 2 * s11 / (n1 * n0)
    yield roc.auc(x, truth, cluster).se, math.sqrt(variance) if variance > 0 else None


def proportions(rng: Rng) -> Pairs:
    """Wilson and Clopper-Pearson against scipy (the product takes them from statsmodels), Wald by its formula."""
    from scipy.stats import binomtest

    n = int(rng.integers(2, 60))
    k = int(rng.integers(1, n))
    peer = binomtest(k, n)
    for name in ("wilson", "exact"):
        found, theirs = accuracy.proportion(k, n, name), peer.proportion_ci(method=name)
        yield found.lower, float(theirs.low)
        yield found.upper, float(theirs.high)
    half = statistics.NormalDist().inv_cdf(0.975) * math.sqrt(k / n * (1 - k / n) / n)
    wald = accuracy.proportion(k, n, "wald")
    yield wald.lower, max(0.0, k / n - half)
    yield wald.upper, min(1.0, k / n + half)


def clustered_counts(rng: Rng) -> Pairs:
    """Cluster-robust proportions against statsmodels' sandwich; Obuchowski's clustered McNemar by its sums."""
    import statsmodels.api as sm

    n = 40
    cluster = rng.integers(0, 9, size=n)
    hit = (rng.random(n) < 0.7).astype(float)
    hit[:2] = 0, 1
    peer = sm.OLS(hit, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    yield accuracy.clustered_proportion(hit, cluster).se, float(peer.bse[0])
    other = (rng.random(n) < 0.5).astype(float)
    sums = [sum(hit[cluster == c] - other[cluster == c]) for c in sorted(set(cluster.tolist()))]
    m = len(sums)
    z = sum(sums) / math.sqrt(m / (m - 1) * sum(s * s for s in sums))
    yield mcnemar.clustered(hit, other, cluster), math.erfc(abs(z) / math.sqrt(2))


def tests_of_counts(rng: Rng) -> Pairs:
    """Exact McNemar and Fisher by whole-number sums; chi-square by cells; Holm against statsmodels."""
    from scipy.stats import chi2
    from statsmodels.stats.multitest import multipletests

    b, c = (int(v) for v in rng.integers(0, 12, size=2))
    tail = 2 * sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    yield mcnemar.mcnemar(b, c).p, min(1.0, tail)
    table = rng.integers(1, 9, size=(2, 2))
    (a, row_b), (row_c, d) = table.tolist()
    total, first, left = a + row_b + row_c + d, a + row_b, a + row_c
    ways = {k: math.comb(first, k) * math.comb(total - first, left - k) for k in range(min(first, left) + 1)}
    yield (
        association.categorical_tests(table)[2]["p_fisher"],
        sum(v for v in ways.values() if v <= ways[a]) / sum(ways.values()),
    )
    wide = rng.integers(1, 20, size=(4, 2))
    square = 0.0
    for i, j in itertools.product(range(4), range(2)):
        expected = wide[i].sum() * wide[:, j].sum() / wide.sum()
        square += (wide[i, j] - expected) ** 2 / expected
    yield association.categorical_tests(wide)[2]["p_chi_square"], float(chi2.sf(square, 3))
    p = rng.random(6).tolist()
    yield from zip(holm(list(p)), multipletests(p, method="holm")[1].tolist(), strict=True)


def coefficients(rng: Rng) -> Pairs:
    """Cohen against sklearn, Fleiss against statsmodels, Gwet and Krippendorff by pairs of ratings, missing ones left out."""
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    q = 4
    codes = np.clip(rng.integers(0, q, size=(25, 1)) + rng.integers(-1, 2, size=(25, 4)), 0, q - 1)
    for weights, theirs in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
        peer = cohen_kappa_score(codes[:, 0], codes[:, 1], weights=theirs, labels=list(range(q)))
        yield agreement.cohen(agreement.cross_table(codes[:, 0], codes[:, 1], q), weights).value.estimate, float(peer)
    yield agreement.fleiss(codes, q).value.estimate, float(fleiss_kappa(aggregate_raters(codes, q)[0]))
    gaps = np.where(rng.random(codes.shape) < 0.15, -1, codes)
    rated = [[int(v) for v in row if v >= 0] for row in gaps]
    rated = [row for row in rated if row]
    for weights in ("none", "linear", "quadratic"):

        def alike(one: int, two: int, kind: str = weights) -> float:
            gap = abs(one - two) / (q - 1)
            return float(one == two) if kind == "none" else 1 - gap if kind == "linear" else 1 - gap * gap

        several = [row for row in rated if len(row) > 1]
        observed = statistics.fmean(statistics.fmean(itertools.starmap(alike, itertools.permutations(r, 2))) for r in several)
        share = [statistics.fmean(row.count(k) / len(row) for row in rated) for k in range(q)]
        sum_of_weights = sum(alike(one, two) for one in range(q) for two in range(q))
        chance = sum_of_weights / (q * (q - 1)) * sum(p * (1 - p) for p in share)
        yield agreement.gwet(gaps, q, weights)[1].estimate, (observed - chance) / (1 - chance)
        within = sum(sum(1 - alike(a, b) for a, b in itertools.permutations(row, 2)) / (len(row) - 1) for row in several)
        every = [value for row in several for value in row]
        between = sum(1 - alike(a, b) for a, b in itertools.permutations(every, 2)) / (len(every) - 1)
        yield agreement.krippendorff(gaps, q, weights)[1].estimate, 1 - within / between


def symmetry(rng: Rng) -> Pairs:
    """Bowker and Stuart-Maxwell against statsmodels."""
    from statsmodels.stats.contingency_tables import SquareTable

    table = rng.integers(1, 9, size=(4, 4))
    peer = SquareTable(table, shift_zeros=False)
    yield agreement.bowker(table).p, float(peer.symmetry().pvalue)
    yield agreement.stuart_maxwell(table).p, float(peer.homogeneity().pvalue)


def times(rng: Rng) -> Pairs:
    """Paired t and exact Wilcoxon against scipy, Hodges-Lehmann by all Walsh averages, medians and spread, learning."""
    from scipy import stats

    first, second = np.exp(rng.normal(3, 0.4, size=(2, 18)))
    peer = stats.ttest_rel(first, second)
    ours = timing.paired_t(first, second)
    yield ours.statistic, float(peer.statistic)
    yield ours.p, float(peer.pvalue)
    signed = timing.wilcoxon(first, second)
    yield signed.p, float(stats.wilcoxon(first, second, method="exact").pvalue)
    d = (first - second).tolist()
    walsh = [(d[i] + d[k]) / 2 for i in range(len(d)) for k in range(i, len(d))]
    yield signed.difference.estimate, statistics.median(walsh)
    told = timing.describe(first)
    yield told.mean, statistics.fmean(first.tolist())
    yield told.sd, statistics.stdev(first.tolist())
    yield told.median, statistics.median(first.tolist())
    lower, _, upper = statistics.quantiles(first.tolist(), n=4, method="inclusive")
    yield told.q1, lower
    yield told.q3, upper
    place = np.arange(18.0)
    yield timing.learning(place, first)[0], 10 * float(np.polyfit(place, np.log(first), 1)[0])


def changes(rng: Rng) -> Pairs:
    """Net reclassification by units, transitions and re-stratification by counting, net benefit by counting."""
    scale = ("2", "3", "4A", "4B", "4C", "5")
    ranks = reclassification.codes_of  # from ranks to places on the scale
    n = 40
    truth = rng.permutation(np.arange(n) < 15)
    before, after = rng.integers(0, 2, size=(2, n)).astype(float)
    found = reclassification.net_reclassification(before, after, truth)
    sick = (after - before)[truth].tolist()
    well = (before - after)[~truth].tolist()
    yield found.total.estimate, statistics.fmean(sick) + statistics.fmean(well)
    spread = statistics.pvariance(sick) / len(sick) + statistics.pvariance(well) / len(well)
    yield found.total.se, math.sqrt(spread)
    from reader_app.study.assessment import rank

    known = [float(r) for r in map(rank, scale) if r is not None]
    x, y = rng.choice(known, size=(2, n))
    table = reclassification.transitions(x, y, scale)
    for i, j in itertools.product(range(len(scale)), repeat=2):
        pairs = zip(ranks(x, scale).tolist(), ranks(y, scale).tolist(), strict=True)
        yield float(table[i, j]), float(sum(pair == (i, j) for pair in pairs))
    t = float(rng.uniform(0.05, 0.6))
    harm = sum(1 if t_ else -t / (1 - t) for c, t_ in zip(after, truth, strict=True) if c)
    yield net_benefit(after, truth, t), harm / n


def marks(rng: Rng) -> Pairs:
    """WAFROC, AFROC and their jackknife by definition; sensitivity at stated false positives by counting."""
    k, sick = 11, 5
    truth = rng.permutation(np.arange(k) < sick)
    lesion_case = np.repeat(np.flatnonzero(truth), rng.integers(1, 4, size=sick))
    hit = np.where(rng.random(len(lesion_case)) < 0.7, rng.integers(1, 6, size=len(lesion_case)) + 1.0, -np.inf)
    false_case = np.sort(rng.integers(0, k, size=9))
    rating = rng.integers(1, 6, size=9).astype(float)
    made = localization.Marks(truth, lesion_case, localization.equal_weights(lesion_case), hit, false_case, rating)

    def slow(weighted: bool, without: int | None = None) -> float:
        top = [max([-math.inf, *rating[false_case == case].tolist()]) for case in range(k)]
        well = [case for case in range(k) if not truth[case] and case != without]
        used = [m for m, case in enumerate(lesion_case) if case != without]
        parts, total = 0.0, 0.0
        for m in used:
            weight = 1 / int((lesion_case == lesion_case[m]).sum()) if weighted else 1.0
            total += weight
            parts += weight * statistics.fmean(_psi(top[a], float(hit[m])) for a in well)
        return parts / total

    for weighted in (True, False):
        merit = localization.afroc(made, weighted=weighted)
        assert merit is not None
        yield merit.value, slow(weighted)
        left_out = [slow(weighted, int(case)) for case in np.flatnonzero(merit.units)]
        n = len(left_out)
        variance = (n - 1) / n * sum((v - statistics.fmean(left_out)) ** 2 for v in left_out)
        yield float(covariance.jackknife(np.array([merit.value]), merit.leave_one_out[None])[0, 0]), variance
    points = localization.operating_points(made, "froc")
    for limit in (0.25, 0.5, 1.0):
        shares = [0.0]
        for level in {*rating.tolist(), *hit[np.isfinite(hit)].tolist()}:
            if (rating >= level).sum() / k <= limit:
                shares.append(float((hit >= level).mean()))
        yield localization.sensitivity_at(points, limit), max(shares)


FAMILIES: tuple[tuple[str, Callable[[Rng], Pairs]], ...] = (
    ("AUC, DeLong, Hanley-McNeil | pairs and triples", areas),
    ("clustered AUC (Obuchowski 1997) | cluster by cluster", clustered_area),
    ("Wilson, Clopper-Pearson, Wald | scipy, formula", proportions),
    ("clustered proportions, clustered McNemar | statsmodels sandwich, sums", clustered_counts),
    ("McNemar, Fisher, chi-square, Holm | whole-number sums, statsmodels", tests_of_counts),
    ("Cohen, Fleiss, Gwet, Krippendorff | sklearn, statsmodels, pairs", coefficients),
    ("Bowker, Stuart-Maxwell | statsmodels", symmetry),
    ("times: t, Wilcoxon, Hodges-Lehmann, quartiles, learning | scipy, statistics", times),
    ("net reclassification, transitions, net benefit | counting", changes),
    ("wAFROC, AFROC, jackknife, FROC sensitivity | definitions", marks),
    ("LROC, highest mark, share marked, each case left out | definitions", several.further_marks),
    ("Obuchowski-Rockette, Hillis' df, jackknife | each case left out, sums", several.obuchowski_rockette),
    ("Dorfman-Berbaum-Metz | three-way sums of squares of pseudovalues", several.dorfman_berbaum_metz),
    ("Gallas U-statistics, missing reads | all pairs of pairs", several.u_statistics),
    ("perfect readers, identical conditions, one class empty, one reader | by hand", several.edges),
)


def largest(family: Callable[[Rng], Pairs], studies: int, seed: int = 1) -> float:
    """Return the largest relative deviation of a family over random studies; infinite where one of two has no value."""
    worst = 0.0
    for study in range(studies):
        for ours, theirs in family(np.random.default_rng((seed, study))):
            worst = max(worst, deviation(ours, theirs))
    return worst


def deviation(ours: float | None, theirs: float | None) -> float:
    """Return the relative deviation of two values, absolute where the second is below 1e-3 in size."""
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else math.inf
    apart = abs(ours - theirs) / max(abs(theirs), 1e-3)
    return apart if math.isfinite(apart) else math.inf


def rows(studies: int) -> Iterable[Result]:
    """Measure every family."""
    for name, family in FAMILIES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            worst = largest(family, studies)
        ours, _, theirs = name.partition(" | ")
        yield Result(ours, worst, "relative", f"<= {BAR:g}", worst <= BAR, None, "", {"against": theirs, "studies": studies})


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--studies", type=int, default=100, help="random studies for each family (default 100)")
    options = parser.parse_args()
    return show(list(rows(options.studies)), options.json)


if __name__ == "__main__":
    raise SystemExit(main())
