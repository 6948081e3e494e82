"""Our statistics against R itself, on random data with ties: pROC, vcd, lme4 and R's own tests, in one run of Rscript.

Skipped, with the reason, where R or one of these packages is not installed (Debian: r-base-core, r-cran-proc, r-cran-vcd,
r-cran-lme4, r-cran-jsonlite). The stored reference values of the other tests do not need R.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reader_app.analysis import accuracy, agreement, mcnemar, mixed, roc, timing

PACKAGES = ("pROC", "vcd", "lme4", "jsonlite")
SCRIPT = r"""
suppressMessages({library(pROC); library(vcd); library(lme4); library(jsonlite)})
d <- fromJSON("in.json", simplifyMatrix = TRUE)
out <- list()
for (n in seq_len(nrow(d$a))) {
  one <- roc(d$truth, d$a[n, ], quiet = TRUE, direction = "<", levels = c(0, 1))
  two <- roc(d$truth, d$b[n, ], quiet = TRUE, direction = "<", levels = c(0, 1))
  test <- roc.test(one, two, method = "delong", paired = TRUE)
  ci <- as.numeric(ci.auc(one, method = "delong"))
  out$roc[[n]] <- list(auc = as.numeric(auc(one)), lower = ci[1], upper = ci[3],
    variance = var(one, method = "delong"), z = unname(test$statistic), p = test$p.value)
}
for (n in seq_len(dim(d$tables)[1])) {
  t <- d$tables[n, , ]
  k <- Kappa(t, weights = "Fleiss-Cohen"); l <- Kappa(t, weights = "Equal-Spacing")
  s <- stats::mcnemar.test(t, correct = FALSE)
  out$kappa[[n]] <- list(plain = unname(k$Unweighted), quadratic = unname(k$Weighted), linear = unname(l$Weighted),
    bowker = unname(s$statistic), bowker_p = s$p.value)
}
for (n in seq_len(nrow(d$counts))) {
  x <- d$counts[n, 1]; m <- d$counts[n, 2]
  e <- binom.test(x, m)$conf.int; w <- prop.test(x, m, correct = FALSE)$conf.int
  out$proportion[[n]] <- list(exact = as.numeric(e), wilson = as.numeric(w))
}
for (n in seq_len(nrow(d$pairs))) {
  out$mcnemar[[n]] <- binom.test(d$pairs[n, 1], sum(d$pairs[n, ]))$p.value
}
t <- t.test(d$first, d$second, paired = TRUE)
w <- suppressWarnings(wilcox.test(d$untied_first, d$untied_second, paired = TRUE, exact = TRUE))
out$t <- list(statistic = unname(t$statistic), p = t$p.value, lower = t$conf.int[1], upper = t$conf.int[2])
out$wilcoxon <- list(p = w$p.value)
m <- lmer(y ~ x + (1 | reader) + (1 | case), data = d$mixed, REML = TRUE)
out$mixed <- list(beta = unname(fixef(m)), se = unname(sqrt(diag(as.matrix(vcov(m))))),
  variance = as.data.frame(VarCorr(m))$vcov, names = as.data.frame(VarCorr(m))$grp, criterion = REMLcrit(m))
