/// What a function of tensors does, as a list of operations: to be done faster, or elsewhere.
///
/// A function can be traced whose operations do not depend on the values it is given. Whether they do cannot be seen
/// from within; ``ofRows(_:shared:_:)`` therefore traces twice, with other values and another number of rows.
package final class Trace: Recorder, @unchecked Sendable {
  /// What an operation is done to.
  package enum Operand: Sendable {
    /// The value of that number: an input, or a result.
    case value(Int)
    /// What the function brought along.
    case constant(Tensor)
    /// One value in all places of a shape, in which −1 is the batch.
    case filled(Float, shape: [Int])
  }

  /// An operation and what it is done to.
  package struct Node: Sendable {
    package var operation: any Operation
    package var operands: [Operand]
    /// The numbers of the values it gives.
    package var results: Range<Int>
  }

  /// Why a function has no trace, or why what has one cannot be compiled or exported.
  package enum Refusal: Error, Equatable, CustomStringConvertible {
    /// An operation stands in the way; `detail`, where it is not empty, says in which form.
    case operation(String, detail: String = "")
    /// Its operations depend on the values it is given, or it reads values without an operation.
    case dependsOnValues
    /// Something other than an operation stands in the way.
    case other(String)

    package var description: String {
      switch self {
      case .operation(let name, let detail): "the operation '\(name)'" + (detail.isEmpty ? "" : " \(detail)")
      case .dependsOnValues: "operations that depend on the values they are given"
      case .other(let reason): reason
      }
    }
  }

  private let identifier = Recording.makeIdentifier()
  /// In the order in which they were done.
  package private(set) var nodes: [Node] = []
  /// The shape of every value; the inputs come first.
  package private(set) var shapes: [[Int]] = []
  /// What the function gives.
  package private(set) var outputs: [Operand] = []

  private func watch(_ tensor: Tensor) -> Tensor {
    var tensor = tensor
    tensor.place = Recording.Place(recorder: identifier, slot: shapes.count)
    shapes.append(tensor.shape)
    return tensor
  }

  private func operand(_ tensor: Tensor) -> Operand {
    follows(tensor) ? .value(tensor.place.slot) : .constant(tensor)
  }

  // MARK: - Recording

  /// Whether the function looked at a value: what it did then may depend on it.
  private var hasReadValues = false

  func noteReading(of tensor: Tensor) { if follows(tensor) { hasReadValues = true } }

  var isDifferentiating: Bool { false }

  func follows(_ tensor: Tensor) -> Bool { tensor.place.recorder == identifier }

  func record(
    _ operation: @autoclosure () -> any Operation, of operands: [Tensor], _ result: Tensor, edges: () -> [GradientEdge?]
  ) -> Tensor {
    add(operation(), operands, [result])[0]
  }

  func record(
    _ operation: @autoclosure () -> any Operation, of operands: [Tensor], _ results: [Tensor],
    pullback: @escaping JointPullback
  ) -> [Tensor] {
    add(operation(), operands, results)
  }

  /// Adds an operation, or the others that are its formula, unless it is one of constants.
  private func add(_ operation: any Operation, _ operands: [Tensor], _ results: [Tensor]) -> [Tensor] {
    guard operands.contains(where: follows) else { return results }
    if let formula = operation.formula(operands) { return formula }
    let operands = operands.map(operand)
    let first = shapes.count
    let results = results.map(watch)
    nodes.append(Node(operation: operation, operands: operands, results: first..<shapes.count))
    return results
  }

  private init(_ inputs: [Tensor], _ body: ([Tensor]) -> [Tensor]) {
    let watched = inputs.map(watch)
    outputs = Recording.run(self) { body(watched).map(operand) }
  }

  /// Traces a function of rows, each of which is computed alone.
  ///
  /// - Parameters:
  ///   - rows: the shape of each input without its batch axis.
  ///   - shared: inputs that are the same for all rows, such as weights.
  ///   - body: the function; it is given the rows `[B, …]`, then what is shared.
  /// - Returns: the trace, in which sizes that follow the batch are −1.
  /// - Throws: where the function's operations depend on the values, or cannot be done again.
  package static func ofRows(
    _ rows: [[Int]], shared: [Tensor], _ body: ([Tensor]) -> [Tensor]
  ) throws(Refusal) -> Trace {
    var generator = RandomGenerator(seed: 1)
    func trace(_ batch: Int, _ shared: [Tensor]) -> Trace {
      Trace(rows.map { .normal([batch] + $0, using: &generator) } + shared, body)
    }
    // What is made of weights without an operation would otherwise pass for a constant.
    let (one, other) = (trace(2, shared), trace(3, shared.map { $0.detached * 0.9 + 0.01 }))
    for node in one.nodes + other.nodes where node.operation is Operations.Opaque {
      throw .operation(node.operation.name)
    }
    if one.hasReadValues || other.hasReadValues { throw .dependsOnValues }
    try one.generalize(with: other)
    return one
  }

  /// Makes this trace, of a batch of one size, one for a batch of any size.
  ///
  /// - Parameter other: the trace of the same function for a batch of another size.
  private func generalize(with other: Trace) throws(Refusal) {
    guard
      nodes.count == other.nodes.count, shapes.count == other.shapes.count, outputs.count == other.outputs.count
    else { throw .dependsOnValues }
    for index in nodes.indices {
      let (node, twin) = (nodes[index], other.nodes[index])
      guard
        let operation = node.operation.generalized(withAny: twin.operation), node.results == twin.results,
        node.operands.count == twin.operands.count
      else { throw .dependsOnValues }
      nodes[index].operation = operation
      for (place, pair) in zip(node.operands, twin.operands).enumerated() {
        nodes[index].operands[place] = try pair.0.generalized(with: pair.1)
      }
    }
    for (index, pair) in zip(outputs, other.outputs).enumerated() {
      outputs[index] = try pair.0.generalized(with: pair.1)
    }
    for index in shapes.indices {
      guard shapes[index].count == other.shapes[index].count else { throw .dependsOnValues }
      shapes[index] = zip(shapes[index], other.shapes[index]).map { $0 == $1 ? $0 : -1 }
    }
  }

  /// The function at other inputs.
  package func callAsFunction(_ inputs: [Tensor]) -> [Tensor] {
    var values = inputs
    let batch = inputs[0].shape[0]
    func tensor(_ operand: Operand) -> Tensor {
      switch operand {
      case .value(let number): values[number]
      case .constant(let tensor): tensor
      case .filled(let value, let shape): Tensor(repeating: value, shape: shape.map { $0 == -1 ? batch : $0 })
      }
    }
    for node in nodes { values += node.operation.replay(node.operands.map(tensor), batch: batch) }
    return outputs.map(tensor)
  }
}

extension Trace.Operand {
  /// The operand for a batch of any size; refused where the two differ in more than that.
  fileprivate func generalized(with other: Trace.Operand) throws(Trace.Refusal) -> Trace.Operand {
    switch (self, other) {
    case (.value(let number), .value(let twin)) where number == twin: return self
    case (.constant(let tensor), .constant(let twin)):
      if tensor == twin { return self }
      let values = tensor.values
      // By their bits: NaN, which stands for what is missing, is not equal to itself.
      guard
        tensor.rank == twin.rank, let first = values.first,
        (values + twin.values).allSatisfy({ $0.bitPattern == first.bitPattern })
      else { throw .dependsOnValues }
      return .filled(first, shape: zip(tensor.shape, twin.shape).map { $0 == $1 ? $0 : -1 })
    default: throw .dependsOnValues
    }
  }
}
