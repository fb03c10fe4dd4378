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
    let protos = try seeds.map { try ONNXMessage.Model(encoded: $0.model) }
    let operators = ONNXOperators.all.keys.sorted()
    var generator = RandomGenerator(seed: 7)
    var (read, ran, longest) = (0, 0, Duration.zero)
    let clock = ContinuousClock()
    for round in 0..<25_000 {
      let seed = seeds[round % seeds.count]
      var proto = protos[round % seeds.count]
      var inputs = seed.inputs
      var graph = try #require(proto.graph)
      for _ in 0...below(2, &generator) { change(&graph, &inputs, operators: operators, using: &generator) }
      proto.graph = graph
      let bytes = proto.encoded()
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
    _ graph: inout ONNXMessage.Graph, _ inputs: inout [String: NumericArray], operators: [String],
    using generator: inout RandomGenerator
  ) {
    // Now and then within a body.
    let loop = graph.nodes.firstIndex { ["Scan", "If", "Loop"].contains($0.operation) }
    if let loop, let place = graph.nodes[loop].attributes.firstIndex(where: { $0.graph != nil }),
      var body = graph.nodes[loop].attributes[place].graph, below(2, &generator) == 0
    {
      change(&body, &inputs, operators: operators, using: &generator)
      graph.nodes[loop].attributes[place].graph = body
      return
    }
    let odd = [0, 1, -1, 2, 3, -2, 7, 63, 1 << 31, Int.max, Int.min, -(1 << 31), 1 << 40]
    func oddNumber() -> Int { odd[below(odd.count, &generator)] }
    let node = below(max(graph.nodes.count, 1), &generator)
    let names = graph.inputs.map(\.name) + graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs)
    guard !graph.nodes.isEmpty, !names.isEmpty else { return }
    switch below(9, &generator) {
    case 0: graph.nodes[node].operation = operators[below(operators.count, &generator)]
    case 1, 2:
      guard !graph.nodes[node].attributes.isEmpty else { return }
      let attribute = below(graph.nodes[node].attributes.count, &generator)
      if graph.nodes[node].attributes[attribute].integer != nil {
        graph.nodes[node].attributes[attribute].integer = oddNumber()
      }
      if graph.nodes[node].attributes[attribute].float != nil {
        graph.nodes[node].attributes[attribute].float = [0, -1, .nan, .infinity, 1e30][below(5, &generator)]
      }
      let count = graph.nodes[node].attributes[attribute].integers.count
      if count > 0 { graph.nodes[node].attributes[attribute].integers[below(count, &generator)] = oddNumber() }
      if below(4, &generator) == 0 { graph.nodes[node].attributes.remove(at: attribute) }
    case 3:
      guard !graph.nodes[node].inputs.isEmpty else { return }
      graph.nodes[node].inputs[below(graph.nodes[node].inputs.count, &generator)] =
        names[below(names.count, &generator)]
    case 4: graph.nodes[node].inputs.append(names[below(names.count, &generator)])
    case 5: if !graph.nodes[node].inputs.isEmpty { graph.nodes[node].inputs.removeLast() }
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
      for index in graph.inputs.indices where graph.inputs[index].name == name {
        graph.inputs[index].type?.tensor?.shape = nil
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
