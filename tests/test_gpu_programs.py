"""What is read of a GPU's programs; a compiler for one is not needed here."""

import pytest

from experiments import gpu_programs
from experiments.benchmark.measure import LAX, OURS
from experiments.gpu_programs import Program, read

PROGRAM = """
%fused (p: f32[8,4]) -> f32[8] {
  %p = f32[8,4]{1,0} parameter(0)
  ROOT %sum = f32[8]{0} reduce(%p, %zero), dimensions={1}, to_apply=%add
}

ENTRY %main (x: f32[8,4], w: bf16[4,4]) -> (f32[8], f32[8,4]) {
  %x = f32[8,4]{1,0} parameter(0)
  %w = bf16[4,4]{1,0} parameter(1)
  %flat = f32[32]{0} bitcast(%x)
  %pair = (f32[8]{0}, pred[8]{0}) fusion(%x), kind=kInput, calls=%fused
  %first = f32[8]{0} get-tuple-element(%pair), index=0
  %product = f32[8,4]{1,0} CUSTOM(%x, %w, %w, %w, %w, /*index=5*/%w), custom_call_target="__cublas$gemm"
  ROOT %both = (f32[8]{0}, f32[8,4]{1,0}) tuple(%first, %product)
}
"""


@pytest.mark.parametrize(("kind", "library"), [("custom-call", True), ("fusion", False)])
def test_kernels_and_what_they_move_are_read(kind, library):
    moved = (128 + 32 + 8) + (128 + 5 * 32 + 128)
    assert read(PROGRAM.replace("CUSTOM", kind)) == Program(2, moved, library)


def test_the_table_has_what_both_move_and_what_only_ours_has():
    both = {OURS: Program(2, 2_000_000, False), LAX: Program(4, 5_000_000, False)}
    made = gpu_programs.table([("a", "forward", both), ("b", "forward", {OURS: Program(1, 1_000_000, True)})])
    assert made.rows == [
        ("a", "forward", "2", "2.0", "4", "5.0", "2.50", ""),
        ("b", "forward", "1", "1.0", "–", "–", "–", "cuDNN, cuBLAS"),
    ]


def test_without_a_compiler_for_a_gpu_the_command_says_what_to_install(monkeypatch, capsys):
    def refuse(*arguments, **keywords):
        raise NotImplementedError("topology not implemented for cuda")

    monkeypatch.setattr(gpu_programs.topologies, "get_topology_desc", refuse)
    assert gpu_programs.main(["--rows", "relu6*"]) == 2
    assert 'pip install "jax[cuda12]"' in capsys.readouterr().err


def test_a_row_that_is_not_there_is_refused(capsys):
    assert gpu_programs.main(["--rows", "nosuch"]) == 2
    assert "rows is 'nosuch'" in capsys.readouterr().err
