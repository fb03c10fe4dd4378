import Synchronization

/// What a function of tensors does, as a list of operations: to be done faster, or elsewhere.
///
/// A function can be traced whose operations do not depend on the values it is given. Whether they do cannot be seen
/// from within; ``ofRows(_:shared:_:)`` therefore traces twice, with other values and another number of rows.
package final class Trace: @unchecked Sendable {
  /// What an operation is done to.
  package enum Operand: Sendable {
    /// The value of that number: an input, or a result.
    case value(Int)
    /// What the function brought along.
    case constant(Tensor)
    /// One value in all places of a shape, in which −1 is the batch.
    case filled(Float, shape: [Int])
  }

  package struct Node: Sendable {
    package var operation: Operation
    package var operands: [Operand]
    /// The numbers of the values it gives.
    package var results: Range<Int>
  }

  @TaskLocal static var current: Trace?

  private let identifier = Tape.makeIdentifier()
  /// In the order in which they were done.
  package private(set) var nodes: [Node] = []
  /// The shape of every value; the inputs come first.
  package private(set) var shapes: [[Int]] = []
  /// What the function gives.
  package private(set) var outputs: [Operand] = []

  /// Whether the function looked at a value: what it did then may depend on it.
  private var hasReadValues = false

  /// Notes that the function looks at the values of a tensor.
  func noteReading(of tensor: Tensor) {
    if tensor.place.tape == identifier { hasReadValues = true }
  }

  private func watch(_ tensor: Tensor) -> Tensor {
    var tensor = tensor
    tensor.place = Tape.Place(tape: identifier, slot: shapes.count)
    shapes.append(tensor.shape)
    return tensor
  }

  private func operand(_ tensor: Tensor) -> Operand {
    tensor.place.tape == identifier ? .value(tensor.place.slot) : .constant(tensor)
  }

  /// Adds an operation unless it is one of constants.
  func add(_ operation: Operation, _ operands: [Tensor], _ results: [Tensor]) -> [Tensor] {
    guard operands.contains(where: { $0.place.tape == identifier }) else { return results }
    let operands = operands.map(operand)
    let first = shapes.count
    let results = results.map(watch)
    nodes.append(Node(operation: operation, operands: operands, results: first..<shapes.count))
    return results
  }

  private init(_ inputs: [Tensor], _ body: ([Tensor]) -> [Tensor]) {
    let watched = inputs.map(watch)
    outputs = Tape.$current.withValue(nil) {
      Trace.$current.withValue(self) { body(watched).map(operand) }
    }
  }

  /// Traces a function of rows, each of which is computed alone.
  ///
  /// - Parameters:
  ///   - rows: the shape of each input without its batch axis.
  ///   - shared: inputs that are the same for all rows, such as weights.
  ///   - body: the function; it is given the rows `[B, …]`, then what is shared.
  /// - Returns: the trace, in which sizes that follow the batch are −1; nil where the function's operations depend on
  ///   the values, or are unknown.
  package static func ofRows(
    _ rows: [[Int]], shared: [Tensor], _ body: ([Tensor]) -> [Tensor]
  ) -> Trace? {
    var generator = RandomGenerator(seed: 1)
    func trace(_ batch: Int, _ shared: [Tensor]) -> Trace {
      Trace(rows.map { .normal([batch] + $0, using: &generator) } + shared, body)
    }
    // What is made of weights by an operation that is unknown would otherwise pass for a constant.
    let (one, other) = (trace(2, shared), trace(3, shared.map { $0.detached * 0.9 + 0.01 }))
    guard
      !one.hasReadValues, !other.hasReadValues,
      one.nodes.count == other.nodes.count, one.shapes.count == other.shapes.count,
      one.outputs.count == other.outputs.count
    else { return nil }
    for index in one.nodes.indices {
      let (node, twin) = (one.nodes[index], other.nodes[index])
      guard
        let operation = node.operation.generalized(with: twin.operation), node.results == twin.results,
        node.operands.count == twin.operands.count
      else { return nil }
      one.nodes[index].operation = operation
      for (place, pair) in zip(node.operands, twin.operands).enumerated() {
        guard let operand = pair.0.generalized(with: pair.1) else { return nil }
        one.nodes[index].operands[place] = operand
      }
    }
    for (index, pair) in zip(one.outputs, other.outputs).enumerated() {
      guard let output = pair.0.generalized(with: pair.1) else { return nil }
      one.outputs[index] = output
    }
    for index in one.shapes.indices {
      guard one.shapes[index].count == other.shapes[index].count else { return nil }
      one.shapes[index] = zip(one.shapes[index], other.shapes[index]).map { $0 == $1 ? $0 : -1 }
    }
    return one
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
    for node in nodes { values += node.operation(node.operands.map(tensor), batch: batch) }
    return outputs.map(tensor)
  }
}

extension Trace.Operand {
  /// The operand for a batch of any size; nil where the two differ in more than that.
  fileprivate func generalized(with other: Trace.Operand) -> Trace.Operand? {
    switch (self, other) {
    case (.value(let number), .value(let twin)): return number == twin ? self : nil
    case (.constant(let tensor), .constant(let twin)):
      if tensor == twin { return self }
      let values = tensor.values
      guard
        tensor.rank == twin.rank, let first = values.first, (values + twin.values).allSatisfy({ $0 == first })
      else { return nil }
      return .filled(first, shape: zip(tensor.shape, twin.shape).map { $0 == $1 ? $0 : -1 })
    default: return nil
    }
  }
}

extension Tensor {
  /// The result of an operation, which the running trace, if there is one, takes down.
  @inline(__always)
  func traced(as operation: @autoclosure () -> Operation, of operands: @autoclosure () -> [Tensor]) -> Tensor {
    guard let trace = Trace.current else { return self }
    return trace.add(operation(), operands(), [self])[0]
  }
}
