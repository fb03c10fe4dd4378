import RefrainKernels

/// A trace of a step, put into the few forms that the compiler knows.
struct StepGraph {
  /// What an operation of rows is done to.
  enum Operand {
    /// A value of every row, by its number.
    case row(Int)
    /// An argument, by its number: the same for all rows.
    case argument(Int)
    /// One number.
    case filled(Float)

    var row: Int? { if case .row(let value) = self { value } else { nil } }
  }

  struct Node {
    var operation: Operation
    var operands: [Operand]
    var results: [Int]

    var result: Int { results[0] }
    var slice: Range<Int>? { if case .slice(let range, _) = operation { range } else { nil } }
  }

  private(set) var nodes: [Node] = []
  /// The columns of every value of a row.
  private(set) var widths: [Int: Int] = [:]
  /// For each value, the nodes that take it.
  private(set) var uses: [Int: [Int]] = [:]
  /// For each value, the node that gives it; an input has none.
  private(set) var producers: [Int: Int] = [:]
  /// What the cell shows, then the states after the step.
  private(set) var outputs: [Int] = []
  private(set) var arguments: [StepProgram.Argument] = []
  private(set) var shapes: [[Int]] = []
  /// The operations that make arguments.
  private(set) var prelude: [Trace.Node] = []

  let rowInputCount: Int
  private var isRow: [Bool]
  private var numbers: [Int: Int] = [:]
  /// The value that another one is.
  private var same: [Int: Operand] = [:]

  /// nil where the step has operations that are not compiled.
  init?(_ trace: Trace, rowInputs: Int) {
    rowInputCount = rowInputs
    isRow = trace.shapes.indices.map { $0 < rowInputs }
    for value in 0..<rowInputs {
      guard let width = Self.width(trace.shapes[value]) else { return nil }
      widths[value] = width
    }
    for node in trace.nodes {
      let isOfRows = node.operands.contains { if case .value(let value) = $0 { isRow[value] } else { false } }
      for result in node.results { isRow[result] = isOfRows }
      if isOfRows {
        guard add(node, of: trace) else { return nil }
      } else {
        prelude.append(node)
      }
    }
    for output in trace.outputs {
      // A state that is handed on as it came, or that does not depend on anything, has no place of its own.
      guard case .row(let value) = operand(output, of: trace), let producer = producers[value] else { return nil }
      if nodes[producer].slice != nil, nodes[producer].operands[0].row.map({ $0 < rowInputs }) == true { return nil }
      outputs.append(value)
    }
    removeUnused()
  }

  private static func width(_ shape: [Int]) -> Int? { shape.count == 2 && shape[0] == -1 ? shape[1] : nil }

  private mutating func operand(_ operand: Trace.Operand, of trace: Trace) -> Operand {
    switch operand {
    case .filled(let value, _): return .filled(value)
    case .constant(let tensor):
      arguments.append(.constant(tensor))
      shapes.append(tensor.shape)
      return .argument(arguments.count - 1)
    case .value(let value):
      if let same = same[value] { return same }
      if isRow[value] { return .row(value) }
      if let number = numbers[value] { return .argument(number) }
      numbers[value] = arguments.count
      arguments.append(.value(value))
      shapes.append(trace.shapes[value])
      return .argument(arguments.count - 1)
    }
  }

