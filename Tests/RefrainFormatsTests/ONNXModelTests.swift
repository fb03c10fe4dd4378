import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

@Suite struct `ONNX models` {
  @Test(arguments: try ONNXCase.load("torch") + ONNXCase.load("keras"))
  func `give what the framework gives that exported them`(_ item: ONNXCase) {
    #expect(item.fault() == nil)
  }

  @Test(arguments: try ONNXCase.load("training"))
  func `train on as in PyTorch`(_ item: ONNXCase) throws {
    func tensor(_ arrays: [String: NumericArray], _ name: String) throws -> Tensor {
      let array = try #require(arrays[name])
      return Tensor(array.values.floats, shape: array.shape)
    }
    var model = try ONNXModel(bytes: item.model)
    let (x, y) = (try tensor(item.inputs, "x"), try tensor(item.inputs, "y"))
    func train(_ optimizer: some Optimizer) throws -> [Float] {
      var optimizer = optimizer
      var losses: [Float] = []
      for _ in 0..<20 {
        let (loss, gradient) = try valueAndGradient(at: model) { model throws(DataError) in
          (try model(x) - y).squared.mean()
        }
        optimizer.update(&model, along: gradient)
        losses.append(loss)
      }
      return losses
    }
    let losses =
      item.name.hasPrefix("SGD") ? try train(SGD(learningRate: 0.1)) : try train(Adam(learningRate: 0.01))
    let expected = try tensor(item.outputs, "losses").values
    #expect(zip(losses, expected).allSatisfy { ($0 - $1).magnitude < 1e-4 }, "\(losses) instead of \(expected)")
    #expect(losses[19] < losses[0])
    let predictions = try tensor(item.outputs, "predictions")
    #expect(zip(try model(x).values, predictions.values).allSatisfy { ($0 - $1).magnitude < 1e-4 })
  }

  @Test func `name their weights as tensors, and leave out what is none`() throws {
    let item = try #require(try ONNXCase.load("torch").first { $0.name == "masked pooling, torchscript, opset 13" })
    var model = try ONNXModel(bytes: item.model)
    let names = model.namedTensors.map(\.name)
    #expect(names.contains("head.weight"))
    #expect(model.parameterNames.contains("batch_norm.running_mean"))
    #expect(!names.contains("batch_norm.running_mean"))
    model.learnedNames = ["head.weight"]
    #expect(model.namedTensors.map(\.name) == ["head.weight"])
  }

