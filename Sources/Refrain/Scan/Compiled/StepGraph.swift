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

  /// What the compiler knows to do.
  enum Form {
    /// x · weightᵀ (+ bias)
    case linear
    /// Of x, a gain and a shift.
    case normalize(epsilon: Float)
    case unary(UnaryOperation)
    case binary(BinaryOperation)
    /// What is left above the whole number below.
    case fraction
    /// Of a condition, what is taken where it holds, and what where not.
    case select
    /// The sum of a row.
    case sum
    case slice(Range<Int>)
    case concatenate
    /// Of the sums and the state before.
    case gates(RecurrentKind)

    /// Whether no gradient flows.
    var isComparison: Bool {
      switch self {
      case .binary(.greater), .binary(.equal): true
      default: false
      }
    }
  }

  struct Node {
    var form: Form
    var operands: [Operand]
    var results: [Int]

    var result: Int { results[0] }
    var slice: Range<Int>? { if case .slice(let range) = form { range } else { nil } }
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

  /// The number of values: those of the trace, and those that are between them here.
  private(set) var valueCount: Int
  let rowInputCount: Int
  private var isRow: [Bool]
  private var numbers: [Int: Int] = [:]
  /// The value that another one is.
  private var same: [Int: Operand] = [:]

  /// - Throws: the operation that is not compiled, or what else stands in the way.
  init(_ trace: Trace, rowInputs: Int) throws(Trace.Refusal) {
    rowInputCount = rowInputs
    valueCount = trace.shapes.count
    isRow = trace.shapes.indices.map { $0 < rowInputs }
    for value in 0..<rowInputs {
      guard let width = Self.width(trace.shapes[value]), trace.shapes[value].count == 2 else {
        throw .other("a value of a row of the shape \(trace.shapes[value].dropFirst()), which is no vector")
      }
      widths[value] = width
    }
    for node in trace.nodes {
      let isOfRows = node.operands.contains { if case .value(let value) = $0 { isRow[value] } else { false } }
      for result in node.results { isRow[result] = isOfRows }
      if isOfRows {
        try add(node, of: trace)
      } else {
        prelude.append(node)
      }
    }
    for output in trace.outputs {
      // A state that is handed on as it came, or that does not depend on anything, has no place of its own.
      guard case .row(let value) = operand(output, of: trace), let producer = producers[value] else {
        throw .other("an output or a state that no operation of the step makes")
      }
      guard case .value(let number) = output, trace.shapes[number].count == 2 else {
        throw .other("an output or a state that is no vector")
      }
      if nodes[producer].slice != nil, nodes[producer].operands[0].row.map({ $0 < rowInputs }) == true {
        throw .other("an output or a state that is a part of what the step is given")
      }
      outputs.append(value)
    }
    removeUnused()
  }

  /// The columns of a value of every row; nil where it is none. One number a row may lack its axis.
  private static func width(_ shape: [Int]) -> Int? {
    guard shape.first == -1, shape.count <= 2, shape.dropFirst() != [-1] else { return nil }
    return shape.count == 2 ? shape[1] : 1
  }

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

  /// Adds an operation of rows.
  private mutating func add(_ traced: Trace.Node, of trace: Trace) throws(Trace.Refusal) {
    let operands = traced.operands.map { operand($0, of: trace) }
    /// Refused in this form, though not in every.
    func require(_ condition: Bool) throws(Trace.Refusal) {
      if !condition { throw .operation(traced.operation.name, detail: Self.detail(of: traced, in: trace)) }
    }
    let results = Array(traced.results)
    for result in results {
      widths[result] = Self.width(trace.shapes[result])
    }
    /// The one result's columns.
    let width = widths[results[0]] ?? 0
    let isOfVectors = results.allSatisfy { widths[$0] != nil }
    func append(_ form: Form, _ operands: [Operand]) throws(Trace.Refusal) {
      try require(isOfVectors)
      self.append(Node(form: form, operands: operands, results: results))
    }
    switch traced.operation {
    case let operation as Operations.Unary: try append(.unary(operation.function), operands)
    case let operation as Operations.Binary:
      try require(operands.allSatisfy { fits($0, width) })
      try append(.binary(operation.function), operands)
    case let operation as Operations.Clamp:
      let raised = add(.binary(.maximum), [operands[0], .filled(operation.range.lowerBound)], width: width)
      try append(.binary(.minimum), [raised, .filled(operation.range.upperBound)])
    case is Operations.Fraction: try append(.fraction, operands)
    case is Operations.Select:
      try require(operands.allSatisfy { fits($0, width) })
      try append(.select, operands)
    case is Operations.Reshape:
      try require(isOfVectors && operands[0].row.map { widths[$0] == width } == true)
      same[results[0]] = operands[0]
    case is Operations.Expand:
      try require(operands[0].row.map { widths[$0] == 1 } == true)
      try append(.binary(.multiply), [operands[0], .filled(1)])
    case let operation as Operations.Sum:
      try require(operation.axes == [1])
      try append(.sum, operands)
    case let operation as Operations.MatrixProduct:
      try require(!operation.transposingSelf && isArgument(operands[1], rank: 2) && operands[0].row != nil)
      let weight = operation.transposingOther ? operands[1] : transposed(operands[1])
      try append(.linear, [operands[0], weight])
    case let operation as Operations.Linear:
      try require(isArgument(operands[1], rank: 2) && isArgument(operands[2], rank: 1))
      guard let function = operation.function else {
        try append(.linear, operands)
        break
      }
      try append(.unary(function), [add(.linear, operands, width: width)])
    case let operation as Operations.Normalize:
      try require(isArgument(operands[1], rank: 1) && isArgument(operands[2], rank: 1))
      try append(.normalize(epsilon: operation.epsilon), operands)
    case let operation as Operations.Gates:
      try require(operands.allSatisfy { $0.row != nil })
      try append(.gates(operation.kind), operands)
    case let operation as Operations.Slice:
      guard operation.axis == 1, isOfVectors, let value = operands[0].row else { return try require(false) }
      addSlice(operation.range, of: value, result: results[0])
    case let operation as Operations.Concatenate:
      // Of what is no value of rows there may be one part, as wide as the others leave it.
      let filled = operands.count { if case .filled = $0 { true } else { false } }
      try require(
        operation.axis == 1 && operands.count { $0.row != nil } + min(filled, 1) == operands.count)
      try append(.concatenate, operands)
    default: throw .operation(traced.operation.name)
    }
  }

  /// A slice of a slice is one of the whole; a part of what was joined is what it was before.
  private mutating func addSlice(_ range: Range<Int>, of value: Int, result: Int) {
    if let source = producers[value].map({ nodes[$0] }) {
      if let outer = source.slice {
        let whole = outer.lowerBound + range.lowerBound..<outer.lowerBound + range.upperBound
        return append(Node(form: .slice(whole), operands: source.operands, results: [result]))
      }
      if case .concatenate = source.form, let part = part(range, of: source) {
        same[result] = .row(part)
        return
      }
    }
    append(Node(form: .slice(range), operands: [.row(value)], results: [result]))
  }

  /// What an operation is done to and gives, as its shapes with B for the batch.
  private static func detail(of node: Trace.Node, in trace: Trace) -> String {
    func text(_ shape: [Int]) -> String {
      "[" + shape.map { $0 == -1 ? "B" : "\($0)" }.joined(separator: ", ") + "]"
    }
    let operands = node.operands.map { operand in
      switch operand {
      case .value(let number): text(trace.shapes[number])
      case .constant(let tensor): text(tensor.shape)
      case .filled(_, let shape): text(shape)
      }
    }
    let results = node.results.map { text(trace.shapes[$0]) }
    return "of \(operands.joined(separator: " and ")), giving \(results.joined(separator: " and "))"
  }

  /// Adds a value that the trace does not have.
  private mutating func add(_ form: Form, _ operands: [Operand], width: Int) -> Operand {
    let value = valueCount
    valueCount += 1
    widths[value] = width
    append(Node(form: form, operands: operands, results: [value]))
    return .row(value)
  }

  /// A matrix among the arguments, transposed.
  private mutating func transposed(_ operand: Operand) -> Operand {
    guard case .argument(let number) = operand else { return operand }
    let transposed: StepProgram.Argument
    switch arguments[number] {
    case .constant(let tensor): transposed = .constant(tensor.transposed)
    case .value(let value):
      prelude.append(
        Trace.Node(
          operation: Operations.Transpose(order: [1, 0]), operands: [.value(value)],
          results: valueCount..<valueCount + 1))
      transposed = .value(valueCount)
      valueCount += 1
    }
    arguments.append(transposed)
    shapes.append(shapes[number].reversed())
    return .argument(arguments.count - 1)
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
      switch node.form {
      case .unary(let operation):
        if operation.derivativeNeeds.result { needed.insert(node.result) }
        if operation.derivativeNeeds.operand { needed.formUnion(node.operands.compactMap(\.row)) }
      case .binary(.multiply): needed.formUnion(node.operands.compactMap(\.row))
      case .binary(.divide): needed.formUnion([node.result] + node.operands.suffix(1).compactMap(\.row))
      case .binary(.maximum), .binary(.minimum):
        needed.formUnion([node.result] + node.operands.prefix(1).compactMap(\.row))
      case .linear, .normalize, .select: needed.formUnion(node.operands.prefix(1).compactMap(\.row))
      case .gates: needed.formUnion(node.operands.dropFirst().compactMap(\.row))
      case .binary(.add), .binary(.subtract), .binary(.greater), .binary(.equal), .fraction, .sum, .slice,
        .concatenate:
        break
      }
    }
    return needed
  }
}
