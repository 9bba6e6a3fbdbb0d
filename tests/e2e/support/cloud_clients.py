"""Asks a server with the clients of SageMaker and mlflow; prints what they got as JSON."""

import json
import os
import sys
import types

import boto3
import mlflow.deployments
import pandas
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

# mlflow looks for scipy.sparse, and fails if there is no scipy, which nothing here needs.
sys.modules.setdefault("scipy", types.ModuleType("scipy")).__path__ = []

url, secured, token = sys.argv[1:]
got = {}
about = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "y"}
# Clients repeat failed requests by default: the script counts how often it was asked.
client = boto3.client("sagemaker-runtime", endpoint_url=url, **about)


def ask(text, **more):
    """Send words to the endpoint."""
    return client.invoke_endpoint(EndpointName="words", ContentType="text/plain", Body=text.encode(), **more)


def failed(call):
    """Return what the client raised."""
    try:
        return call()
    except (ClientError, EventStreamError) as error:
        said = error.response
        original = said.get("OriginalMessage")
        return [
            type(error).__name__,
            said["Error"]["Code"],
            said["Error"]["Message"],
            said.get("ResponseMetadata", {}).get("HTTPStatusCode"),
            said.get("OriginalStatusCode"),
            original and json.loads(original).get("message"),
        ]


def parts(text):
    """Return the parts of a streamed answer."""
    return client.invoke_endpoint_with_response_stream(EndpointName="words", ContentType="text/plain", Body=text.encode())


whole = ask("a b", Accept="text/x-accepted", CustomAttributes="trace=1")
got["whole"] = [whole["Body"].read().decode(), whole["ContentType"], whole["CustomAttributes"]]
got["raised"] = failed(lambda: ask("fail"))
got["died"] = failed(lambda: ask("die"))
got["count"] = ask("count")["Body"].read().decode()
got["unknown"] = failed(lambda: client.invoke_endpoint(EndpointName="other", Body=b""))
got["async"] = failed(lambda: client.invoke_endpoint_async(EndpointName="words", InputLocation="s3://bucket/key"))
streamed = parts("a b")
got["streamed"] = [[event["PayloadPart"]["Bytes"].decode() for event in streamed["Body"]], streamed["ContentType"]]
got["large"] = len(b"".join(event["PayloadPart"]["Bytes"] for event in parts("large")["Body"]))
got["stream_raised"] = failed(lambda: parts("fail"))
got["stream_broken"] = failed(lambda: [event for event in parts("a fail")["Body"]])

host, port = url.removeprefix("http://").split(":")
scoring = ScoringServerClient(host, int(port))
scoring.wait_server_ready(timeout=10)
got["version"] = scoring.get_version()
frame = pandas.DataFrame({"x": [1, 2]})
got["scored"] = scoring.invoke(frame).get_predictions().values.tolist()
deployments = mlflow.deployments.get_deploy_client(url)
inputs = {"dataframe_split": frame.to_dict(orient="split")}
got["deployed"] = deployments.predict(endpoint="words", inputs=inputs)

# With a token, in place of a signature.
unsigned = boto3.client(
    "sagemaker-runtime", endpoint_url=secured, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
)
got["no_token"] = failed(lambda: unsigned.invoke_endpoint(EndpointName="echo", Body=b"x"))


def authorize(request, **_):
    """Add the token to a request."""
    request.headers["Authorization"] = f"Bearer {token}"


unsigned.meta.events.register("before-send.sagemaker-runtime.*", authorize)
got["token"] = unsigned.invoke_endpoint(EndpointName="echo", Body=b"x")["Body"].read().decode()
os.environ["MLFLOW_TRACKING_TOKEN"] = token
got["mlflow_token"] = mlflow.deployments.get_deploy_client(secured).predict(endpoint="echo", inputs={"a": 1})
print(json.dumps(got))
