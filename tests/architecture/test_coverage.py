"""The gate of branch coverage: the modules that decide about a study's validity are covered whole; and the gate can shut."""

from __future__ import annotations

from pathlib import Path

import pytest
from coverage_gate import measure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_every_branch_is_covered() -> None:
    assert [str(module) for module in measure() if not module.is_whole] == []


def test_an_untested_branch_shuts_the_gate(tmp_path: Path) -> None:
    """Negative control: a module of which one branch and one line are not tested."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "pack" / "whole.py").write_text("def same(x):\n    return x\n", encoding="utf-8")
    (tmp_path / "pack" / "part.py").write_text("def sign(x):\n    if x < 0:\n        return -1\n    return 1\n", encoding="utf-8")
    (tmp_path / "test_pack.py").write_text(
        "from pack.part import sign\nfrom pack.whole import same\ndef test_it():\n    assert sign(same(2)) == 1\n",
        encoding="utf-8",
    )
    whole, part = measure(("whole", "part"), ("test_pack.py",), "pack", tmp_path)
    assert whole.is_whole and not part.is_whole
    assert part.lines == (3,) and (2, 3) in part.jumps and "lacks 3" in str(part)
    (tmp_path / "test_pack.py").write_text("def test_it():\n    assert False\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="do not pass"):
        measure(("whole",), ("test_pack.py",), "pack", tmp_path)
