/** Scripts that several files of tests serve. */

import { echo, py } from "./sandbox.ts";

/** Answers with the content type and the accepted types that it was given, as JSON. */
export const DESCRIBE: string = echo(py`
  import json
  def deserialize(data, content_type="application/octet-stream", logger=None):
      return {"content_type": content_type, "bytes": len(data), "type": type(data).__name__}
  def serialize(data, accepted="*/*", logger=None):
      return json.dumps({**data, "accepted": accepted}).encode(), "application/json"
`);

/** Takes as many seconds for a request as its body says. */
export const SLOW: string = echo(py`
  import os, time
  def predict(data, model, logger=None):
      time.sleep(float(data))
      return b"after %s s in process %d" % (data, os.getpid())
`);

/** Fails in the way that the body of a request names; answers any other body with itself. */
export const FAILING: string = echo(py`
  def secret(value):
      raise ValueError("größer als " + value)
  def deserialize(data, content_type="application/octet-stream", logger=None):
      if data == b"deserialize":
          secret("3")
      return data
  def predict(data, model, logger=None):
      if data == b"predict":
          secret("4")
      if data == b"exit":
          raise SystemExit(3)
      if data == b"silent":
          raise KeyError
      if data == b"long":
          raise ValueError("é" * 1_000_000)
      return data
  def serialize(data, accepted="*/*", logger=None):
      if data == b"serialize":
          secret("5")
      if data == b"odd":
          return data
      if data == b"text":
          return "text", "text/plain"
      if data == b"header":
          return data, "text/plain\r\nX-Evil: 1"
      if data == b"longheader":
          return data, "x" * 100_000
      if accepted == "image/png":
          return None
      return data, "text/plain"
`);

/** Answers with the name in its model directory, the body, the user and folder that it runs in, and EXTRA, which is to be defined before it. */
export const GREET: string = py`
  import os
  def load(model_dir, logger=None):
      with open(os.path.join(model_dir, "name")) as file:
          return file.read()
  def deserialize(data, content_type, logger=None):
      return data.decode()
  def predict(data, model, logger=None):
      return f"{model} {data} {os.getuid()} {os.getcwd()} {EXTRA}"
  def serialize(result, accept, logger=None):
      return result.encode(), "text/plain"
`;
