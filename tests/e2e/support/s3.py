"""Runs moto's S3 and STS, fills a bucket with AWS's own client for Python, and prints the port.

The objects are a JSON object in the first line of standard input: texts, bytes (`{"base64": …}`), or numbers of bytes to be uploaded in
parts. The server ends with its standard input.
"""

import base64
import io
import json
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
s3 = boto3.client(
    "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
)
s3.create_bucket(Bucket="bucket")
for key, content in json.loads(sys.stdin.readline()).items():
    if isinstance(content, dict):
        s3.put_object(Bucket="bucket", Key=key, Body=base64.b64decode(content["base64"]))
    elif isinstance(content, str):
        encoding = {"ContentEncoding": "gzip"} if key.endswith(".gz") else {}
        s3.put_object(Bucket="bucket", Key=key, Body=content.encode(), **encoding)
    else:
        body = io.BytesIO(bytes(index % 251 for index in range(content)))
        s3.upload_fileobj(body, "bucket", key, Config=TransferConfig(multipart_threshold=5 << 20))
print(url, flush=True)
sys.stdin.read()
