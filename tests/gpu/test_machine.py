"""Whether this machine has a GPU, and PyTorch can use it. Without one, this is the only test of the suite."""

import pytest
from conftest import ENV, EXECUTABLE, MISSING, PYTHON, run, smi


@pytest.mark.skipif(MISSING != "", reason=f"The tests on a GPU can't run: {MISSING}")
def test_pytorch_uses_the_gpu_of_this_machine():
    run("--version")
    code = (
        "import torch; print(torch.__version__, torch.cuda.device_count(), torch.ones(2, device='cuda').sum().item())"
    )
    version, count, total = run("-c", code, program=PYTHON).out.split()
    print(f"{EXECUTABLE}, torch {version} of {PYTHON}, {smi('index,name,driver_version,memory.total,uuid')}")
    assert (int(count), total) == (len(smi("index")), "2.0")
    assert "CUDA_VISIBLE_DEVICES" not in ENV
