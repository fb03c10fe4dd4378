import RefrainKernels

extension StepCompiler {
  /// Emits the backward pass.
  mutating func emitBackward(states: Int, differentiatesInput: Bool) {
    for index in 0..<states { carry(state: index) }
    contribute(to: graph.outputs[0]) { target, accumulates in
      [.takeOutputGradient(to: target, accumulates: accumulates)]
    }
    for node in graph.nodes.reversed() {
      for result in node.results { complete(result) }
      // Of two results the gradient of one may be zero.
      guard node.results.contains(where: written.contains) else { continue }
      emitGradient(of: node)
    }
    for index in 0..<states { complete(1 + index, isWanted: true) }
    if differentiatesInput {
      complete(0, isWanted: true)
      program.inputGradient = gradients[0] ?? .none
    }
  }

  /// The gradient of a state comes from the step after, and goes to the step before.
  mutating func carry(state: Int) {
    let after = graph.outputs[1 + state]
    let carried = register(width(after), .pair)
    program.carried.append(carried)
    let other = buffer(stride(carried), .otherOfPair(of: carried.buffer))
    gradients[1 + state] = Register(buffer: other, column: 0, width: carried.width)
    let isSlice = graph.producers[after].map { graph.nodes[$0].slice != nil } ?? false
    if gradients[after] == nil, !isSlice {
      gradients[after] = carried
      written.insert(after)
    } else {
      hand(carried, to: after)
    }
  }

  // MARK: - Gradients of values

  /// A register that the gradient of a value is written to, or added to.
  mutating func target(_ value: Int) -> (register: Register, accumulates: Bool) {
    defer { written.insert(value) }
    if let known = gradients[value] { return (known, written.contains(value)) }
    if let producer = graph.producers[value], let range = graph.nodes[producer].slice,
      let whole = graph.nodes[producer].operands[0].row
    {
      let isApart = beginWhole(whole)
      let place = (gradients[whole] ?? .none).columns(range)
      gradients[value] = place
      return (place, !isApart)
    }
    let place = register(width(value))
    gradients[value] = place
    if graph.uses[value]?.contains(where: { graph.nodes[$0].slice != nil }) ?? false, beginWhole(value) == false {
      return (place, true)
    }
    return (place, false)
  }

  /// Makes room for the gradient of a value that slices are taken of. Returns whether these are all that it is used for
  /// and do not overlap, so that each writes its own part; otherwise all add to zeros.
  @discardableResult
  mutating func beginWhole(_ value: Int) -> Bool {
    let isApart = graph.slices(of: value) != nil
    if gradients[value] == nil { gradients[value] = isApart ? normalizedPlace(value) : nil }
    if gradients[value] == nil { gradients[value] = register(width(value)) }
    if !isApart, !written.contains(value), let whole = gradients[value] {
      written.insert(value)
      program.backward.append(.fill(0, to: whole))
    }
    return isApart
  }

  /// Where a value lies all of whose slices are but normalized: there is room for its gradient.
  mutating func normalizedPlace(_ value: Int) -> Register? {
    let isNormalized = graph.slices(of: value)?.allSatisfy { slice in
      guard graph.isUsedOnce(slice.value), let use = graph.uses[slice.value]?.first else { return false }
      if case .normalize = graph.nodes[use].form { return true } else { return false }
    }
    guard isNormalized == true, isForgotten(value) else { return nil }
    return keeping(place(value))
  }

  /// Whether what gives a value does not look at it again in the backward pass.
  func isForgotten(_ value: Int) -> Bool {
    guard let producer = graph.producers[value] else { return false }
    switch graph.nodes[producer].form {
    case .linear, .binary(.add), .binary(.subtract), .binary(.multiply): return true
    default: return false
    }
  }

  /// Makes a gradient whole, once all its parts have come: what was not written is zero.
  mutating func complete(_ value: Int, isWanted: Bool = false) {
    if let slices = graph.slices(of: value), slices.contains(where: { written.contains($0.value) }),
      let whole = gradients[value]
    {
      var column = 0
      for slice in slices.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
        if column < slice.range.lowerBound { clear(whole.columns(column..<slice.range.lowerBound)) }
        if !written.contains(slice.value) { clear(whole.columns(slice.range)) }
        column = slice.range.upperBound
      }
      if column < whole.width { clear(whole.columns(column..<whole.width)) }
      written.insert(value)
    }
    guard isWanted, !written.contains(value) else { return }
    if gradients[value] == nil { gradients[value] = register(width(value)) }
    if let whole = gradients[value] { clear(whole) }
    written.insert(value)
  }

  mutating func clear(_ register: Register) {
    program.backward.append(.fill(0, to: register))
  }

  /// Adds to the gradient of a value what `instructions` compute, which write to their target or add to it.
  mutating func contribute(
    to value: Int, _ instructions: (_ target: Register, _ accumulates: Bool) -> [StepInstruction]
  ) {
    guard differentiable.contains(value) else { return }
    let (place, accumulates) = target(value)
    program.backward += instructions(place, accumulates)
  }

  /// The same where instructions can only write.
  mutating func contribute(to value: Int, writing instructions: (_ target: Register) -> [StepInstruction]) {
    guard differentiable.contains(value) else { return }
    let (place, accumulates) = target(value)
    guard accumulates else {
      program.backward += instructions(place)
      return
    }
    let part = register(place.width)
    program.backward += instructions(part) + [.add(part, to: place)]
  }

  /// Adds a finished gradient to that of a value; where it is all of it, it stays where it is.
  mutating func hand(_ gradient: Register, to value: Int) {
    guard differentiable.contains(value) else { return }
    let isSlice = graph.producers[value].map { graph.nodes[$0].slice != nil } ?? true
    if gradients[value] == nil, !isSlice, graph.isUsedOnce(value) {
      gradients[value] = gradient
      written.insert(value)
      return
    }
    contribute(to: value) { target, accumulates in
      [accumulates ? .add(gradient, to: target) : .copy(gradient, to: target)]
    }
  }

  // MARK: - What is kept

  /// A register whose values are there in the backward pass.
  mutating func keeping(_ register: Register) -> Register {
    switch program.buffers[register.buffer].extent {
    case .step:
      program.buffers[register.buffer].extent = .kept
      return register
    case .kept, .given, .fixed, .entering, .sums: return register
    case .pair, .otherOfPair:
      let copy = self.register(register.width, .kept)
      program.backward.append(.copy(register, to: copy))
      return copy
    }
  }

  /// The value of an operand in the backward pass.
  mutating func keeping(_ operand: StepGraph.Operand) -> StepSource {
    let source = source(operand)
    return source.register.map { .rows(keeping($0)) } ?? source
  }
}
