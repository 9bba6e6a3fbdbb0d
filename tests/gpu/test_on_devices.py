"""Which devices workers get: ``--device``, and CUDA_VISIBLE_DEVICES of the caller."""

import json
import re

import pytest
from conftest import FOLDER, MIB, MODEL, MODULES, Program, Server, events, eventually, holders, metric, run, smi

CUDA = [MODULES / "cuda", "serve.py", MODEL]
GPUS = smi("index,name,uuid")
NAME, UUID = GPUS[0][1:]


def predict_where(*options, code=0, **env):
    """Start a worker, and return where its model is."""
    path = FOLDER / "where.json"
    path.write_text('{"op": "where"}')
    program = run("predict", *options, *CUDA, path, env=env, code=code)
    return json.loads(program.out) if code == 0 else program.log


@pytest.mark.parametrize("device", ["auto", "cuda:0"])
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_share_a_gpu(device, workers):
    options = ["--device", "cuda:0"] if device == "cuda:0" or len(GPUS) > 1 else ["--device", "auto"]
    server = Server(*options, *CUDA, workers=workers)
    answers = server.ask_all()
    assert len(answers) == workers
    for answer in answers.values():
        assert (answer["on"], answer["index"], answer["name"]) == ("cuda", 0, NAME)
        assert (answer["device"], answer["visible"], answer["count"]) == ("cuda:0", "0", 1)
        assert answer["sum"] == sum(range(8)) / 2
        assert (answer["threads"] is None) == (workers == 1)
    # The workers hold the device, and the server and the keepers do not.
    assert sorted(holders()) == sorted(answers), holders()
    server.stop()
    assert holders() == {}


def test_metrics_and_the_console_show_the_gpu(much_memory):
    small = Server("--device", "cuda:0", *CUDA)
    before = metric(small.request("/metrics")[2].decode(), "aimodellib_gpu_memory_used_bytes", gpu=0)
    large = Server("--device", "cuda:0", *CUDA, env={"TEST_MIB": "8192"})
    text = large.request("/metrics")[2].decode()
    # Other programs use this GPU as well.
    assert metric(text, "aimodellib_gpu_memory_used_bytes", gpu=0) - before > 6144 * MIB
    assert metric(text, "aimodellib_gpu_memory_total_bytes", gpu=0) == int(smi("memory.total")[0][0]) * MIB
    assert text.count("aimodellib_gpu_memory_total_bytes{") == len(GPUS)

    def device_is_told(seen):
        return any("GPU 0" in json.dumps(data) for _, data in seen)

    assert device_is_told(events(large.port, device_is_told))


@pytest.mark.parametrize("device", [f"cuda:{len(GPUS)}", "cuda:77", f"cuda:0,cuda:{len(GPUS)}"])
@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("predict",)])
def test_a_device_that_does_not_exist_is_refused(command, device):
    log = run(*command, "--log-format", "text", "--device", device, *CUDA, code=2).log
    assert f"Error: There is no device '{device.split(',')[-1]}': this machine has {len(GPUS)} NVIDIA device" in log


@pytest.mark.parametrize("device", ["cuda", "gpu", "cuda:-1", "0", "mps", "cuda:0,"])
def test_a_name_that_is_no_device_is_refused(device):
    log = run("serve", "--device", device, *CUDA, code=2).log
    assert f"not '{device}'" in log


@pytest.mark.parametrize("visible", ["0", UUID, UUID[:12], "0,-1,0", "0,99"])
def test_a_list_in_the_environment_is_used(visible):
    where = predict_where("--device", "auto", CUDA_VISIBLE_DEVICES=visible)
    expected = ("cuda", 0, "cuda:0", visible.split(",")[0], 1, NAME)
    assert tuple(where[key] for key in ("on", "index", "device", "visible", "count", "name")) == expected


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_a_list_that_hides_all_devices_leaves_the_processor(visible):
    where = predict_where("--device", "auto", CUDA_VISIBLE_DEVICES=visible)
    assert (where["on"], where["device"], where["count"]) == ("cpu", "cpu", 0)
    log = predict_where("--device", "cuda:0", code=2, CUDA_VISIBLE_DEVICES=visible)
    assert f"There is no device 'cuda:0': CUDA_VISIBLE_DEVICES is '{visible}'" in log


def test_a_list_of_devices_that_do_not_exist_is_refused():
    for device in ("auto", "cuda:0"):
        log = predict_where("--device", device, code=2, CUDA_VISIBLE_DEVICES="99")
        assert "CUDA_VISIBLE_DEVICES is '99'" in log


def test_cpu_keeps_the_gpu_from_a_worker():
    where = predict_where("--device", "cpu")
    assert (where["on"], where["device"], where["visible"], where["count"]) == ("cpu", "cpu", "", 0)


def test_without_the_option_the_script_chooses():
    where = predict_where()
    assert (where["on"], where["device"], where["visible"], where["count"]) == ("cuda", None, None, len(GPUS))
    where = predict_where(CUDA_VISIBLE_DEVICES=UUID)
    assert (where["on"], where["device"], where["visible"], where["count"]) == ("cuda", None, UUID, 1)
    assert predict_where(CUDA_VISIBLE_DEVICES="")["on"] == "cpu"


def test_workers_auto_starts_a_worker_for_each_gpu():
    program = Program("serve", "--port", "0", "--workers", "auto", "--device", "auto", "--log-format", "text", *CUDA)
    program.wait_for("Ready: POST ")
    eventually(lambda: len(re.findall(r"Worker \S+ is ready", program.log)) == len(GPUS))
    assert len(holders()) == len(GPUS)
