"""Numbers that the seed papers print, recomputed from their printed counts."""

import numpy as np
import pytest

from reader_app.analysis import mcnemar as mcn
from reader_app.analysis import roc
from reader_app.analysis.accuracy import Counts, accuracy, limits
from reader_app.analysis.estimate import normal_estimate
from reader_app.analysis.reclassification import (
    Moves,
    Restratification,
    co_decision,
    restratify,
    restratify_by_advice,
)

# Liu et al. 2025, Table 4: (tp of 54, tn of 62) and accuracy, sensitivity, specificity, PPV, NPV in percent, AUC (lower, upper).
LIU = {
    "two R1": (41, 29, (60.3, 75.9, 46.8, 55.4, 69.0), (0.614, 0.511, 0.716)),
    "two R2": (32, 53, (73.3, 59.3, 85.5, 78.0, 70.7), (0.724, 0.628, 0.819)),  # NPV printed 70.1: 53/75 is 70.7
    "two R3": (40, 62, (87.9, 74.1, 100.0, 100.0, 81.6), (0.870, 0.797, 0.943)),
    "two R4": (53, 58, (95.7, 98.1, 93.5, 93.0, 98.3), (0.958, 0.917, 1.000)),
    "two R5": (44, 62, (91.4, 81.5, 100.0, 100.0, 86.1), (0.907, 0.844, 0.971)),
    "two R6": (53, 57, (94.8, 98.1, 91.9, 91.4, 98.3), (0.950, 0.905, 0.995)),
    "three R1": (36, 40, (65.5, 66.7, 64.5, 62.1, 69.0), (0.656, 0.555, 0.756)),  # accuracy printed 65.6: 76/116 is 65.5
    "three R2": (29, 57, (74.1, 53.7, 91.9, 85.3, 69.5), (0.728, 0.633, 0.824)),
    "three R3": (45, 61, (91.4, 83.3, 98.4, 97.8, 87.1), (0.909, 0.846, 0.971)),
    "three R4": (52, 60, (96.6, 96.3, 96.8, 96.3, 96.8), (0.965, 0.927, 1.000)),
    "three R5": (50, 61, (95.7, 92.6, 98.4, 98.0, 93.8), (0.955, 0.910, 1.000)),
    "three R6": (52, 59, (95.7, 96.3, 95.2, 94.5, 96.7), (0.957, 0.915, 1.000)),  # NPV printed 93.8: 59/61 is 96.7
}


def _binary(tp, n1, tn, n0):
    call = np.concatenate([np.repeat([1.0, 0.0], [tp, n1 - tp]), np.repeat([0.0, 1.0], [tn, n0 - tn])])
    return call, np.repeat([True, False], [n1, n0])


@pytest.mark.parametrize("reader", LIU)
def test_liu2025_table_4(reader):
    tp, tn, printed, (auc, lower, upper) = LIU[reader]
    result = accuracy(Counts(tp=tp, fp=62 - tn, tn=tn, fn=54 - tp))
    for name, percent in zip(("accuracy", "sensitivity", "specificity", "ppv", "npv"), printed, strict=True):
        # 65.6 of the three-plane R1 is 65.5 (76/116): printed one digit up
        assert 100 * getattr(result, name).estimate == pytest.approx(percent, abs=0.06), name
    call, truth = _binary(tp, 54, tn, 62)
    spss = roc.hanley_mcneil(call, truth)
    # Every printed interval is SPSS's nonparametric one; the last digit may be off by one where it was cut, not rounded.
    assert (spss.estimate, spss.lower, spss.upper) == pytest.approx((auc, lower, upper), abs=0.00106)


def test_liu2025_auc_intervals_of_two_readers_to_five_digits():
    for (tp, tn), (lower, upper) in {(36, 40): (0.55547, 0.75636), (52, 60): (0.92658, 1.0)}.items():
        call, truth = _binary(tp, 54, tn, 62)
        spss = roc.hanley_mcneil(call, truth)
        assert (spss.lower, spss.upper) == pytest.approx((lower, upper), abs=6e-6)
    call, truth = _binary(36, 54, 40, 62)
    delong = roc.auc(call, truth)
    assert (delong.lower, delong.upper) == pytest.approx((0.5686, 0.7433), abs=6e-5)  # what DeLong gives instead


def test_bong2023_table_2():
    wald = {38: (51.1, 75.5), 54: (82.4, 97.6), 47: (67.9, 88.8), 51: (76.0, 94.0)}
    for k, printed in wald.items():
        assert [100 * v for v in limits(k, 60, "wald")] == pytest.approx(printed, abs=0.06)
    exact = {45: (62.1, 85.3), 55: (81.6, 97.2)}
    for k, printed in exact.items():
        assert [100 * v for v in limits(k, 60, "exact")] == pytest.approx(printed, abs=0.06)
    assert [100 * v for v in limits(45, 60, "wilson")] == pytest.approx((62.8, 84.2), abs=0.06)


def test_bong2023_mcnemar_prints_the_chi_square_not_the_exact_test():
    sensitivity, specificity = mcn.mcnemar(9, 0), mcn.mcnemar(3, 0)
    assert (sensitivity.p, specificity.p) == pytest.approx((0.00390625, 0.25))
    assert (round(sensitivity.p_asymptotic, 3), round(specificity.p_asymptotic, 3)) == (0.003, 0.083)


# Zhou et al. 2023, Table 1: AUC of a binary detection, its cut-off (Youden's J), sensitivity and specificity in percent.
ZHOU = [
    (0.877, 0.754, 76.71, 98.66), (0.803, 0.606, 61.3, 99.33), (0.879, 0.759, 77.74, 98.15), (0.909, 0.819, 82.53, 99.33),
    (0.926, 0.851, 85.62, 99.5), (0.937, 0.874, 89.73, 97.68), (0.898, 0.797, 80.27, 99.42), (0.946, 0.892, 89.73, 99.42),
    (0.955, 0.910, 91.62, 99.42), (0.697, 0.395, 73.68, 65.76), (0.626, 0.252, 34.21, 91.01), (0.801, 0.603, 72.37, 87.93),
]  # fmt: skip