write_json(out, "out.json", digits = NA, auto_unbox = TRUE)
"""


def made_up() -> dict[str, Any]:
    draw = np.random.default_rng(20)
    truth = (np.arange(50) % 5 < 2).astype(int)
    first = np.round(2 * (draw.normal(size=(6, 50)) + truth))  # many ties
    second = np.round(4 * (draw.normal(size=(6, 50)) + 1.5 * truth))
    tables = draw.integers(1, 9, size=(4, 5, 5)) + 12 * np.eye(5, dtype=int)  # R gives NaN where a pair of cells is empty
    reader, case = np.repeat(np.arange(6), 40), np.tile(np.repeat(np.arange(20), 2), 6)
    x = np.tile([0.0, 1.0], 120)
    y = 3 + 0.4 * draw.normal(size=6)[reader] + 0.3 * draw.normal(size=20)[case] - 0.2 * x + 0.3 * draw.normal(size=240)
    return {
        "truth": truth,
        "a": first,
        "b": second,
        "tables": tables,
        "counts": np.array([[0, 7], [7, 7], [3, 11], [40, 61], [1, 200]]),
        "pairs": np.array([[9, 0], [3, 0], [7, 12], [1, 1]]),
        "first": draw.normal(30, 5, size=14),
        "second": draw.normal(27, 5, size=14),
        "untied_first": np.arange(12) * 3.1 + draw.normal(size=12),
        "untied_second": np.arange(12) * 2.9,
        "mixed": [{"y": a, "x": b, "reader": int(c), "case": int(e)} for a, b, c, e in zip(y, x, reader, case, strict=True)],
    }


@pytest.fixture(scope="module")
def from_r(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip("Rscript is not installed")
    wanted = ", ".join(f"'{name}'" for name in PACKAGES)
    probe = f"x <- c({wanted}); cat(x[!x %in% rownames(installed.packages())])"
    missing = subprocess.run([program, "-e", probe], capture_output=True, text=True, check=False, timeout=120).stdout.strip()
    if missing:
        pytest.skip(f"R packages not installed: {missing}")
    folder: Path = tmp_path_factory.mktemp("r")
    data = made_up()
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in data.items()}
    (folder / "in.json").write_text(json.dumps(plain), encoding="utf-8")
    (folder / "run.R").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([program, "run.R"], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return data, json.loads((folder / "out.json").read_text(encoding="utf-8"))


def close(value: float, rel: float = 1e-9) -> Any:
    return pytest.approx(value, rel=rel, abs=1e-12)


def test_roc_equals_proc(from_r: tuple[dict[str, Any], dict[str, Any]]) -> None:
    data, found = from_r
    truth = data["truth"] == 1
    for one, two, expected in zip(data["a"], data["b"], found["roc"], strict=True):
        area = roc.auc(one, truth)
        assert area.estimate == close(expected["auc"])
        assert area.se is not None and area.se**2 == close(expected["variance"])
        assert (area.lower, area.upper) == (close(expected["lower"]), close(expected["upper"]))
        paired = roc.compare(one, two, truth)
        assert (paired.z, paired.p) == (close(expected["z"]), close(expected["p"], 1e-8))


def test_agreement_equals_vcd_and_r(from_r: tuple[dict[str, Any], dict[str, Any]]) -> None:
    data, found = from_r
    for table, expected in zip(data["tables"], found["kappa"], strict=True):
        for name, weights in (("plain", "none"), ("linear", "linear"), ("quadratic", "quadratic")):
            kappa = agreement.cohen(table, weights).value
            assert (kappa.estimate, kappa.se) == (close(expected[name][0]), close(expected[name][1]))
        symmetry = agreement.bowker(table)
        assert (symmetry.statistic, symmetry.p) == (close(expected["bowker"]), close(expected["bowker_p"]))


def test_proportions_and_paired_tests_equal_r(from_r: tuple[dict[str, Any], dict[str, Any]]) -> None:
    data, found = from_r
    for (count, of), expected in zip(data["counts"].tolist(), found["proportion"], strict=True):
        for name in ("exact", "wilson"):
            assert accuracy.limits(count, of, name) == tuple(pytest.approx(v, rel=1e-9, abs=1e-9) for v in expected[name])
    for (b, c), expected in zip(data["pairs"].tolist(), found["mcnemar"], strict=True):
        assert mcnemar.mcnemar(b, c).p == close(expected)
    test = timing.paired_t(data["first"], data["second"])
    assert (test.statistic, test.p) == (close(found["t"]["statistic"]), close(found["t"]["p"]))
    assert (test.difference.lower, test.difference.upper) == (close(found["t"]["lower"]), close(found["t"]["upper"]))
    assert timing.wilcoxon(data["untied_first"], data["untied_second"]).p == close(found["wilcoxon"]["p"])


def test_mixed_model_equals_lme4_now(from_r: tuple[dict[str, Any], dict[str, Any]]) -> None:
    data, found = from_r
    rows, expected = data["mixed"], found["mixed"]
    columns = {name: np.array([row[name] for row in rows]) for name in ("y", "x", "reader", "case")}
    fitted = mixed.fit(columns["y"], np.column_stack([np.ones(len(rows)), columns["x"]]), columns["reader"], columns["case"])
    assert fitted is not None
    assert fitted.beta == pytest.approx(expected["beta"], rel=1e-6)
    assert fitted.se == pytest.approx(expected["se"], rel=1e-3)
    assert fitted.criterion <= expected["criterion"] + 1e-6
    stated = dict(zip(expected["names"], expected["variance"], strict=True))
    for name, group in (("reader", "reader"), ("case", "case"), ("residual", "Residual")):
        assert getattr(fitted, name) == pytest.approx(stated[group], rel=5e-3)