  /// Adds an operation of rows; false where it is not compiled.
  private mutating func add(_ traced: Trace.Node, of trace: Trace) -> Bool {
    let results = Array(traced.results)
    for result in results {
      guard let width = Self.width(trace.shapes[result]) else { return false }
      widths[result] = width
    }
    let operands = traced.operands.map { operand($0, of: trace) }
    var node = Node(operation: traced.operation, operands: operands, results: results)
    let width = widths[results[0]] ?? 0
    switch traced.operation {
    case .unary: break
    case .binary(.add), .binary(.subtract), .binary(.multiply):
      guard operands.allSatisfy({ fits($0, width) }) else { return false }
    case .reshape:
      guard let value = operands[0].row, widths[value] == width else { return false }
      same[results[0]] = operands[0]
      return true
    case .matrixProduct(false, true):
      guard isArgument(operands[1], rank: 2) else { return false }
      node.operation = .linear(nil)
    case .linear(let function):
      guard isArgument(operands[1], rank: 2), isArgument(operands[2], rank: 1) else { return false }
      guard let function else { break }
      let sums = trace.shapes.count + nodes.count
      widths[sums] = width
      append(Node(operation: .linear(nil), operands: operands, results: [sums]))
      node = Node(operation: .unary(function), operands: [.row(sums)], results: results)
    case .normalize:
      guard isArgument(operands[1], rank: 1), isArgument(operands[2], rank: 1) else { return false }
    case .gates:
      guard operands.allSatisfy({ $0.row != nil }) else { return false }
    case .slice(let range, axis: 1):
      guard let value = operands[0].row else { return false }
      if let producer = producers[value] {
        let source = nodes[producer]
        // A slice of a slice is one of the whole; a part of what was joined is what it was before.
        if let outer = source.slice {
          let whole = outer.lowerBound + range.lowerBound..<outer.lowerBound + range.upperBound
          node = Node(operation: .slice(whole, axis: 1), operands: source.operands, results: results)
        } else if case .concatenate = source.operation, let part = part(range, of: source) {
          same[results[0]] = .row(part)
          return true
        }
      }
    case .concatenate(axis: 1):
      // Of what is no value of rows there may be one part, as wide as the others leave it.
      let filled = operands.count { if case .filled = $0 { true } else { false } }
      guard operands.count(where: { $0.row != nil }) + min(filled, 1) == operands.count else { return false }
    default: return false
    }
    append(node)
    return true
  }

  private mutating func append(_ node: Node) {
    for result in node.results { producers[result] = nodes.count }
    nodes.append(node)
  }

  private func part(_ range: Range<Int>, of joined: Node) -> Int? {
    var start = 0
    for operand in joined.operands {
      guard let value = operand.row, let width = widths[value] else { return nil }
      if range == start..<start + width { return value }
      start += width
    }
    return nil
  }

  /// Whether an operand is as wide as the result, or one value for all columns or rows of it.
  private func fits(_ operand: Operand, _ width: Int) -> Bool {
    switch operand {
    case .row(let value): return widths[value] == width || widths[value] == 1
    case .argument(let number):
      let shape = shapes[number]
      return shape.product == 1 || shape == [width] || shape == [1, width]
    case .filled: return true
    }
  }

  private func isArgument(_ operand: Operand, rank: Int) -> Bool {
    if case .argument(let number) = operand { shapes[number].count == rank } else { false }
  }

  private mutating func removeUnused() {
    var used = Set(outputs)
    var kept: [Node] = []
    for node in nodes.reversed() where node.results.contains(where: used.contains) {
      kept.append(node)
      used.formUnion(node.operands.compactMap(\.row))
    }
    nodes = kept.reversed()
    producers = [:]
    for (index, node) in nodes.enumerated() {
      for result in node.results { producers[result] = index }
      for value in node.operands.compactMap(\.row) { uses[value, default: []].append(index) }
    }
  }
}

extension StepGraph {
  /// The slices of a value, if it is used in no other way and none overlaps another.
  func slices(of value: Int) -> [(value: Int, range: Range<Int>)]? {
    var slices: [(value: Int, range: Range<Int>)] = []
    for use in uses[value] ?? [] {
      guard let range = nodes[use].slice, !slices.contains(where: { $0.range.overlaps(range) }) else { return nil }
      slices.append((nodes[use].result, range))
    }
    return outputs.contains(value) || slices.isEmpty ? nil : slices
  }

  /// Whether a value is used once, and is no output.
  func isUsedOnce(_ value: Int) -> Bool { uses[value]?.count == 1 && !outputs.contains(value) }

  /// The values that the backward pass reads.
  var needed: Set<Int> {
    var needed: Set<Int> = []
    for node in nodes {
      switch node.operation {
      case .unary(let operation):
        if operation.derivativeNeeds.result { needed.insert(node.result) }
        if operation.derivativeNeeds.operand { needed.formUnion(node.operands.compactMap(\.row)) }
      case .binary(.multiply): needed.formUnion(node.operands.compactMap(\.row))
      case .linear, .normalize: needed.formUnion(node.operands.prefix(1).compactMap(\.row))
      case .gates: needed.formUnion(node.operands.dropFirst().compactMap(\.row))
      default: break
      }
    }
    return needed
  }
}

extension UnaryOperation {
  /// What the derivative is computed from.
  var derivativeNeeds: (operand: Bool, result: Bool) {
    switch self {
    case .negate: (false, false)
    case .tanh, .sigmoid, .exponential, .squareRoot, .reciprocal: (false, true)
    case .logarithm, .square, .absolute, .relu: (true, false)
    case .softplus, .gelu, .geluExact, .silu: (true, true)
    }
  }
}