@pytest.mark.parametrize(("auc", "cut_off", "sensitivity", "specificity"), ZHOU)
def test_zhou2023_auc_is_the_mean_of_sensitivity_and_specificity_and_the_cut_off_is_j(auc, cut_off, sensitivity, specificity):
    tp, tn = round(sensitivity * 100), round(specificity * 100)
    call, truth = _binary(tp, 10_000, tn, 10_000)
    assert roc.auc(call, truth).estimate == pytest.approx(auc, abs=0.00061)
    assert roc.youden(roc.curve(call, truth)).j == pytest.approx(cut_off, abs=0.0011)


def test_zhou2023_standard_error_of_pooled_junior_reads():
    """146 masses among 444 breasts, two readers: 292 and 596 reads; printed SE 0.014, interval of the unaided juniors."""
    tp, tn = round(0.613 * 292), round(0.9933 * 596)
    call, truth = _binary(tp, 292, tn, 596)
    estimate = roc.auc(call, truth)
    assert estimate.se == pytest.approx(0.014, abs=0.0006)
    assert normal_estimate(estimate.estimate, estimate.se**2, "normal").lower == pytest.approx(0.775, abs=0.002)


# Lu et al. 2025, Table 4: down, unchanged, up (benign, malignant) and the printed rates in percent.
LU = {
    "reader 2": (((31, 0), (5, 0), (13, 9)), (84.5, 31.0, 15.5, 0.0)),
    "reader 3": (((20, 0), (10, 1), (11, 9)), (80.4, 41.2, 19.6, 9.09)),
}


@pytest.mark.parametrize("reader", LU)
def test_lu2025_table_4_restratification(reader):
    moves, printed = LU[reader]
    result = Restratification(*(Moves(*m) for m in moves)).as_json()
    rates = ("false_positive_rate_before", "false_positive_rate_after", "malignancy_rate_before", "malignancy_rate_after")
    assert [100 * result[name] for name in rates] == pytest.approx(printed, abs=0.06)
    assert result["biopsies_avoided"] == sum(moves[0])
    assert result["cancers_missed"] == moves[0][1]


def test_lu2025_reader_1_cells_contradict_the_printed_rates():
    """The cells give 32 benign and 24 malignant; the printed 55.4 and 44.6 percent are 31 and 25 of 56."""
    result = Restratification(Moves(14, 1), Moves(7, 3), Moves(11, 20)).as_json()
    assert result["n"] == 56
    assert 100 * result["false_positive_rate_before"] == pytest.approx(32 / 56 * 100)
    printed = 31 / 56
    assert 100 * printed == pytest.approx(55.4, abs=0.05)
    assert 100 * result["malignancy_rate_after"] == pytest.approx(30.0)
    assert (result["biopsies_avoided"], result["cancers_missed"]) == (15, 1)


# True benign and malignant before -> after; accuracy, sensitivity, specificity in percent before and after.
LU_ACCURACY = {
    "reader 1": ((98, 96), (82.2, 97.9, 71.0), (110, 94), (86.4, 95.9, 79.7)),
    "reader 2": ((66, 97), (69.1, 98.9, 47.8), (98, 97), (82.6, 98.9, 71.0)),
    "reader 3 after": ((89, 98), (79.2, 100.0, 64.5), (89, 98), (79.2, 100.0, 64.5)),  # before: printed 78 + 66 is not 138
}


@pytest.mark.parametrize("reader", LU_ACCURACY)
def test_lu2025_table_4_accuracy(reader):
    for (tn, tp), printed in (LU_ACCURACY[reader][:2], LU_ACCURACY[reader][2:]):
        result = accuracy(Counts(tp=tp, fp=138 - tn, tn=tn, fn=98 - tp))
        values = [100 * getattr(result, name).estimate for name in ("accuracy", "sensitivity", "specificity")]
        assert values == pytest.approx(printed, abs=0.11)  # 98.98 printed as 98.9


def test_lu2025_co_decision():
    """148 clinical 4A: 41 down (all benign), 80 kept (2 malignant), 27 up (22 malignant)."""
    high = np.repeat([False, True, False, True, True], [41, 30, 50, 22, 5])
    malignant_call = np.repeat([False, False, True, True, True], [41, 30, 50, 22, 5])
    truth = np.zeros(148, bool)
    truth[[41, 75]] = True
    truth[121:143] = True
    result = restratify_by_advice(co_decision(high, malignant_call), truth).as_json()
    assert result["down"] == {"benign": 41, "malignant": 0}
    assert result["unchanged"] == {"benign": 78, "malignant": 2}
    assert result["up"] == {"benign": 5, "malignant": 22}
    assert 100 * result["biopsies_avoided"] / result["n"] == pytest.approx(27.7, abs=0.05)
    assert 100 * result["malignancy_rate_before"] == pytest.approx(16.2, abs=0.05)
    assert 100 * result["malignancy_rate_after"] == pytest.approx(2.5)


def test_restratification_counts_reads_not_cells():
    before = np.array([4, 4, 4, 4, 5, 3, np.nan, 4], float)
    after = np.array([3, 4, 6, 2, 4, 4, 4, np.nan], float)
    truth = np.array([0, 0, 1, 1, 1, 0, 0, 1], bool)
    result = restratify(before, after, truth)
    assert (result.n, result.down, result.unchanged, result.up) == (4, Moves(1, 1), Moves(1, 0), Moves(0, 1))
