import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

@Suite struct `Damaged ONNX models` {
  /// Small models of many operators, each with inputs that fit it.
  private static func seeds() throws -> [ONNXCase] {
    let nodes = try ONNXCase.load("nodes").filter { $0.model.count < 1500 }
    let chosen = stride(from: 0, to: nodes.count, by: 4).map { nodes[$0] }
    let others = try ONNXCase.load("recurrent").prefix(12) + ONNXCase.load("torch").filter { $0.model.count < 4000 }
    let few = try ONNXCase.load("nodes_more").filter { $0.model.count < 1500 }
    return chosen + others + few + (try ONNXCase.load("nodes_recurrent") + loops())
  }

  private static func loops() throws -> [ONNXCase] {
    let loops = try ONNXCase.load("scan")
    let flow = try ONNXCase.load("flow")
    return try ONNXCase.load("nodes_scan") + stride(from: 0, to: loops.count, by: 4).map { loops[$0] } + loops.suffix(4)
      + flow
  }

  @Test func `with loops give an error or a result, whatever is changed`() async {
    await #expect(processExitsWith: .success) {
      let seeds = try Self.loops()
      var inputs: [String: NumericArray] = [:]
      for seed in seeds { inputs.merge(seed.inputs) { $1 } }
      try fuzz(seeds.map(\.model), count: 50_000) { bytes in
        var model = try ONNXModel(bytes: bytes)
        model.largestValue = 1 << 12
        _ = try model.run(inputs.filter { input in model.inputs.contains { $0.name == input.key } })
      }
    }
  }

  @Test func `give an error or a result, whatever is changed`() async {
    await #expect(processExitsWith: .success) {
      let seeds = try Self.seeds()
      var inputs: [String: NumericArray] = [:]
      for seed in seeds { inputs.merge(seed.inputs) { $1 } }
      try fuzz(seeds.map(\.model), count: 100_000) { bytes in
        var model = try ONNXModel(bytes: bytes)
        model.largestValue = 1 << 12
        _ = try model.run(inputs.filter { input in model.inputs.contains { $0.name == input.key } })
      }
    }
  }

  @Test func `with whole messages but senseless contents give an error or a result too`() throws {
    let seeds = try Self.seeds()
    let protos = try seeds.map { try Onnx_ModelProto(serializedBytes: $0.model) }
    let operators = ONNXOperators.all.keys.sorted()
    var generator = RandomGenerator(seed: 7)
    var (read, ran, longest) = (0, 0, Duration.zero)
    let clock = ContinuousClock()
    for round in 0..<25_000 {
      let seed = seeds[round % seeds.count]
      var proto = protos[round % seeds.count]
      var inputs = seed.inputs
      for _ in 0...below(2, &generator) {
        change(&proto.graph, &inputs, operators: operators, using: &generator)
      }
      let bytes: [UInt8] = try proto.serializedBytes()
      let time = clock.measure {
        guard var model = try? ONNXModel(bytes: bytes) else { return }
        read += 1
        model.largestValue = 1 << 14
        guard (try? model.run(inputs)) != nil else { return }
        ran += 1
        // The backward pass must not stop the program either.
        guard ran % 4 == 0, inputs.values.allSatisfy({ $0.type == .float32 }) else { return }
        let point = inputs.keys.sorted().compactMap { name in
          inputs[name].map { Tensor($0.values.floats, shape: $0.shape) }
        }
        let differentiable = model
        _ = try? valueAndGradient(at: point) { (tensors) throws(DataError) in
          let outputs = try differentiable(Dictionary(uniqueKeysWithValues: zip(inputs.keys.sorted(), tensors)))
          return outputs.values.reduce(Tensor(0)) { $0 + $1.sum() }
        }
      }
      longest = max(longest, time)
    }
    #expect(longest < .seconds(1), "a model took \(longest)")
    #expect(read > 12_000 && ran > 4_000, "\(read) models were read, and \(ran) ran")
  }

  private func below(_ bound: Int, _ generator: inout RandomGenerator) -> Int {
    min(bound - 1, Int(generator.uniform() * Float(bound)))
  }

  /// One change of a node, an initializer or an input.
  private func change(
    _ graph: inout Onnx_GraphProto, _ inputs: inout [String: NumericArray], operators: [String],
    using generator: inout RandomGenerator
  ) {
    // Now and then within a body.
    let loop = graph.node.firstIndex { ["Scan", "If", "Loop"].contains($0.opType) }
    if let loop, let body = graph.node[loop].attribute.firstIndex(where: \.hasG), below(2, &generator) == 0 {
      return change(&graph.node[loop].attribute[body].g, &inputs, operators: operators, using: &generator)
    }
    let odd = [0, 1, -1, 2, 3, -2, 7, 63, 1 << 31, Int.max, Int.min, -(1 << 31), 1 << 40]
    func oddNumber() -> Int { odd[below(odd.count, &generator)] }
    let node = below(max(graph.node.count, 1), &generator)
    let names = graph.input.map(\.name) + graph.initializer.map(\.name) + graph.node.flatMap(\.output)
    guard !graph.node.isEmpty, !names.isEmpty else { return }
    switch below(9, &generator) {
    case 0: graph.node[node].opType = operators[below(operators.count, &generator)]
    case 1, 2:
      guard !graph.node[node].attribute.isEmpty else { return }
      let attribute = below(graph.node[node].attribute.count, &generator)
      if graph.node[node].attribute[attribute].hasI { graph.node[node].attribute[attribute].i = Int64(oddNumber()) }
      if graph.node[node].attribute[attribute].hasF {
        graph.node[node].attribute[attribute].f = [0, -1, .nan, .infinity, 1e30][below(5, &generator)]
      }
      let count = graph.node[node].attribute[attribute].ints.count
      if count > 0 { graph.node[node].attribute[attribute].ints[below(count, &generator)] = Int64(oddNumber()) }
      if below(4, &generator) == 0 { graph.node[node].attribute.remove(at: attribute) }
    case 3:
      guard !graph.node[node].input.isEmpty else { return }
      graph.node[node].input[below(graph.node[node].input.count, &generator)] = names[below(names.count, &generator)]
    case 4: graph.node[node].input.append(names[below(names.count, &generator)])
    case 5: if !graph.node[node].input.isEmpty { graph.node[node].input.removeLast() }
    default:
      guard let name = inputs.keys.sorted().dropFirst(below(max(inputs.count, 1), &generator)).first,
        var array = inputs[name]
      else { return }
      switch (array.values, below(3, &generator)) {
      case (.integers(var values), 0) where !values.isEmpty:
        values[below(values.count, &generator)] = oddNumber()
        array.values = .integers(values)
      case (.floats(var values), 0) where !values.isEmpty:
        values[below(values.count, &generator)] = [.nan, .infinity, -1e30, 0][below(4, &generator)]
        array.values = .floats(values)
      case (_, 1):
        // The same values under another shape.
        array.shape = below(2, &generator) == 0 ? [array.values.count] : [1] + array.shape.reversed()
      default:
        var shape = array.shape
        if shape.isEmpty { shape = [1] }
        shape[below(shape.count, &generator)] = below(4, &generator)
        array = resized(array, shape)
      }
      inputs[name] = array
      // The port takes what comes.
      for index in graph.input.indices where graph.input[index].name == name {
        graph.input[index].type.tensorType.clearShape()
      }
    }
  }

  /// The first values of an array, repeated as often as a shape wants.
  private func resized(_ array: NumericArray, _ shape: [Int]) -> NumericArray {
    let count = shape.reduce(1, *)
    func fill<Value>(_ values: [Value], _ absent: Value) -> [Value] {
      (0..<count).map { values.isEmpty ? absent : values[$0 % values.count] }
    }
    let values: NumericArray.Values =
      switch array.values {
      case .floats(let values): .floats(fill(values, 0))
      case .integers(let values): .integers(fill(values, 0))
      case .booleans(let values): .booleans(fill(values, false))
      }
    return NumericArray(type: array.type, shape: shape, values: values)
  }
}
