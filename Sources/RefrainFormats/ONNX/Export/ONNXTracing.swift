import Refrain

/// A ``Trace`` that becomes part of a graph: what each of its values is there.
struct ONNXTracing {
  private let trace: Trace
  private var values: [ONNXGraphValue?]

  /// - Parameter inputs: what the trace's inputs are, in their order.
  init(_ trace: Trace, inputs: [ONNXGraphValue]) {
    self.trace = trace
    values = inputs + Array(repeating: nil, count: trace.shapes.count - inputs.count)
  }

  /// What a value of the trace is.
  subscript(value: Int) -> ONNXGraphValue? {
    get { values[value] }
    set { values[value] = newValue }
  }

  /// Adds some of the trace's operations to a graph, those before them being there.
  ///
  /// - Parameters:
  ///   - nodes: their numbers, in rising order.
  ///   - batch: the size of the batch, int64 `[1]`.
  mutating func add(_ nodes: [Int], batch: ONNXGraphValue, to graph: inout ONNXGraphBuilder) {
    for node in nodes.map({ trace.nodes[$0] }) {
      let shape = trace.shapes[node.results.lowerBound]
      var operands: [ONNXGraphValue] = []
      for operand in node.operands {
        operands.append(self.operand(operand, of: node, batch: batch, to: &graph))
      }
      guard let export = node.operation.onnxExport else {
        preconditionFailure("the operation '\(node.operation.name)' was to be refused before")
      }
      let results = export(
        ONNXOperands(values: operands, shapes: node.operands.map(self.shape), rank: shape.count, batch: batch), &graph)
      for (number, result) in zip(node.results, results) { values[number] = result }
    }
  }

  /// What one of the trace's outputs is.
  func output(_ index: Int, batch: ONNXGraphValue, to graph: inout ONNXGraphBuilder) -> ONNXGraphValue {
    operand(trace.outputs[index], of: nil, batch: batch, to: &graph)
  }

  private func shape(_ operand: Trace.Operand) -> [Int] {
    switch operand {
    case .value(let number): trace.shapes[number]
    case .constant(let tensor): tensor.shape
    case .filled(_, let shape): shape
    }
  }

  private func operand(
    _ operand: Trace.Operand, of node: Trace.Node?, batch: ONNXGraphValue, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    switch operand {
    case .value(let number): return values[number] ?? graph.scalar(.nan)
    case .constant(let tensor):
      let numbers = tensor.values
      guard let first = numbers.first, numbers.allSatisfy({ $0 == first }) else {
        return graph.weight("constant", tensor)
      }
      return self.operand(.filled(first, shape: tensor.shape), of: node, batch: batch, to: &graph)
    case .filled(let value, let shape):
      if shape.isEmpty || isBroadcast(shape, in: node) { return graph.scalar(value) }
      return graph.expanded(graph.scalar(value), to: shape, batch: batch)
    }
  }

  /// Whether another operand gives the result its shape, so that one number will do.
  private func isBroadcast(_ shape: [Int], in node: Trace.Node?) -> Bool {
    guard let node, node.operation is Operations.Binary else { return false }
    return node.operands.contains { operand in
      guard case .value(let number) = operand else { return false }
      return trace.shapes[number] == trace.shapes[node.results.lowerBound]
    }
  }
}

extension Trace {
  /// Refuses a trace with an operation that cannot be written to a graph.
  func checkONNX() throws(Refusal) {
    for node in nodes where node.operation.onnxExport == nil { throw .operation(node.operation.name) }
  }

  /// The values that an operation takes.
  private func taken(_ operands: [Operand]) -> [Int] {
    operands.compactMap { operand in
      guard case .value(let number) = operand else { return nil }
      return number
    }
  }

  /// The operations in two parts, and the values that the second takes of what the first gives or is given: those of
  /// the first depend on the input 0 alone, besides what is the same for all rows, and keep the rows apart. They can be
  /// done for all steps at once.
  ///
  /// - Parameter constants: the inputs that are the same for all rows.
  func divided(constants: Range<Int>) -> (ahead: [Int], within: [Int], between: [Int]) {
    enum Kind: Int { case constant, ahead, within }
    var kinds = [Kind](repeating: .within, count: shapes.count)
    kinds[0] = .ahead
    for number in constants { kinds[number] = .constant }
    var (ahead, within) = ([Int](), [Int]())
    var wanted = Set(taken(outputs))
    for (index, node) in nodes.enumerated() {
      let taken = taken(node.operands)
      var kind = taken.map { kinds[$0] }.max { $0.rawValue < $1.rawValue } ?? .constant
      let results = node.results.map { shapes[$0] }
      switch kind {
      case .constant where results.contains { $0.contains(-1) }: kind = .within
      case .ahead where !results.allSatisfy { $0.first == -1 && !$0.dropFirst().contains(-1) }: kind = .within
      case .ahead where (node.operation as? Operations.Concatenate)?.axis == 0: kind = .within
      default: break
      }
      for number in node.results { kinds[number] = kind }
      if kind == .within {
        within.append(index)
        wanted.formUnion(taken)
      } else {
        ahead.append(index)
      }
    }
    return (ahead, within, wanted.filter { kinds[$0] == .ahead }.sorted())
  }
}
