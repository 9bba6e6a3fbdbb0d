"""What the bridge asks of CUDA's driver, in processes whose CUDA works, is busy, and is broken."""

import json

from conftest import PYTHON, ROOT, run

ASK = """
import concurrent.futures, ctypes, json, sys, time
sys.path.insert(0, sys.argv[1])
from aimodellib._bridge import cuda
said = {"without": cuda.broken()}
import torch
said["unused"] = cuda.broken()
x = torch.ones(8, device="cuda")
said["idle"] = cuda.broken()
torch.cuda._sleep(3_000_000_000)
start = time.monotonic()
said["busy"] = cuda.broken()
said["waited"] = time.monotonic() - start > 0.5 or torch.cuda.current_stream().query()
torch.cuda.synchronize()
# A capture goes on while another thread asks.
graph = torch.cuda.CUDAGraph()
pool = concurrent.futures.ThreadPoolExecutor(1)
with torch.cuda.graph(graph):
    y = x * 2
    said["capture"] = pool.submit(cuda.broken).result()
graph.replay()
said["captured"] = y.sum().item()
try:
    torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
except torch.OutOfMemoryError:
    said["exhausted"] = cuda.broken()
try:
    x[torch.tensor([10**6], device="cuda")].sum().item()
except RuntimeError as error:
    said["raised"] = str(error)
results = {}
driver = cuda._Driver()
for name in ("cuStreamQuery", "cuCtxSynchronize"):
    results[name] = driver._call(name, *[None] * (name == "cuStreamQuery"))
said["thread"] = pool.submit(cuda.broken).result()
cuda.watch.reason = None
said["main"] = cuda.broken()
print(json.dumps({**said, **results}), flush=True)
"""


def test_the_driver_tells_whether_cuda_works_in_a_process():
    program = run("-c", ASK, ROOT / "python", program=PYTHON)
    said = json.loads(program.out.splitlines()[-1])
    print(said)
    for when in ("without", "unused", "idle", "busy", "capture", "exhausted"):
        assert said[when] is None, (when, said)
    assert not said["waited"], "it does not wait for the device"
    assert said["captured"] == 16
    assert "device-side assert triggered" in said["raised"]
    assert said["thread"] == said["main"] == "device-side assert triggered", said
