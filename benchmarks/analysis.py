"""How long the full analysis takes as readers and cases grow, and how far its engines agree with each other and with peers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.report import Result, arguments, show
from reader_app.analysis import covariance, gallas, mixed, mrmc, roc
from reader_app.analysis.analyze import analyze

_SCALE = np.array(["2", "3", "4A", "4B", "4C", "5"])


def study(readers: int, cases: int, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the reads and reference of a crossed study: scores, assessments and times, two conditions."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(cases) % 5 < 2).astype(int)
    names = [f"C{k:05}" for k in range(cases)]
    parts = []
    for reader in range(readers):
        for condition, gain in (("unaided", 0.0), ("aided", 0.5)):
            latent = truth * (1.2 + gain) + rng.normal(size=cases)
            seconds = np.exp(3.5 - 0.3 * (condition == "aided") + 0.3 * rng.normal(size=cases))
            parts.append(
                pd.DataFrame(
                    {
                        "reader_id": f"R{reader:02}",
                        "condition": condition,
                        "case_id": names,
                        "score": np.clip(np.round(50 + 20 * latent), 0, 100),
                        "assessment": _SCALE[np.clip(np.floor(latent + 2), 0, 5).astype(int)],
                        "reading_time_s": np.round(seconds, 2),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True), pd.DataFrame({"case_id": names, "malignant": truth})


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the shortest wall time of some runs."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def growth(large: tuple[int, int]) -> list[Result]:
    """Time the full analysis of 10 readers x 1,000 cases and of a larger study."""
    small = study(10, 1000)
    analyze(*study(3, 60))  # imports and caches
    first = seconds(lambda: analyze(*small), 2)
    big = study(*large)
    cpu = time.process_time()
    second = seconds(lambda: analyze(*big))
    cpu = time.process_time() - cpu
    more = large[0] * large[1] / 10_000
    pairs = large[0] * large[1] ** 2 / 10_000_000  # the U-statistics look at every pair of cases
    return [
        Result("full analysis, 10 readers x 2 x 1,000 cases", first, "s", "<= 10 s", first <= 10),
        Result(
            f"full analysis, {large[0]} readers x 2 x {large[1]:,} cases",
            second,
            "s",
            f"<= {pairs:.0f} x the smaller (reads {more:.0f} x, pairs of cases {pairs:.0f} x)",
            second <= pairs * first,
            second / first,
            "the smaller study",
            {"cpu_s": round(cpu, 1)},
        ),
    ]


def pipeline(readers: int, cases: int) -> list[Result]:
    """Time everything that plain tables get, from the files of a study to the files of its results, part by part."""
    import tempfile
    from pathlib import Path

    from reader_app.desk import exporting
    from reader_app.desk.tablestudy import TableFiles, analyse_tables

    reads, reference = study(readers, cases)
    found: list[Result] = []
    what = f"{readers} readers x 2 x {cases:,} cases"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reads.to_csv(folder / "reads.csv", index=False)
        reference.to_csv(folder / "reference.csv", index=False)
        begun = time.perf_counter()
        _, material = analyse_tables(TableFiles(folder / "reads.csv", folder / "reference.csv"))
        analysed = time.perf_counter() - begun
        found.append(Result(f"tables to statistics, {what}", analysed, "s", "<= 10 s", analysed <= 10))
        whole = analysed
        for formats in (("xlsx",), ("report",), ("csv",), ("imrmc", "rjafroc", "ordbm", "redcap")):
            cpu, begun = time.process_time(), time.perf_counter()
            exporting.write_formats(material, formats, folder / "out")
            took = time.perf_counter() - begun
            whole += took
            more = {"cpu_s": round(time.process_time() - cpu, 1)}
            found.append(Result(f"writing {', '.join(formats)}, {what}", took, "s", "part of the whole below", True, more=more))
        bar = 60 + 0.01 * len(reads)  # the report has a fixed size, the workbook grows with the reads
        found.append(Result(f"tables to all files, {what}", whole, "s", "<= 60 s and 10 ms a read", whole <= bar))
    return found


def peers() -> list[Result]:
    """Compare with the plain way of doing the same thing."""
    rng = np.random.default_rng(2)
    truth = np.arange(1000) % 5 < 2
    ratings = rng.normal(size=(20, 1000)) + truth

    def plain() -> np.ndarray:
        psi = [(r[truth][:, None] > r[~truth]) + 0.5 * (r[truth][:, None] == r[~truth]) for r in ratings]
        v10, v01 = [p.mean(axis=1) for p in psi], [p.mean(axis=0) for p in psi]
        return np.cov(v10) / truth.sum() + np.cov(v01) / (~truth).sum()

    ours = seconds(lambda: roc.delong_covariance(roc.placements(ratings, truth)), 5)
    theirs = seconds(plain, 3)
    apart = float(np.abs(roc.delong_covariance(roc.placements(ratings, truth)) - plain()).max())
    rows = [
        Result(
            "DeLong covariance of 20 readings of 1,000 cases", 1000 * ours, "ms", "<= 1 x", ours <= theirs, ours / theirs,
            "success matrices", {"largest_deviation": apart},
        )
    ]  # fmt: skip
    rows.append(_mixed_model(rng))
    return rows


def _mixed_model(rng: np.random.Generator) -> Result:
    import statsmodels.formula.api as smf

    reader, case = np.repeat(np.arange(6), 80), np.tile(np.repeat(np.arange(40), 2), 6)
    treated = np.tile([0.0, 1.0], 240)
    y = 3 + 0.3 * rng.normal(size=6)[reader] + 0.3 * rng.normal(size=40)[case] - 0.2 * treated + 0.3 * rng.normal(size=480)
    frame = pd.DataFrame({"y": y, "t": treated, "r": reader, "c": case, "one": 1})
    components = {"r": "0 + C(r)", "c": "0 + C(c)"}
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = smf.mixedlm("y ~ t", frame, groups="one", vc_formula=components, re_formula="0").fit()
    theirs = time.perf_counter() - begun
    x = np.column_stack([np.ones(480), treated])
    ours = seconds(lambda: mixed.fit(y, x, reader, case), 3)
    found = mixed.fit(y, x, reader, case)
    assert found is not None
    apart = abs(float(found.se[1]) - float(peer.bse["t"])) / float(peer.bse["t"])
    return Result(
        "mixed model of 480 reading times", 1000 * ours, "ms", "<= 1 x", ours <= theirs, ours / theirs, "statsmodels MixedLM",
        {"largest_relative_deviation_of_the_se": apart},
    )  # fmt: skip


def identities() -> list[Result]:
    """Print the largest deviation between engines that must agree."""
    rng = np.random.default_rng(3)
    worst_dbm = worst_gallas = 0.0
    for _ in range(20):
        truth = np.arange(60) % 2 == 0
        # a share of each condition that all readers see, so that Cov2 > Cov3 and no component is cut at zero
        x = truth + 0.7 * rng.normal(size=(2, 1, 60)) + 0.7 * rng.normal(size=(2, 5, 60))
        flat = x.reshape(10, 60)
        jack = covariance.auc_merit(flat, truth, "jackknife")
        theta = jack.theta.reshape(2, 5)
        assert jack.leave_one_out is not None
        one = mrmc.obuchowski_rockette(theta, jack.covariance, "jackknife").analyses[0]
        two = mrmc.dbm(theta, jack.leave_one_out.reshape(2, 5, 60)).analyses[0]
        worst_dbm = max(worst_dbm, abs((one.f or 0) / (two.f or 1) - 1), abs((one.p or 0) / (two.p or 1) - 1))
        unbiased = covariance.auc_merit(flat, truth, "unbiased")
        cov2, cov3 = mrmc.covariance_components(unbiased.covariance, 2, 5)[2:]
        if cov2 > cov3:
            three = mrmc.obuchowski_rockette(theta, unbiased.covariance, "unbiased").analyses[0].contrasts[0].difference.se
            four = gallas.gallas(x, truth).analyses[0].contrasts[0].difference.se
            worst_gallas = max(worst_gallas, abs((three or 0) / (four or 1) - 1))
    bar = "<= 1e-9 relative"
    return [
        Result("Obuchowski-Rockette (jackknife) against DBM", worst_dbm, "relative", bar, worst_dbm <= 1e-9),
        Result("Obuchowski-Rockette (unbiased) against U-statistics", worst_gallas, "relative", bar, worst_gallas <= 1e-9),
    ]


def null_rejection(studies: int) -> Result:
    """Count how often studies without any effect are called different at 5 %."""
    rng = np.random.default_rng(4)
    truth = np.arange(60) % 2 == 0
    rejected = 0
    for _ in range(studies):
        reader, spread = 0.3 * rng.normal(size=(1, 5, 1)), 0.25 * rng.normal(size=(2, 5, 1))
        x = truth * (1.2 + reader + spread) + 0.5 * rng.normal(size=60)
        x = x + 0.5 * rng.normal(size=(1, 5, 60)) + 0.7 * rng.normal(size=(2, 5, 60))
        merit = covariance.auc_merit(x.reshape(10, 60), truth, "delong")
        p = mrmc.obuchowski_rockette(merit.theta.reshape(2, 5), merit.covariance, "delong").analyses[0].p
        rejected += p is not None and p < 0.05
    rate, error = rejected / studies, (0.05 * 0.95 / studies) ** 0.5
    bar = f"5 % +- {300 * error:.1f} % (3 Monte-Carlo errors of {studies} studies)"
    return Result("null studies called different", 100 * rate, "%", bar, abs(rate - 0.05) <= 3 * error)


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="10 readers x 2,000 cases in place of 20 x 5,000")
    options = parser.parse_args()
    large = (10, 2000) if options.quick else (20, 5000)
    whole = (3, 100) if options.quick else (10, 500)
    results = [*growth(large), *pipeline(*whole), *peers(), *identities(), null_rejection(300 if options.quick else 2000)]
    return show(results, options.json)


if __name__ == "__main__":
    raise SystemExit(main())
