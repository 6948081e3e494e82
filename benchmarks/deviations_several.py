"""Second implementations of what several readers' answers give, of figures made from marks, and of the edges of all of them.

By definition and by plain sums; nothing is taken from the product. Used by :mod:`benchmarks.deviations`.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis import covariance, gallas, localization, mrmc
from reader_app.analysis.analyze import analyze

Pairs = Iterator[tuple[float | None, float | None]]
Rng = np.random.Generator
NONE = -math.inf
_ZERO = 1e-14  # what rounding leaves of a variance that is zero


def _freedom(both: float, ms_tr: float, freedom: int) -> float:
    """Return Hillis' degrees of freedom; infinite where the readers do not differ at all."""
    return both**2 / (ms_tr**2 / freedom) if ms_tr > _ZERO else math.inf


def _psi(low: float, high: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


def _area(row: Sequence[float], truth: Sequence[bool], without: int | None = None) -> float:
    kept = [(value, ill) for case, (value, ill) in enumerate(zip(row, truth, strict=True)) if case != without]
    return statistics.fmean(_psi(low, high) for high, ill in kept if ill for low, well in kept if not well)


def _p_of_f(f: float, df1: float, df2: float) -> float:
    from scipy import stats

    return float(stats.chi2.sf(f * df1, df1) if math.isinf(df2) else stats.f.sf(f, df1, df2))


def obuchowski_rockette(rng: Rng) -> Pairs:
    """Compare all three generalisations, two or three conditions, by leaving out each case and by the mean squares' sums."""
    i, j, k = int(rng.integers(2, 4)), int(rng.integers(2, 5)), int(rng.integers(10, 15))
    truth = rng.permutation(np.arange(k) % 3 == 0)
    x = np.round(1.2 * truth + 0.7 * rng.normal(size=(i, 1, k)) + 0.7 * rng.normal(size=(i, j, k)), 1)
    keys = list(itertools.product(range(i), range(j)))
    theta = {key: _area(x[key].tolist(), truth.tolist()) for key in keys}
    left = {key: [_area(x[key].tolist(), truth.tolist(), case) for case in range(k)] for key in keys}
    merit = covariance.auc_merit(x.reshape(i * j, k), truth, "jackknife")
    found = mrmc.obuchowski_rockette(merit.theta.reshape(i, j), merit.covariance, "jackknife")

    def together(a: tuple[int, int], b: tuple[int, int]) -> float:
        one, two = statistics.fmean(left[a]), statistics.fmean(left[b])
        return (k - 1) / k * sum((u - one) * (v - two) for u, v in zip(left[a], left[b], strict=True))

    kinds: dict[tuple[bool, bool], list[float]] = {}
    for a, b in itertools.product(keys, keys):
        kinds.setdefault((a[0] == b[0], a[1] == b[1]), []).append(together(a, b))
    var, cov1, cov2, cov3 = (
        statistics.fmean(kinds[same]) for same in ((True, True), (False, True), (True, False), (False, False))
    )
    for name, value in (("var", var), ("cov1", cov1), ("cov2", cov2), ("cov3", cov3)):
        yield found.components[name], value
    grand = statistics.fmean(theta.values())
    by_condition = [statistics.fmean(theta[c, r] for r in range(j)) for c in range(i)]
    by_reader = [statistics.fmean(theta[c, r] for c in range(i)) for r in range(j)]
    ms_t = j * sum((value - grand) ** 2 for value in by_condition) / (i - 1)
    ms_r = i * sum((value - grand) ** 2 for value in by_reader) / (j - 1)
    ms_tr = sum((theta[c, r] - by_condition[c] - by_reader[r] + grand) ** 2 for c, r in keys) / ((i - 1) * (j - 1))
    yield found.components["var_tr"], ms_tr - var + cov1 + cov2 - cov3
    yield found.components["var_r"], (ms_r - ms_tr) / i - cov1 + cov3
    both = ms_tr + j * max(cov2 - cov3, 0.0)
    freedom = (i - 1) * (j - 1)
    errors = {
        mrmc.BOTH: (both, _freedom(both, ms_tr, freedom)),
        mrmc.CASES: (var - cov1 + (j - 1) * (cov2 - cov3), math.inf),
        mrmc.READERS: (ms_tr, float(freedom)),
    }
    for analysis in found.analyses:
        d, df = errors[analysis.generalise]
        yield analysis.f, ms_t / d if d > _ZERO else None
        yield analysis.p, _p_of_f(ms_t / d, i - 1, df) if d > _ZERO else None
        yield analysis.contrasts[0].difference.se, math.sqrt(2 * d / j) if d > _ZERO else None


def dorfman_berbaum_metz(rng: Rng) -> Pairs:
    """Compare the analysis of pseudovalues with the three-way table of sums of squares, written out."""
    i, j, k = 2, int(rng.integers(2, 5)), int(rng.integers(10, 15))
    truth = rng.permutation(np.arange(k) % 3 == 0)
    x = np.round(1.2 * truth + 0.7 * rng.normal(size=(i, 1, k)) + 0.7 * rng.normal(size=(i, j, k)), 1)
    merit = covariance.auc_merit(x.reshape(i * j, k), truth, "jackknife")
    assert merit.leave_one_out is not None
    found = mrmc.dbm(merit.theta.reshape(i, j), merit.leave_one_out.reshape(i, j, k))
    y: dict[tuple[int, int, int], float] = {}
    for c, r in itertools.product(range(i), range(j)):
        row, ill = x[c, r].tolist(), truth.tolist()
        whole = _area(row, ill)
        pseudo = [k * whole - (k - 1) * _area(row, ill, case) for case in range(k)]
        y |= {(c, r, case): value + whole - statistics.fmean(pseudo) for case, value in enumerate(pseudo)}

    def mean(**fixed: int) -> float:
        places = {"c": 0, "r": 1, "k": 2}
        return statistics.fmean(v for key, v in y.items() if all(key[places[name]] == at for name, at in fixed.items()))

    g = mean()
    cs, rs, ks = range(i), range(j), range(k)
    c1, r1, k1 = [mean(c=c) for c in cs], [mean(r=r) for r in rs], [mean(k=q) for q in ks]
    cr = {(c, r): mean(c=c, r=r) for c in cs for r in rs}
    ck = {(c, q): mean(c=c, k=q) for c in cs for q in ks}
    rk = {(r, q): mean(r=r, k=q) for r in rs for q in ks}
    ms_t = j * k * sum((v - g) ** 2 for v in c1) / (i - 1)
    ms_tr = k * sum((cr[c, r] - c1[c] - r1[r] + g) ** 2 for c, r in cr) / ((i - 1) * (j - 1))
    ms_tc = j * sum((ck[c, q] - c1[c] - k1[q] + g) ** 2 for c, q in ck) / ((i - 1) * (k - 1))
    rest = sum((v - cr[c, r] - ck[c, q] - rk[r, q] + c1[c] + r1[r] + k1[q] - g) ** 2 for (c, r, q), v in y.items())
    ms_trc = rest / ((i - 1) * (j - 1) * (k - 1))
    yield found.components["var_error"], ms_trc
    yield found.components["var_tc"], (ms_tc - ms_trc) / j
    both = ms_tr + max(ms_tc - ms_trc, 0.0)
    freedom = (i - 1) * (j - 1)
    errors = {
        mrmc.BOTH: (both, _freedom(both, ms_tr, freedom)),
        mrmc.CASES: (ms_tc, float((i - 1) * (k - 1))),
        mrmc.READERS: (ms_tr, float(freedom)),
    }
    for analysis in found.analyses:
        d, df = errors[analysis.generalise]
        yield analysis.f, ms_t / d if d > _ZERO else None
        yield analysis.p, _p_of_f(ms_t / d, i - 1, df) if d > _ZERO else None


def u_statistics(rng: Rng) -> Pairs:
    """Compare Gallas' variances of a design with missing reads with the sums over all pairs of pairs."""
    j, k = 2, 9
    truth = rng.permutation(np.arange(k) % 2 == 0)
    x = np.round(1.2 * truth + rng.normal(size=(2, j, k)), 1)
    x[rng.random(x.shape) < 0.15] = math.nan
    sick, well = np.flatnonzero(truth), np.flatnonzero(~truth)

    def success(row: NDArray[np.float64], a: int, b: int) -> tuple[float, float]:
        known = not (math.isnan(row[a]) or math.isnan(row[b]))
        return (_psi(float(row[b]), float(row[a])), 1.0) if known else (0.0, 0.0)

    def together(one: int, two: int) -> float:
        sums = [[0.0, 0.0] for _ in range(8)]
        for r, s in itertools.product(range(j), range(j)):
            for a, b, c, d in itertools.product(sick, well, sick, well):
                (u, w), (v, z) = success(x[one, r], a, b), success(x[two, s], c, d)
                place = (0 if r == s else 4) + (0 if a == c and b == d else 1 if a == c else 2 if b == d else 3)
                sums[place][0] += u * v
                sums[place][1] += w * z
        total = sum(w for _, w in sums)
        own = [(s / w if w else 0.0, w / total) for s, w in sums]
        return sum(moment * share for moment, share in own) - own[7][0]

    variance = {(a, b): together(a, b) for a, b in ((0, 0), (0, 1), (1, 1))}
    found = gallas.gallas(x, truth)
    yield found.components["var_1"], variance[0, 0]
    yield found.components["cov_1_2"], variance[0, 1]
    whole = variance[0, 0] + variance[1, 1] - 2 * variance[0, 1]
    if abs(whole) > 1e-9:
        yield found.analyses[0].contrasts[0].difference.se, math.sqrt(whole) if whole > 0 else None


def further_marks(rng: Rng) -> Pairs:
    """Compare LROC, area of the highest mark and share marked with their definitions, each case really left out."""
    k, ill = 11, 5
    truth = rng.permutation(np.arange(k) < ill)
    lesion_case = np.repeat(np.flatnonzero(truth), rng.integers(1, 4, size=ill))
    hit = np.where(rng.random(len(lesion_case)) < 0.7, rng.integers(1, 6, size=len(lesion_case)) + 1.0, NONE)
    false_case = np.sort(rng.integers(0, k, size=9))
    rating = rng.integers(1, 6, size=9).astype(float)
    made = localization.Marks(truth, lesion_case, localization.equal_weights(lesion_case), hit, false_case, rating)
    false = [max([NONE, *rating[false_case == case].tolist()]) for case in range(k)]
    best = [max([NONE, *hit[lesion_case == case].tolist()]) for case in range(k)]

    def pairs(without: int | None, right: bool) -> float:
        sick = [case for case in range(k) if truth[case] and case != without]
        well = [case for case in range(k) if not truth[case] and case != without]
        top = [best[c] if right else max(best[c], false[c]) for c in range(k)]
        counts = [not right or best[c] > false[c] for c in range(k)]
        return statistics.fmean(_psi(false[b], top[a]) if counts[a] else 0.0 for a in sick for b in well)

    def marked(without: int | None) -> float:
        return statistics.fmean(math.isfinite(h) for h, case in zip(hit, lesion_case, strict=True) if case != without)

    for merit, slow in (
        (localization.lroc(made), lambda case: pairs(case, right=True)),
        (localization.highest_rating_auc(made), lambda case: pairs(case, right=False)),
        (localization.max_llf(made), marked),
    ):
        assert merit is not None
        yield merit.value, slow(None)
        yield from zip(merit.leave_one_out.tolist(), [slow(int(case)) for case in np.flatnonzero(merit.units)], strict=True)


def edges(rng: Rng) -> Pairs:
    """Compare whole analyses where a variance is zero or a class is empty: a value where there is one, else none and no p."""
    truth = rng.permutation(np.arange(16) % 2)
    rows = [(r, c, k, int(rng.integers(1, 6) + 2 * truth[k])) for r in "AB" for c in ("one", "two") for k in range(16)]
    reads = pd.DataFrame(rows, columns=["reader_id", "condition", "case_id", "score"]).astype({"case_id": str})
    whole = pd.DataFrame({"case_id": [str(k) for k in range(16)], "malignant": truth})

    perfect = analyze(reads.assign(score=[int(truth[int(k)]) for k in reads["case_id"]]), whole)
    yield from ((row["auc"]["estimate"], 1.0) for row in perfect["roc"])
    yield from ((row["auc"]["se"], None) for row in perfect["roc"])
    first = reads[reads["condition"] == "one"]
    alike = analyze(pd.concat([first, first.assign(condition="two")]), whole)
    yield from ((row["difference"]["estimate"], 0.0) for row in alike["roc_paired"])
    yield from ((row["p"], None) for row in [*alike["roc_paired"], *alike["mrmc"]])
    empty = analyze(reads, whole.assign(malignant=0))
    yield from ((row["auc"]["estimate"], None) for row in empty["roc"] if row["reader_id"])
    yield from ((row["p"], None) for row in empty["mrmc"])
    alone = analyze(reads[reads["reader_id"] == "A"], whole)
    scores = [reads[(reads["reader_id"] == "A") & (reads["condition"] == c)]["score"].tolist() for c in ("one", "two")]
    sick, well = np.flatnonzero(truth), np.flatnonzero(truth == 0)
    up = [statistics.fmean(_psi(s[b], s[a]) for b in well) for s in scores for a in sick]
    down = [statistics.fmean(_psi(s[b], s[a]) for a in sick) for s in scores for b in well]
    apart = [[p - q for p, q in zip(v[: len(v) // 2], v[len(v) // 2 :], strict=True)] for v in (up, down)]
    variance = sum(statistics.variance(v) / len(v) for v in apart)
    z = statistics.fmean(apart[0]) / math.sqrt(variance) if variance > 0 else None
    p = None if z is None else math.erfc(abs(z) / math.sqrt(2))
    for row in alone["mrmc"]:
        if row["analysis"] == "or":
            yield row["p"], p if row["generalise"] == mrmc.CASES else None
