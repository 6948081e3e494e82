"""Tables: every fault names its row and column; the same table as CSV, XLSX and DataFrame is the same."""

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader_app.analysis import reference
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.analysis.tables import cell_text, load_table, read_marks, read_predictions, read_reads
from reader_app.errors import InputFaults, TableError

READS = [
    {"reader_id": "R1", "condition": "unaided", "case_id": "C1", "assessment": "4A", "score": 60},
    {"reader_id": "R1", "condition": "unaided", "case_id": "C2", "assessment": "2", "score": 5},
    {"reader_id": "R2", "condition": "unaided", "case_id": "C1", "assessment": "5", "score": 95},
    {"reader_id": "R2", "condition": "unaided", "case_id": "C2", "assessment": "3", "score": 20},
]
TRUTH = [{"case_id": "C1", "malignant": 1}, {"case_id": "C2", "malignant": 0}]


def _csv(tmp_path, text, name="reads.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def _changed(row, **values):
    frame = pd.DataFrame(READS).astype(object)
    for column, value in values.items():
        if column not in frame:
            frame[column] = ""
        frame.loc[row - 2, column] = value
    return frame


@pytest.mark.parametrize(
    ("row", "values", "row_and_column", "said"),
    [
        (3, {"assessment": "7"}, "row 3, column assessment", "no BI-RADS category"),
        (4, {"score": "high"}, "row 4, column score", "no number"),
        (4, {"score": "nan"}, "row 4, column score", "no number"),
        (5, {"call": "2"}, "row 5, column call", "neither 0 nor 1"),
        (2, {"reading_time_s": "-3"}, "row 2, column reading_time_s", "outside its range"),
        (2, {"reading_time_s": "0"}, "row 2, column reading_time_s", "outside its range"),
        (2, {"laterality": "both"}, "row 2, column laterality", "no laterality"),
        (3, {"reader_id": ""}, "row 3, column reader_id", "is blank"),
        (3, {"case_id": "C1"}, "row 3, column reader_id", "stands already in row 2"),
        (3, {"assessment": "", "score": ""}, "row 3, column assessment", "has no answer"),
    ],
)
def test_faults_of_reads_name_row_and_column(row, values, row_and_column, said):
    with pytest.raises(TableError) as raised:
        read_reads(_changed(row, **values))
    assert row_and_column in str(raised.value)
    assert said in str(raised.value)


def test_all_faults_are_listed_at_once():
    frame = _changed(2, assessment="9")
    frame.loc[1, "score"] = "x"
    with pytest.raises(TableError) as raised:
        read_reads(frame)
    assert len(raised.value.faults) == 2


def test_missing_columns_and_answers_are_named():
    with pytest.raises(TableError, match="column condition is missing"):
        read_reads(pd.DataFrame(READS).drop(columns="condition"))
    with pytest.raises(TableError, match="neither score nor assessment nor call"):
        read_reads(pd.DataFrame(READS).drop(columns=["score", "assessment"]))
    with pytest.raises(TableError, match="holds no reads"):
        read_reads(pd.DataFrame(READS).iloc[:0])
    with pytest.raises(TableError, match="several groups"):
        read_reads(_changed(2, group="junior").assign(group=["junior", "senior", "x", "x"]))


def test_unknown_columns_give_one_line():
    checked = read_reads(pd.DataFrame(READS).assign(mood="fine", weather="wet"))
    assert checked.warnings == ("reads: columns not known to the analysis are ignored: mood, weather",)


def test_a_read_without_reference_and_an_unread_case():
    with pytest.raises(TableError, match=r"row 3, column case_id: case C2 has no reference"):
        analyze(pd.DataFrame(READS), pd.DataFrame(TRUTH[:1]))
    more = pd.DataFrame([*TRUTH, {"case_id": "C3", "malignant": 0}])
    document = analyze(pd.DataFrame(READS), more)
    assert document["input"]["cases"] == 2
    assert any("1 cases of the reference were read by nobody" in w["text"] for w in document["warnings"])


def test_zero_is_refused_or_treated_as_chosen():
    frame = _changed(3, assessment="0")
    with pytest.raises(TableError, match=r"row 3, column assessment: category 0"):
        analyze(frame, pd.DataFrame(TRUTH))
    found = {}
    for zero in ("positive", "negative", "exclude"):
        document = analyze(frame, pd.DataFrame(TRUTH), options=Options(zero=zero))
        row = next(r for r in document["accuracy"] if r["reader_id"] == "R1")
        found[zero] = (row["tp"], row["fp"], row["tn"], row["fn"])
    assert found == {"positive": (1, 1, 0, 0), "negative": (1, 0, 1, 0), "exclude": (1, 0, 0, 0)}


def test_plain_4_is_refused_where_the_positive_category_splits_it():
    frame = _changed(2, assessment="4")
    assert analyze(frame, pd.DataFrame(TRUTH))["accuracy"][0]["tp"] == 1
    for limit in ("4B", "4C"):
        with pytest.raises(TableError, match=r"row 2, column assessment: plain 4"):
            analyze(frame, pd.DataFrame(TRUTH), options=Options(positive_from=limit))


def test_csv_xlsx_and_frame_agree(tmp_path):
    frame = pd.DataFrame(READS)
    csv = tmp_path / "reads.csv"
    frame.to_csv(csv, index=False)
    book = openpyxl.Workbook()
    book.active.append(list(frame.columns))
    for row in frame.itertuples(index=False):
        book.active.append([2 if v == "2" else v for v in row])  # a category typed as a number
    book.save(tmp_path / "reads.xlsx")
    results = [read_reads(source).frame for source in (csv, tmp_path / "reads.xlsx", frame)]
    for other in results[1:]:
        pd.testing.assert_frame_equal(results[0].reset_index(drop=True), other.reset_index(drop=True))


def test_files_that_are_no_tables_are_named(tmp_path):
    (tmp_path / "latin.csv").write_bytes("reader_id,condition,case_id,score\nR\xe9,unaided,C1,3\n".encode("latin-1"))
    with pytest.raises(TableError, match=r"latin.csv, row 2: is not UTF-8"):
        read_reads(tmp_path / "latin.csv")
    (tmp_path / "broken.xlsx").write_bytes(b"PK not a workbook")
    with pytest.raises(TableError, match=r"broken.xlsx: cannot be read as XLSX"):
        read_reads(tmp_path / "broken.xlsx")
    with pytest.raises(TableError, match="cannot be read"):
        read_reads(tmp_path / "absent.csv")
    with pytest.raises(TableError, match="row 3: has more cells than the 4 columns"):
        read_reads(_csv(tmp_path, "reader_id,condition,case_id,score\nR1,u,C1,3\nR1,u,C2,3,9\n"))
    with pytest.raises(TableError, match="'score' stands twice"):
        read_reads(_csv(tmp_path, "reader_id,condition,case_id,score,score\nR1,u,C1,3,3\n"))
    with pytest.raises(TableError, match="no header row"):
        read_reads(_csv(tmp_path, ""))


def test_bom_semicolons_blank_lines_and_spaces(tmp_path):
    path = _csv(tmp_path, "\ufeffreader_id;condition;case_id;score\n R1 ;unaided;C1;3\n\n;;;\nR1;unaided;C2;4\n")
    frame = read_reads(path).frame
    assert frame["reader_id"].tolist() == ["R1", "R1"]
    assert frame.index.tolist() == [2, 5]


def test_reference_faults():
    with pytest.raises(TableError, match=r"row 3, column malignant: '2' is neither 0 nor 1"):
        reference.load(pd.DataFrame([{"case_id": "C1", "malignant": 1}, {"case_id": "C2", "malignant": 2}]))
    lesions = pd.DataFrame(
        [
            {"case_id": "C1", "lesion_id": "a", "view": "CC", "malignant": 1},
            {"case_id": "C1", "lesion_id": "a", "view": "MLO", "malignant": 0},
        ]
    )
    with pytest.raises(TableError, match="row 3, column malignant: lesion a of case C1 differs from row 2"):
        reference.load(lesions)
    with pytest.raises(TableError, match="stands already in row 2"):
        reference.load(pd.DataFrame([TRUTH[0], TRUTH[0]]))
    with pytest.raises(TableError, match="column patient_id is missing"):
        analyze(pd.DataFrame(READS), pd.DataFrame(TRUTH), options=Options(cluster="patient_id"))


def test_a_case_and_a_breast_are_malignant_if_any_lesion_is():
    table = reference.load(
        pd.DataFrame(
            [
                {"case_id": "C1", "lesion_id": "a", "laterality": "R", "malignant": 0, "lesion_type": "mass"},
                {"case_id": "C1", "lesion_id": "b", "laterality": "L", "malignant": 1, "lesion_type": "calcification"},
                {"case_id": "C2", "lesion_id": "", "laterality": "", "malignant": 0, "lesion_type": ""},
            ]
        )
    )
    assert table.cases().to_dict() == {"C1": True, "C2": False}
    assert table.cases("mass").to_dict() == {"C1": False, "C2": False}
    assert table.breasts() == {("C1", "R"): False, ("C1", "L"): True, ("C2", "R"): False, ("C2", "L"): False}
    assert table.lesions() == {("C1", "a"): False, ("C1", "b"): True}


def test_marks_and_predictions():
    mark = {"reader_id": "R1", "condition": "unaided", "case_id": "C1", "rating": 50}
    with pytest.raises(TableError, match="column x_mm is missing"):
        read_marks(pd.DataFrame([mark]))
    assert read_marks(pd.DataFrame([{**mark, "lesion_id": ""}])).frame.attrs["matched"] is True
    with pytest.raises(TableError, match="row 2, column y_mm: is blank"):
        read_marks(pd.DataFrame([{**mark, "x_mm": 1.0, "y_mm": ""}]))
    with pytest.raises(TableError, match="row 3, column model_id: this prediction"):
        read_predictions(pd.DataFrame([{"model_id": "M", "case_id": "C1", "probability": 0.4}] * 2))
    with pytest.raises(TableError, match="row 2, column probability: is blank"):
        read_predictions(pd.DataFrame([{"model_id": "M", "case_id": "C1", "probability": None}]))


def test_wrong_options_are_refused_together():
    with pytest.raises(InputFaults) as raised:
        Options(ci="normal", positive_from="0", alpha=2, margin=-1)
    assert len(raised.value.faults) == 4


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_one_of_our_errors(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("fuzz") / "reads.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_table(path, "reads")
        read_reads(path)
    except TableError as error:
        assert error.faults


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_cell_text_is_total(value):
    text = cell_text(value)
    assert text == text.strip()
    assert text != "nan" or value == "nan"
