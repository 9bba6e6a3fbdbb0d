"""``train`` on a GPU: one process, ranks of torchrun with NCCL, data loaders, stops, and the console."""

import re
import signal

import pytest
from conftest import FOLDER, MIB, MODULES, PYTHON, ROOT, Program, events, eventually, holders, processes, run, smi

TRAINING = MODULES / "training"
GPUS = smi("index,name")
#: Checks that a checkpoint is whole, and prints its number of steps.
READ = """
import sys, torch
state = torch.load(sys.argv[1], weights_only=True)
assert state["ballast"].is_cuda and state["ballast"].shape == (64 << 18,) and bool((state["ballast"] == 3.0).all())
assert sorted(state["model"]) == ["bias", "weight"] and state["model"]["weight"].is_cuda
print(state["steps"])
"""


@pytest.mark.parametrize("processes_per_node", ["gpu", "auto"])
def test_ranks_use_nccl(processes_per_node):
    options = ["--launcher", "torchrun", "--nproc-per-node", processes_per_node]
    program = run("train", *options, TRAINING, "train.py", FOLDER / "ranks", "ranks")
    for index in range(len(GPUS)):
        assert re.search(
            rf"^\[rank {index}\] nccl: {len(GPUS)} of {len(GPUS)} on cuda:{index}, loss 0.0", program.out, re.M
        )
    assert processes() == []


@pytest.mark.parametrize(
    ("way", "options", "code"),
    [("checkpoints", [], 143), ("handled", ["--launcher", "torchrun", "--nproc-per-node", "1"], 143)],
)
def test_a_stop_leaves_a_whole_checkpoint(way, options, code):
    folder = FOLDER / way
    program = Program("train", *options, TRAINING, "train.py", folder, way)
    program.wait_for("it trains")
    program.signal(signal.SIGTERM)
    assert program.end() == code
    steps = re.search(r"saved after step (\d+)", program.log)[1]
    assert sorted(path.name for path in folder.glob("*.pt*")) == ["checkpoint.pt"]
    assert run("-c", READ, folder / "checkpoint.pt", program=PYTHON).out.split() == [steps]
    eventually(lambda: holders() == {})


def test_data_loaders_fork_after_cuda_was_initialized():
    assert "on cuda:0" in run("train", TRAINING, "train.py", FOLDER / "loader", "loader").out
    assert processes() == []


def test_cuda_in_a_forked_process_fails_with_its_reason():
    program = run("train", TRAINING, "train.py", FOLDER / "forked", "forked", code=1)
    assert "Cannot re-initialize CUDA in forked subprocess" in program.log
    assert processes() == []


def test_an_exhausted_memory_fails_the_run():
    program = run("train", TRAINING, "train.py", FOLDER / "exhausted", "exhausted", code=1)
    assert re.search(r"^Error: Training raised OutOfMemoryError: CUDA out of memory", program.log, re.M)


def test_the_console_shows_the_gpu_and_curves_of_its_tensors():
    folder = FOLDER / "watched"
    program = Program("train", "--console", "0", TRAINING, "train.py", folder, "watched")
    port = int(program.wait_for(r"^Console: http://127\.0\.0\.1:(\d+)/$")[1])
    program.wait_for("it holds memory")

    def enough(seen):
        gpus = [gpu for name, data in seen if name == "usage" for gpu in data["gpus"]]
        return any(gpu["used"] > 1024 * MIB for gpu in gpus) and "curve" in dict(seen)

    seen = events(port, enough)
    assert enough(seen), seen
    usage = [data for name, data in seen if name == "usage"][-1]
    assert [(gpu["index"], gpu["name"]) for gpu in usage["gpus"]] == [tuple(gpu) for gpu in GPUS]
    assert usage["gpus"][0]["total"] == int(smi("memory.total")[0][0]) * MIB
    assert usage["gpus"][0].get("percent", 0) in range(101)
    (folder / "seen").touch()
    assert program.end() == 0


def test_accelerate_trains_in_a_rank():
    if Program("-c", "import accelerate", program=PYTHON).end() != 0:
        pytest.skip(f"{PYTHON} has no accelerate")
    (text,) = re.findall(
        r"<!-- file: accelerated/train.py -->\n```python\n(.*?)```", (ROOT / "docs/running.md").read_text(), re.S
    )
    module = FOLDER / "accelerated"
    module.mkdir()
    (module / "train.py").write_text(text)
    launcher = ["--launcher", "torchrun", "--nproc-per-node", "1"]
    program = run("train", *launcher, module, "train.py", FOLDER / "accelerated-model")
    assert re.search(r"1 processes, loss 0\.0", program.log)
    assert (FOLDER / "accelerated-model/model.pt").exists()
