import RefrainKernels

/// Makes a program of a step.
struct StepCompiler {
  let graph: StepGraph
  let isTraining: Bool
  var program: StepProgram
  /// Where each value lies.
  private(set) var locations: [Int: Register] = [:]
  /// What the backward pass reads.
  let needed: Set<Int>
  /// What the backward pass has to know of the forward pass, by the value that came out.
  var normalizations: [Int: StepNormalization] = [:]
  var gates: [Int: StepGates] = [:]
  // For the backward pass.
  var gradients: [Int: Register] = [:]
  var written: Set<Int> = []
  let differentiable: Set<Int>

  /// - Parameters:
  ///   - trace: from ``RecurrentCell/tracedStep(masks:)``.
  ///   - states: how many of its inputs, after the first, are states.
  ///   - givenMasks: for each mask after these, whether it has a row for every packed row, or one for every row.
  ///   - isTraining: whether there is to be a backward pass, too.
  ///   - differentiatesInput: whether that leads to the input.
  /// - Throws: the operation that is not compiled, or what else stands in the way.
  static func compile(
    _ trace: Trace, states: Int, givenMasks: [Bool], isTraining: Bool, differentiatesInput: Bool
  ) throws(Trace.Refusal) -> StepProgram {
    let graph = try StepGraph(trace, rowInputs: 1 + states + givenMasks.count)
    var compiler = StepCompiler(
      graph, states: states, isTraining: isTraining, differentiatesInput: differentiatesInput)
    compiler.placeInputs(states: states, givenMasks: givenMasks)
    for index in graph.nodes.indices { compiler.emit(index) }
    if isTraining { compiler.emitBackward(states: states, differentiatesInput: differentiatesInput) }
    return compiler.program
  }

  private init(
    _ graph: StepGraph, states: Int, isTraining: Bool, differentiatesInput: Bool
  ) {
    self.graph = graph
    self.isTraining = isTraining
    needed = isTraining ? graph.needed : []
    program = StepProgram()
    program.prelude = graph.prelude
    program.valueCount = graph.valueCount
    program.rowInputs = graph.rowInputCount
    program.arguments = graph.arguments
    var differentiable = Set(1..<1 + states)
    if differentiatesInput { differentiable.insert(0) }
    for node in graph.nodes where !node.form.isComparison {
      let reaches = node.operands.contains { operand in
        switch operand {
        case .row(let value): differentiable.contains(value)
        case .argument(let number): if case .value = graph.arguments[number] { true } else { false }
        case .filled: false
        }
      }
      if reaches { differentiable.formUnion(node.results) }
    }
    self.differentiable = differentiable
  }

  // MARK: - Memory

  mutating func buffer(_ stride: Int, _ extent: StepBuffer.Extent = .step) -> Int {
    program.buffers.append(StepBuffer(stride: stride, extent: extent))
    return program.buffers.count - 1
  }

  /// A new register; its rows begin where vectors do, unless they must lie close.
  mutating func register(_ width: Int, isClose: Bool = false, _ extent: StepBuffer.Extent = .step) -> Register {
    Register(buffer: buffer(isClose ? width : kernels.paddedSize(width), extent), column: 0, width: width)
  }

  func stride(_ register: Register) -> Int { program.buffers[register.buffer].stride }

  func width(_ value: Int) -> Int { graph.widths[value] ?? 0 }

  private mutating func placeInputs(states: Int, givenMasks: [Bool]) {
    program.input = register(width(0))
    locations[0] = program.input
    for index in 0..<states {
      let after = place(graph.outputs[1 + index])
      program.states.append(after)
      program.buffers[after.buffer].extent = isTraining ? .kept : .pair
      let entering = buffer(stride(after), .entering(state: index))
      locations[1 + index] = Register(buffer: entering, column: after.column, width: after.width)
    }
    for (mask, isGiven) in givenMasks.enumerated() {
      locations[1 + states + mask] = register(
        width(1 + states + mask), isClose: true, isGiven ? .given(mask: mask) : .fixed(mask: mask))
    }
    program.output = place(graph.outputs[0])
  }

