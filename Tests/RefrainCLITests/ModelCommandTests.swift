import Foundation
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// `info`, `convert` and `run`, on files that PyTorch, Keras and NumPy made.
@Suite("Commands about models")
struct ModelCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test(
    "info says what a file is, on any format",
    arguments: [
      ("pytorch/tagger.pt", "PyTorch", "rnn.weight_ih_l1_reverse", "stacked-bidirectional-lstm"),
      ("pytorch/tagger.safetensors", "safetensors", "fc.bias", "layer-norm"),
      ("keras/stack.keras", "Keras model", "weight_hh_l0", "gru"),
      ("keras/older/k1_lstm.h5", "Keras model", "Keras 1.2.2 on tensorflow", "weight_hh_l0"),
      ("keras/stack.weights.h5", "HDF5", "layers/gru/cell/vars/0", "[6, 15]"),
      ("onnx-layers/last_step_dynamo.onnx", "ONNX", "linear.weight", "LSTM"),
      ("arrays/arrays.npz", "NumPy archive", "b1_big_F", "BOOL"),
    ])
  func info(name: String, format: String, array: String, other: String) throws {
    let text = try place.run(["info", fixturePath(name)])
    #expect(text.status == 0 && text.errors.isEmpty, "\(text.errors)")
    for part in [format, array, other] { #expect(text.text.contains(part), "no '\(part)' in \(text.text)") }
    let json = try place.run(["info", fixturePath(name), "--format", "json"])
    let object = try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
    #expect((object?["format"] as? String)?.contains(format) == true)
    // Keys in one style, shapes as numbers.
    for (key, value) in object ?? [:] {
      #expect(key.first?.isLowercase == true && !key.contains(" "), "the key '\(key)'")
      for row in value as? [[String: Any]] ?? [] {
        #expect(row.keys.allSatisfy { $0.first?.isLowercase == true })
        if let shape = row["shape"] { #expect(shape as? [Int?] != nil || shape as? [Any] != nil, "\(shape)") }
      }
    }
  }

  @Test("convert and run compare with what another program gave")
  func proof() throws {
    let model = fixturePath("keras/stack.keras")
    let width = try #require(try KerasFile.read(model).inputs[0].shape[2])
    let x = NumericArray((0..<10 * width).map { Float($0) / 24 }, shape: [2, 5, width])
    try place.write(Data(x.npy()), to: "x.npy")
    #expect(try place.run(["run", model, "--input", "x.npy", "--output", "out", "--quiet"]).status == 0)
    for arguments in [["run", model], ["convert", model, "out.onnx"]] {
      let same = try place.run(arguments + ["--input", "x.npy", "--expect", "out/output.npy"])
      #expect(same.status == 0 && same.text.contains("from what is expected"), "\(same.errors)\(same.text)")
    }
    var other = try NumericArray(npyFile: place.folder.appendingPathComponent("out/output.npy").path)
    guard case .floats(var values) = other.values else { return }
    values[0] += 0.01
    other.values = .floats(values)
    try place.write(Data(other.npy()), to: "y.npy")
    for arguments in [["run", model], ["convert", model, "no.onnx"]] {
      let result = try place.run(arguments + ["--input", "x.npy", "--expect", "y.npy"])
      expectRefusal(result, 65, naming: ["differs", "0.0"], at: #_sourceLocation)
      #expect(try place.run(arguments + ["--input", "x.npy", "--expect", "y.npy", "--tolerance", "0.1"]).status == 0)
    }
    let alone = try place.run(["convert", model, "out.onnx"])
    #expect(alone.text.contains("not compared with the program that the model comes from"))
    expectRefusal(
      try place.run(["convert", model, "out.onnx", "--expect", "y.npy"]), 64, naming: ["together"], at: #_sourceLocation
    )
    expectRefusal(try place.run(["run", model, "--input", "x.npy"]), 64, naming: ["--output"], at: #_sourceLocation)
  }

  @Test("a memory budget refuses what is larger, and says how to raise it")
  func memory() throws {
    let model = fixturePath("keras/stack.keras")
    let result = try place.run(["info", model, "--memory", "1KB"])
    expectRefusal(result, 65, naming: ["memory budget", "--memory"], at: #_sourceLocation)
    #expect(try place.run(["info", model, "--memory", "100MB"]).status == 0)
    expectRefusal(try place.run(["info", model, "--memory", "much"]), 64, naming: ["--memory"], at: #_sourceLocation)
  }

  @Test("run and info say what weights alone leave open, and flags settle it")
  func openQuestions() throws {
    let model = fixturePath("pytorch/whole_loose_state_old.pt")
    let numbers = try SafeTensorsFile(contentsOf: fixturePath("pytorch/whole.safetensors"))
    let (input, expected) = (try #require(numbers["loose.input"]).array, try #require(numbers["loose.output"]).array)
    let (x, out) = ("x.npy", "out")
    try place.write(Data(input.npy()), to: x)
    func difference(_ flags: [String]) throws -> (Float, String) {
      let result = try place.run(["run", model, "--input", x, "--output", out] + flags)
      #expect(result.status == 0, "\(result.errors)")
      let found = try NumericArray(npyFile: place.folder.path + "/out/output.npy").values.floats
      return (zip(found, expected.values.floats).map { abs($0 - $1) }.max() ?? .infinity, result.errors)
    }
    let (wrong, notes) = try difference([])
    #expect(wrong > 1e-2 && notes.contains("note: activations and dropout between 'fc1' and 'fc2' are not in the file"))
    #expect(notes.contains("note: what is not in the file is settled by --activation LAYER=NAME"))
    #expect(try difference(["--activation", "fc1=relu", "--nonlinearity", "relu"]).0 <= 1e-5)
    let information = try place.run(["info", model])
    #expect(information.text.contains("--activation LAYER=NAME"))
    let unknown = try place.run(["run", model, "--input", x, "--output", out, "--activation", "fc9=relu"])
    #expect(unknown.status == 65 && unknown.errors.contains("there is no layer 'fc9' to put a function behind"))
    let wrongName = try place.run(["run", model, "--input", x, "--output", out, "--activation", "fc1=rlu"])
    #expect(wrongName.status == 64 && wrongName.errors.contains("The functions are identity, tanh"))
  }

  @Test("info stops quietly when its reader does")
  func closedPipe() throws {
    let result = try place.shell("\"$REFRAIN\" info '\(fixturePath("arrays/arrays.npz"))' | head -n 1")
    #expect(result.status == 0 && result.errors.isEmpty && !result.text.isEmpty)
  }

  @Test(
    "convert writes what info knows again, and says how near it is",
    arguments: [
      "pytorch/tagger.pt", "pytorch/regressor.pt", "keras/stack.keras", "keras/gru_every.keras",
      "onnx-layers/last_step_dynamo.onnx",
    ], ["onnx", "keras", "pt", "safetensors"])
  func convert(name: String, ending: String) throws {
    let result = try place.run(["convert", fixturePath(name), "out.\(ending)"])
    try #require(result.status == 0, "\(result.errors)")
    #expect(result.text.contains("greatest difference"))
    let titles = ["onnx": "ONNX model", "keras": "Keras model", "pt": "PyTorch file", "safetensors": "Refrain model"]
    #expect(try place.run(["info", "out.\(ending)"]).text.contains(titles[ending]!))
    // There and back is the same numbers: the last conversion compares with what the first one wrote.
    let back = try place.run(["convert", "out.\(ending)", "back.onnx", "--quiet"])
    #expect(back.status == 0 && back.errors.isEmpty, "\(back.errors)")
  }

  @Test("a converted file gives what PyTorch gave")
  func convertedValues() throws {
    let numbers = try SafeTensorsFile(contentsOf: fixturePath("pytorch/numbers.safetensors"))
    let input = try #require(numbers["tagger.input"]).array
    let expected = try #require(numbers["tagger.outputs"])
    try place.write(Data(input.npy()), to: "x.npy")
    let lengths = [3, 5, 2]
    try place.write(Data(NumericArray(lengths, shape: [3]).npy()), to: "n.npy")
    let every = ["--returning", "everyStep"]
    #expect(try place.run(["convert", fixturePath("pytorch/tagger.pt"), "m.safetensors"] + every).status == 0)
    for (model, flags) in [(fixturePath("pytorch/tagger.pt"), every), ("m.safetensors", [])] {
      let run = try place.run(
        ["run", model, "--input", "x.npy", "--input", "lengths=n.npy", "--output", "out"] + flags)
      #expect(run.status == 0, "\(run.errors)")
      let output = try NumericArray(npyFile: place.folder.path + "/out/output.npy")
      try #require(output.shape == expected.shape)
      let (found, wanted) = (output.values.floats, expected.values)
      for (row, length) in lengths.enumerated() {
        for index in row * 15..<row * 15 + length * 3 { #expect(abs(found[index] - wanted[index]) < 1e-5) }
      }
    }
  }

  @Test("run writes every output in the form that is asked for, under names that stay in the folder")
  func forms() throws {
    try place.write(Data(NumericArray([Float](repeating: 0.5, count: 30), shape: [2, 5, 3]).npy()), to: "ä x.npy")
    let model = fixturePath("onnx-layers/last_step_dynamo.onnx")
    let run = ["run", model, "--input", "x=ä x.npy", "--output", "out"]
    for (format, name) in [("npy", "y.npy"), ("npz", "outputs.npz"), ("json", "y.json")] {
      let result = try place.run(run + ["--format", format])
      #expect(result.status == 0 && result.errors == "out/\(name)\n" && result.output.isEmpty, "\(result.errors)")
    }
    let array = try NumericArray(npyFile: place.folder.path + "/out/y.npy")
    #expect(array.shape == [2, 2])
    #expect(try NumPyArchive(contentsOf: place.folder.path + "/out/outputs.npz").array("y") == array)
    let json = try JSONSerialization.jsonObject(with: place.read("out/y.json")) as? [String: Any]
    #expect((json?["values"] as? [Double])?.map(Float.init) == array.values.floats)
  }

  @Test(
    "an input that does not fit is refused, and the model says what it expects",
    arguments: [
      (["--input", "x.npy", "--input", "x.npy"], "given twice"),
      (["--input", "y=x.npy"], "'x'"), (["--input", "x=flat.npy"], "[?, ?, 3]"),
      (["--input", "x=whole.npy"], "int64"),
      (["--input", "x=text.npy"], "text.npy"),
    ])
  func badInputs(inputs: [String], part: String) throws {
    try place.write(Data(NumericArray([Float](repeating: 0, count: 6), shape: [1, 2, 3]).npy()), to: "x.npy")
    try place.write(Data(NumericArray([Float](repeating: 0, count: 6), shape: [6]).npy()), to: "flat.npy")
    try place.write(Data(NumericArray([Int](repeating: 0, count: 6), shape: [1, 2, 3]).npy()), to: "whole.npy")
    try place.write("month,sales\r\n1,2\r\n", to: "text.npy")
    let model = fixturePath("onnx-layers/last_step_dynamo.onnx")
    let result = try place.run(["run", model, "--output", "out"] + inputs)
    expectRefusal(result, 65, naming: [part], at: #_sourceLocation)
    #expect(try !place.files.contains("out"))
  }

  @Test("what cannot be converted leaves nothing behind")
  func refusals() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixturePath("pytorch/tagger.pt")))
    try place.write(whole.prefix(whole.count / 2), to: "half.pt")
    try place.write("\u{FEFF}month,sales\r\n2010-01,3\r\n", to: "table.csv")
    try place.write("kept", to: "kept.onnx")
    let before = try place.files
    func expect(_ arguments: [String], _ status: Int32, _ parts: [String]) throws {
      expectRefusal(try place.run(["convert"] + arguments), status, naming: parts, at: #_sourceLocation)
      #expect(try place.files == before)
      #expect(try place.read("kept.onnx") == Data("kept".utf8))
    }
    try expect(["half.pt", "kept.onnx"], 65, ["half.pt", "damaged"])
    try expect(["table.csv", "kept.onnx"], 65, ["table.csv", "the file is text"])
    try expect(["none", "kept.onnx"], 66, ["none", "no such file"])
    try expect([fixturePath("pytorch/refused_system.pt"), "kept.onnx"], 65, ["refused_system.pt", "runs no code"])
    try expect([fixturePath("keras/conv_lstm_1d.keras"), "kept.onnx", "--to", "pytorch"], 65, ["conv-lstm"])
    try expect([fixturePath("arrays/arrays.npz"), "kept.onnx"], 65, ["arrays, not a model"])
    try expect([fixturePath("pytorch/tagger.pt"), "none/x.onnx"], 73, ["none/x.onnx", "folder"])
    try expect([fixturePath("pytorch/tagger.pt"), "x.what"], 64, ["x.what", "--to"])
    try expect(["kept.onnx", "kept.onnx"], 64, ["same file"])
  }
}
