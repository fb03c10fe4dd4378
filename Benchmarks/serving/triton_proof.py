"""The proof that clients of the Open Inference Protocol run our models as they are: NVIDIA's tritonclient, unmodified,
against `refrain serve`, stateless and in sequences, with numbers as bytes and as JSON.

Usage: triton_proof.py REFRAIN MODEL      a model of numbers whose layers go step by step (lstm.pt of make_model.py does)
Needs tritonclient[http] and numpy (pip). Without tritonclient it says so and ends with status 0.
"""

import subprocess
import sys

try:
    import numpy
    import tritonclient.http as triton
except ImportError as error:
    print(f"passed over: {error}")
    sys.exit(0)


def main(refrain, model):
    server = subprocess.Popen(
        [refrain, "serve", f"m={model}", "--port", "0", "--log-level", "warning"], stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if line.startswith("Listening at "):
                prove(line.split("//")[1].strip().rstrip("/"))
                return
        sys.exit("the server did not start")
    finally:
        server.terminate()
        status = server.wait(30)
        assert status == 0, f"the server ended with status {status}"


def prove(address):
    client = triton.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("m")
    assert client.is_model_ready("m", "1")
    assert "sequence" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("m")
    print("metadata", metadata)
    assert client.get_model_config("m")["name"] == "m"
    assert client.get_model_repository_index()[0]["state"] == "READY"
    port, output = metadata["inputs"][0], metadata["outputs"][0]["name"]
    size = port["shape"][-1]
    x = numpy.sin(numpy.arange(2 * 7 * size, dtype=numpy.float32)).reshape(2, 7, size)

    def infer(array, is_binary=True, **more):
        given = triton.InferInput(port["name"], list(array.shape), port["datatype"])
        given.set_data_from_numpy(array, binary_data=is_binary)
        wanted = [triton.InferRequestedOutput(output, binary_data=is_binary)]
        return client.infer("m", [given], outputs=wanted, **more).as_numpy(output)

    whole = infer(x)
    assert numpy.array_equal(whole, infer(x, is_binary=False)), "JSON and bytes differ"
    given = triton.InferInput(port["name"], list(x.shape), port["datatype"])
    given.set_data_from_numpy(x)
    assert numpy.array_equal(whole, client.infer("m", [given]).as_numpy(output)), "without chosen outputs"
    print("stateless", whole.shape)

    # Two sequences in turn, under a number and under a name: their parts make what the whole makes.
    parts = {7001: [], "second": []}
    for step in range(7):
        for row, name in enumerate(parts):
            parts[name].append(infer(
                x[row : row + 1, step : step + 1], sequence_id=name, sequence_start=step == 0, sequence_end=step == 6))
    for row, name in enumerate(parts):
        joined = numpy.concatenate(parts[name], axis=1) if whole.ndim == 3 else parts[name][-1]
        assert numpy.allclose(joined[0], whole[row], atol=1e-6), "a sequence differs from the whole"
    print("sequences", len(parts))

    requests = [client.async_infer("m", [given]) for _ in range(8)]
    assert all(numpy.array_equal(request.get_result().as_numpy(output), whole) for request in requests)
    for arguments in ({"sequence_id": 99}, {"sequence_id": 7001}):
        try:
            infer(x[:1, :1], **arguments)
        except triton.InferenceServerException as error:
            assert "sequence_start" in str(error), error
        else:
            raise AssertionError("a sequence without a start was taken")
    try:
        infer(x[:, :, :-1].copy())
    except triton.InferenceServerException as error:
        print("a wrong shape:", error)
    else:
        raise AssertionError("a wrong shape was taken")
    print("proven")


main(*sys.argv[1:])
