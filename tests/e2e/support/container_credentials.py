"""Runs a command beside the two servers that a task on ECS, or a container on SageMaker, can reach: the source of its credentials, and S3.

The credentials are at 169.254.170.2, as on these platforms: run this in a network namespace. S3 has one object, `bucket/m/weights`,
and shows it to these credentials alone. Standard error ends with a line of JSON: the paths that were asked for credentials.
"""

import datetime
import http.server
import json
import os
import subprocess
import sys
import threading

PATH = "/v2/credentials/of-this-task"
LIST = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>
<Contents><Key>m/weights</Key><Size>5</Size><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag></Contents></ListBucketResult>"""
asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Credentials(Handler):
    def do_GET(self):
        asked.append(self.path)
        expiration = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        credentials = {
            "AccessKeyId": "AKTASK",
            "SecretAccessKey": "hush",
            "Token": "of-task",
            "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.reply(*((200, json.dumps(credentials)) if self.path == PATH else (404, "{}")))


class Store(Handler):
    def do_GET(self):
        signed = "Credential=AKTASK/" in self.headers.get("Authorization", "")
        if not signed or self.headers.get("X-Amz-Security-Token") != "of-task":
            self.reply(403, "<Error><Code>AccessDenied</Code></Error>", "application/xml")
        elif "list-type=2" in self.path:
            self.reply(200, LIST, "application/xml")
        else:
            self.reply(200, "hello", "application/octet-stream")


def start(address, handler):
    server = http.server.ThreadingHTTPServer(address, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


start(("169.254.170.2", 80), Credentials)
port = start(("127.0.0.1", 0), Store)
code = subprocess.run(sys.argv[1:], env={**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).returncode
print(json.dumps(asked), file=sys.stderr)
sys.exit(code)
