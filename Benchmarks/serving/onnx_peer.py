"""The peer: sessions around ONNX Runtime, as simply as people write them, with the routes that load.py asks.

Usage: onnx_peer.py lstm_step.onnx PORT        (needs onnxruntime, fastapi, uvicorn)
"""

import sys
import uuid

import numpy
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
model = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
size = model.get_inputs()[0].shape[2]
app = FastAPI()
sessions = {}


def step(session, x):
    h, c = model.run(None, {"x": x.reshape(1, 1, size), "h": session["h"], "c": session["c"]})
    session.update(h=h, c=c, steps=session["steps"] + 1)
    return h.reshape(-1)


@app.post("/sessions", status_code=201)
async def create():
    id = uuid.uuid4().hex
    zeros = numpy.zeros((1, 1, size), numpy.float32)
    sessions[id] = {"h": zeros, "c": zeros.copy(), "steps": 0}
    return {"id": id}


@app.post("/sessions/{id}/steps")
async def push(id: str, request: Request):
    if id not in sessions:
        raise HTTPException(404)
    session = sessions[id]
    if request.headers.get("content-type") == "application/octet-stream":
        inputs = numpy.frombuffer(await request.body(), numpy.float32).reshape(-1, size)
        outputs = numpy.stack([step(session, x) for x in inputs])
        return Response(outputs.tobytes(), media_type="application/octet-stream")
    body = await request.json()
    inputs = numpy.array(body.get("inputs", [body.get("input")]), numpy.float32).reshape(-1, size)
    return {"steps": session["steps"], "outputs": [step(session, x).tolist() for x in inputs]}


@app.delete("/sessions/{id}", status_code=204)
async def delete(id: str):
    sessions.pop(id, None)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