  @Test func `say what they expect`() throws {
    let item = try #require(try ONNXCase.load("torch").first { $0.name == "states, torchscript, opset 13" })
    let model = try ONNXModel(bytes: item.model)
    #expect(model.inputs.map(\.name) == ["x", "h", "c"])
    #expect(model.inputs[0].shape == [nil, nil, 3] && model.inputs[1].shape == [2, nil, 4])
    #expect(model.outputs.map(\.name) == ["y", "h_out", "c_out"])

    func message(_ change: (inout [String: NumericArray]) -> Void) -> String {
      var inputs = item.inputs
      change(&inputs)
      do throws(DataError) {
        _ = try model.run(inputs)
        return ""
      } catch {
        #expect(error.code == .wrongInput)
        return error.description
      }
    }
    #expect(
      message { $0["h"] = nil }
        == "the input 'h' is missing; the model has 'x': float [?, ?, 3]; 'h': float [2, ?, 4]; 'c': float [2, ?, 4]")
    #expect(message { $0["z"] = $0["h"] }.hasPrefix("the model has no input 'z'; it has 'x'"))
    #expect(
      message { $0["x"] = NumericArray([1, 2] as [Float], shape: [2]) }.hasPrefix(
        "the input 'x' is of type float and shape [2]"))
    #expect(message { $0["x"] = NumericArray([1, 2, 3] as [Float], shape: [1, 1, 3]) }.contains("(LSTM)"))
    // A state for another batch.
    #expect(message { $0["h"] = NumericArray([Float](repeating: 0, count: 40), shape: [2, 5, 4]) }.contains("(LSTM)"))
    // Nothing that is of no sequences or no steps stops the program.
    for (time, batch) in [(0, 3), (2, 0), (0, 0)] {
      let count = 2 * batch * 4
      let results = try model.run([
        "x": NumericArray([Float](repeating: 1, count: time * batch * 3), shape: [time, batch, 3]),
        "h": NumericArray([Float](repeating: 1, count: count), shape: [2, batch, 4]),
        "c": NumericArray([Float](repeating: 1, count: count), shape: [2, batch, 4]),
      ])
      #expect(results["y"]?.shape == [time, batch, 4] && results["h_out"]?.shape == [2, batch, 4])
    }
  }

  @Test func `name all operators that are missing at once`() throws {
    let error = #expect(throws: DataError.self) {
      try ONNXModel(
        bytes: modelBytes(
          of: [
            node("SequenceMap", name: "repeat", outputs: ["a"]), node("STFT", name: "spectrum", outputs: ["b"]),
            node("Gelu", domain: "com.microsoft", outputs: ["c"]),
          ], output: "c"))
    }
    #expect(error?.code == .unsupportedContent)
    #expect(
      error?.problem
        == "these operators are not supported: SequenceMap (node 'repeat', which runs a graph of its own), "
        + "STFT (node 'spectrum'), com.microsoft.Gelu (node 'c')")
  }

  @Test func `have the branch of an If in its place where it is always the same`() throws {
    func branch(_ operation: String, _ name: String) -> ONNXMessage.Graph {
      ONNXMessage.Graph(
        nodes: [node(operation, inputs: ["x"], outputs: [name])], outputs: [ONNXMessage.ValueInfo(name: name)])
    }
    func model(_ condition: Bool, taken: String = "Neg", other: String = "STFT") throws -> ONNXModel {
      var choice = node("If", inputs: ["c"], outputs: ["y"])
      choice.attributes = [("then_branch", condition), ("else_branch", !condition)].map { name, isTaken in
        ONNXMessage.Attribute(name: name, graph: branch(isTaken ? taken : other, "r\(name)"))
      }
      return try ONNXModel(
        bytes: modelBytes(of: [choice], output: "y") { model in
          model.graph?.initializers = [ONNXMessage.Tensor(type: 9, int32s: [condition ? 1 : 0], name: "c")]
        })
    }
    let input = NumericArray([1, -2] as [Float], shape: [2])
    for condition in [true, false] {
      // The other branch has an operator that nobody knows.
      let graph = try model(condition)
      #expect(graph.graph.nodes.map(\.operation) == ["Neg"])
      #expect(try graph.run(["x": input])["y"]?.values == .floats([-1, 2]))
      #expect(throws: DataError.self) { try model(condition, taken: "STFT", other: "Neg") }
    }
  }

  @Test func `end between two nodes when the task that they run in is canceled`() async throws {
    let item = try #require(try ONNXCase.load("torch").first)
    let (model, inputs) = (try ONNXModel(bytes: item.model), item.inputs)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      _ = try model.run(inputs)
    }
    task.cancel()
    do {
      try await task.value
      Issue.record("it ran to its end")
    } catch let error as DataError { #expect(error.code == .canceled) }
  }

  @Test func `refuse graphs that contradict themselves`() throws {
    func code(_ nodes: [ONNXMessage.Node], output: String, _ change: (inout ONNXMessage.Model) -> Void = { _ in })
      -> DataError.Code?
    {
      do throws(DataError) {
        _ = try ONNXModel(bytes: modelBytes(of: nodes, output: output, change))
        return nil
      } catch {
        return error.code
      }
    }
    let first = node("Relu", inputs: ["x"], outputs: ["a"])
    #expect(code([first], output: "a") == nil)
    #expect(
      code([node("Relu", inputs: ["b"], outputs: ["a"]), node("Relu", inputs: ["a"], outputs: ["b"])], output: "a")
        == .damagedFile)
    #expect(code([first, first], output: "a") == .damagedFile)
    #expect(code([first], output: "b") == .damagedFile)
    #expect(code([node("Relu", inputs: ["x", "x"], outputs: ["a"])], output: "a") == .unsupportedContent)
    #expect(code([first], output: "a") { $0.operatorSets[0].version = 6 } == .unsupportedContent)
    #expect(code([first], output: "a") { $0.operatorSets[0].version = 29 } == .unsupportedContent)
    #expect(code([first], output: "a") { $0.formatVersion = 99 } == .unsupportedContent)
    // A shape of more than there is, and values beyond the model's folder.
    var large = ONNXMessage.Tensor(shape: [1 << 40, 1 << 40], type: 1, name: "w")
    #expect(code([first], output: "a") { $0.graph?.initializers = [large] } == .damagedFile)
    large.shape = [1 << 40]
    #expect(code([first], output: "a") { $0.graph?.initializers = [large] } == .damagedFile)
    large.bytes = [0, 0, 0, 0]
    #expect(code([first], output: "a") { $0.graph?.initializers = [large] } == .damagedFile)
    large.bytes = nil
    large.location = ONNXMessage.Tensor.external
    #expect(code([first], output: "a") { $0.graph?.initializers = [large] } == .unsupportedContent)
  }

  @Test func `do not grow without end`() throws {
    // Each node doubles what it has.
    var nodes = (0..<12).map { node("Concat", inputs: ["v\($0)", "v\($0)"], outputs: ["v\($0 + 1)"]) }
    for index in nodes.indices {
      nodes[index].attributes = [.attribute("axis", .integer(0))]
    }
    nodes.insert(node("Identity", inputs: ["x"], outputs: ["v0"]), at: 0)
    var model = try ONNXModel(bytes: modelBytes(of: nodes, output: "v12"))
    let inputs = ["x": NumericArray([1, 2] as [Float], shape: [2])]
    #expect(try model.run(inputs)["v12"]?.shape == [8192])
    model.largestValue = 4096
    let error = #expect(throws: DataError.self) { try model.run(inputs) }
    #expect(error?.code == .wrongInput)
    // Half a million empty nodes in a megabyte.
    let bytes = forged(nodes: 500_000)
    let refusal = #expect(throws: DataError.self) { try ONNXModel(bytes: bytes) }
    #expect(refusal?.problem.contains("more than ten times its size") == true)
  }

  @Test func `read values from plain files beside them, and from nowhere else`() throws {
    let folder = URL(filePath: temporaryPath())
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let values: [Float] = [9, 1, 2, 3]
    try Data(values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } })
      .write(to: folder.appendingPathComponent("model.data"))
    try FileManager.default.createSymbolicLink(atPath: path("link.data"), withDestinationPath: path("model.data"))
    func read(
      _ location: String, offset: String = "4", length: String? = "12", count: Int = 3
    ) throws(DataError) -> [Float]? {
      let entries = [("location", location), ("offset", offset), ("length", length)].compactMap { key, value in
        value.map { ONNXMessage.Entry(key: key, value: $0) }
      }
      let weights = ONNXMessage.Tensor(
        shape: [count], type: 1, name: "w", externalData: entries, location: ONNXMessage.Tensor.external)
      let bytes = modelBytes(of: [node("Add", inputs: ["x", "w"], outputs: ["y"])], output: "y") {
        $0.graph?.initializers = [weights]
      }
      try writeAtomically(bytes, to: path("model.onnx"))
      let model = try ONNXModel(contentsOf: path("model.onnx"))
      return try model.run(["x": NumericArray([0, 0, 0] as [Float], shape: [3])])["y"]?.values.floats
    }
    #expect(try read("model.data") == [1, 2, 3])
    #expect(try read("model.data", length: nil) == [1, 2, 3])
    func code(_ body: () throws(DataError) -> [Float]?) -> DataError.Code? { dataError(body)?.code }
    #expect(
      code { () throws(DataError) in try read("../\(folder.lastPathComponent)/model.data") } == .unsupportedContent)
    #expect(code { () throws(DataError) in try read(path("model.data")) } == .unsupportedContent)
    #expect(code { () throws(DataError) in try read("..") } == .unsupportedContent)
    #expect(code { () throws(DataError) in try read("link.data") } == .missingFile)
    #expect(code { () throws(DataError) in try read("none.data") } == .missingFile)
    #expect(code { () throws(DataError) in try read("model.data", offset: "8") } == .damagedFile)
    #expect(code { () throws(DataError) in try read("model.data", offset: "-4") } == .damagedFile)
    #expect(code { () throws(DataError) in try read("model.data", offset: "9223372036854775807") } == .damagedFile)
    #expect(code { () throws(DataError) in try read("model.data", length: "16") } == .damagedFile)
    #expect(code { () throws(DataError) in try read("model.data", length: nil, count: 1 << 40) } == .damagedFile)
  }

  /// The bytes of a model whose graph holds so many empty nodes.
  private func forged(nodes: Int) -> [UInt8] {
    let graph = [[UInt8]](repeating: [0x0A, 0x00], count: nodes).flatMap(\.self)
    var length: [UInt8] = []
    var rest = graph.count
    while rest >= 0x80 {
      length.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return [0x08, 0x08, 0x3A] + length + [UInt8(rest)] + graph
  }
}

/// A node without attributes.
private func node(
  _ operation: String, domain: String = "", name: String = "", inputs: [String] = [], outputs: [String]
) -> ONNXMessage.Node {
  ONNXMessage.Node(inputs: inputs, outputs: outputs, name: name, operation: operation, domain: domain)
}

/// A model with one input `x`, a vector, and one output.
private func modelBytes(
  of nodes: [ONNXMessage.Node], output: String, _ change: (inout ONNXMessage.Model) -> Void = { _ in }
) -> [UInt8] {
  let graph = ONNXMessage.Graph(
    nodes: nodes, inputs: [.port("x", .float32, [.named("n")])], outputs: [.port(output, .float32, [.named("n")])])
  var model = ONNXMessage.Model(formatVersion: 8, graph: graph, operatorSets: [.init(version: 17)])
  change(&model)
  return model.encoded()
}