  /// Where a value lies, or shall lie.
  mutating func place(_ value: Int) -> Register {
    if let known = locations[value] { return known }
    let place: Register
    if let producer = graph.producers[value], let range = graph.nodes[producer].slice,
      let whole = graph.nodes[producer].operands[0].row
    {
      place = self.place(whole).columns(range)
    } else if let host = host(of: value) {
      place = host
    } else {
      // The kernels take the gates of a row close to those of the next.
      let isSums = graph.uses[value]?.contains { use in
        if case .gates = graph.nodes[use].form { graph.nodes[use].operands[0].row == value } else { false }
      }
      place = register(width(value), isClose: isSums == true && isMovable(value))
    }
    locations[value] = place
    return place
  }

  /// Whether a value is written by one instruction that can write it anywhere.
  private func isMovable(_ value: Int) -> Bool {
    guard !graph.outputs.contains(value), let producer = graph.producers[value] else { return false }
    switch graph.nodes[producer].form {
    case .slice, .gates: return false
    default: return true
    }
  }

  /// Whether nobody misses a value once its only user has it.
  private func isOverwritable(_ value: Int) -> Bool {
    func isFree(_ value: Int) -> Bool { graph.isUsedOnce(value) && !needed.contains(value) }
    guard isFree(value), isMovable(value), let producer = graph.producers[value] else { return false }
    guard case .concatenate = graph.nodes[producer].form else { return true }
    // What is joined may lie there for others.
    return graph.nodes[producer].operands.compactMap(\.row).allSatisfy(isFree)
  }

  /// The place that a value is wanted in: its part of what it is joined to, or that of the sum which takes it in.
  private mutating func host(of value: Int) -> Register? {
    guard isMovable(value) else { return nil }
    for use in graph.uses[value] ?? [] {
      let node = graph.nodes[use]
      switch node.form {
      case .concatenate:
        let places = node.operands.indices.filter { node.operands[$0].row == value }
        guard places.count == 1 else { continue }
        let start = node.operands[..<places[0]].reduce(0) { $0 + width(of: $1, in: node) }
        return place(node.result).columns(start..<start + width(value))
      case .binary(.add) where takenIn(by: use) == value: return place(node.result)
      default: continue
      }
    }
    return nil
  }

  /// The columns of a part of what is joined. (What is filled takes what the others leave: there is one at most.)
  private func width(of operand: StepGraph.Operand, in node: StepGraph.Node) -> Int {
    if let value = operand.row { return width(value) }
    return width(node.result) - node.operands.compactMap(\.row).reduce(0) { $0 + width($1) }
  }

  /// The operand of a sum that is computed in the place of the sum, to which the other one is added.
  private func takenIn(by index: Int) -> Int? {
    let node = graph.nodes[index]
    let candidates = node.operands.compactMap(\.row).filter {
      isOverwritable($0) && width($0) == width(node.result)
    }
    // Rather not what can be added while it is computed.
    return candidates.first { !isAddable($0) } ?? candidates.first
  }

  /// Whether a value can be added to another one while it is computed.
  private func isAddable(_ value: Int) -> Bool {
    guard let producer = graph.producers[value] else { return false }
    switch graph.nodes[producer].form {
    case .linear, .normalize: return true
    default: return false
    }
  }

  /// The sum that a value is added to while it is computed.
  private func accumulator(of value: Int) -> Int? {
    guard isAddable(value), isOverwritable(value), let use = graph.uses[value]?.first else { return nil }
    guard case .binary(.add) = graph.nodes[use].form, width(graph.nodes[use].result) == width(value) else {
      return nil
    }
    guard let other = takenIn(by: use), other != value else { return nil }
    return use
  }

  // MARK: - Forward

