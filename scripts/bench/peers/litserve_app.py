"""The same with LitServe: litserve_app.py PORT echo|batch."""

import sys
import time

import litserve


class Echo(litserve.LitAPI):
    def setup(self, device):
        self.factor = 2

    def decode_request(self, request):
        return request["inputs"]

    def predict(self, inputs):
        return [value * self.factor for value in inputs]

    def encode_response(self, outputs):
        return {"outputs": outputs}


class Batch(Echo):
    def batch(self, inputs):
        return inputs

    def predict(self, inputs):
        time.sleep(0.010)
        return [[value * self.factor for value in row] for row in inputs]

    def unbatch(self, outputs):
        return outputs


if __name__ == "__main__":
    _, port, work = sys.argv
    api = Echo() if work == "echo" else Batch(max_batch_size=16, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(port=int(port), host="127.0.0.1", generate_client_file=False, log_level="warning")