  private mutating func emit(_ index: Int) {
    let node = graph.nodes[index]
    switch node.form {
    case .slice: break
    case .linear, .normalize:
      if accumulator(of: node.result) == nil { emitAddable(node, to: place(node.result), accumulates: false) }
    case .unary(let operation):
      guard let x = node.operands[0].row else { return }
      program.forward.append(.unary(operation, place(x), to: place(node.result)))
    case .binary(let operation):
      let target = place(node.result)
      if operation == .add, let taken = takenIn(by: index),
        let other = node.operands.compactMap(\.row).first(where: { $0 != taken }), accumulator(of: other) == index,
        let producer = graph.producers[other]
      {
        emitAddable(graph.nodes[producer], to: target, accumulates: true)
        return
      }
      emitBinary(operation, node.operands, to: target)
    case .fraction:
      guard let x = node.operands[0].row else { return }
      program.forward.append(.fraction(place(x), to: place(node.result)))
    case .select:
      let (condition, yes, no) = (source(node.operands[0]), source(node.operands[1]), source(node.operands[2]))
      program.forward.append(.select(condition, yes, no, to: place(node.result)))
    case .sum:
      guard let x = node.operands[0].row else { return }
      program.forward.append(.sumRow(place(x), to: place(node.result)))
    case .concatenate: emitConcatenation(node)
    case .gates(let kind): emitGates(kind, node)
    }
  }

  func argument(_ operand: StepGraph.Operand) -> Int { if case .argument(let number) = operand { number } else { -1 } }

  private mutating func emitAddable(_ node: StepGraph.Node, to target: Register, accumulates: Bool) {
    guard let value = node.operands[0].row else { return }
    let (x, first) = (place(value), argument(node.operands[1]))
    guard case .normalize(let epsilon) = node.form else {
      program.weights.insert(first)
      let bias = node.operands.count > 2 ? argument(node.operands[2]) : nil
      program.forward.append(.product(x, weight: first, bias: bias, to: target, accumulates: accumulates))
      return
    }
    let normalization = StepNormalization(
      operand: x, gain: first, shift: argument(node.operands[2]), epsilon: epsilon, means: register(1, isClose: true),
      deviations: register(1, isClose: true))
    normalizations[node.result] = normalization
    program.forward.append(.normalize(normalization, to: target, accumulates: accumulates))
  }

  /// An operand as a register or an argument.
  mutating func source(_ operand: StepGraph.Operand) -> StepSource {
    switch operand {
    case .row(let value): return .rows(place(value))
    case .argument(let number): return .argument(number)
    case .filled(let value):
      program.arguments.append(.constant(Tensor(value)))
      return .argument(program.arguments.count - 1)
    }
  }

  private mutating func emitBinary(
    _ operation: BinaryOperation, _ operands: [StepGraph.Operand], to target: Register
  ) {
    program.forward.append(.binary(operation, source(operands[0]), source(operands[1]), to: target))
  }

  private mutating func emitConcatenation(_ node: StepGraph.Node) {
    let whole = place(node.result)
    var start = 0
    for operand in node.operands {
      let part = whole.columns(start..<start + width(of: operand, in: node))
      start += part.width
      if let value = operand.row {
        let place = place(value)
        if place != part { program.forward.append(.copy(place, to: part)) }
      } else if case .filled(let value) = operand {
        program.forward.append(.fill(value, to: part))
      }
    }
  }

  private mutating func emitGates(_ kind: RecurrentKind, _ node: StepGraph.Node) {
    guard let sums = node.operands[0].row, let before = node.operands[1].row else { return }
    let (x, hidden) = (place(sums), place(node.results[0]))
    var y = place(before)
    if kind == .gru, stride(y) != stride(hidden) {
      let copy = register(y.width)
      program.forward.append(.copy(y, to: copy))
      y = copy
    }
    var gates = StepGates(kind: kind, sums: x, before: y, hidden: hidden)
    if node.results.count > 1 { gates.cell = place(node.results[1]) }
    if isTraining {
      let blocks = 4 * hidden.width
      let isOfShape = x.width == blocks && stride(x) == blocks && x.column == 0
      gates.kept = isOfShape && isOverwritable(sums) ? x : register(blocks, isClose: true)
      self.gates[node.result] = gates
    }
    program.forward.append(.gates(gates))
  }
}
