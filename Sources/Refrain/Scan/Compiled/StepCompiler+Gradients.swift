import RefrainKernels

// The gradients of the operations of a step, one function each.

extension StepCompiler {
  mutating func emitGradient(of node: StepGraph.Node) {
    if case .gates = node.form { return emitGatesGradient(node) }
    guard let dz = gradients[node.result] else { return }
    switch node.form {
    case .binary(.add):
      for operand in node.operands { deliver(dz, to: operand) }
    case .binary(.subtract):
      deliver(dz, to: node.operands[0])
      deliver(dz, to: node.operands[1], isNegative: true)
    case .binary(.multiply): emitProductGradient(node, dz)
    case .binary(.divide): emitQuotientGradient(node, dz)
    case .binary(.maximum), .binary(.minimum): emitExtremumGradient(node, dz)
    case .unary(let operation): emitUnaryGradient(operation, node, dz)
    case .fraction: deliver(dz, to: node.operands[0])
    case .select: emitSelectionGradient(node, dz)
    case .linear: emitLinearGradient(node, dz)
    case .normalize: emitNormalizationGradient(node, dz)
    case .sum: emitRowSumGradient(node, dz)
    case .concatenate:
      var start = 0
      for operand in node.operands {
        guard let value = operand.row else {
          start += width(node.result) - node.operands.compactMap(\.row).reduce(0) { $0 + width($1) }
          continue
        }
        hand(dz.columns(start..<start + width(value)), to: value)
        start += width(value)
      }
    case .binary(.greater), .binary(.equal), .slice, .gates: break
    }
  }

  /// Whether the gradient of an argument is wanted.
  private func isLearned(_ argument: Int) -> Bool {
    if case .value = program.arguments[argument] { true } else { false }
  }

  /// Whether the gradient of an operand is wanted.
  private func isWanted(_ operand: StepGraph.Operand) -> Bool {
    switch operand {
    case .row(let value): differentiable.contains(value)
    case .argument(let number): isLearned(number)
    case .filled: false
    }
  }

  /// Adds a gradient by what an operand was broadcast to, or its opposite, to that of the operand.
  private mutating func deliver(_ dz: Register, to operand: StepGraph.Operand, isNegative: Bool = false) {
    switch operand {
    case .filled: break
    case .argument(let number):
      guard isLearned(number) else { return }
      let sums = sums(of: number, dz.width, isNegative: isNegative)
      program.backward.append(.addToSums(dz, sums: sums))
    case .row(let value):
      if width(value) != dz.width {
        contribute(to: value) { target in
          [.sumRow(dz, to: target)] + (isNegative ? [.unary(.negate, target, to: target)] : [])
        }
      } else if isNegative {
        contribute(to: value) { target, accumulates in
          [accumulates ? .subtract(dz, from: target) : .unary(.negate, dz, to: target)]
        }
      } else {
        hand(dz, to: value)
      }
    }
  }

  private mutating func emitProductGradient(_ node: StepGraph.Node, _ dz: Register) {
    for (mine, other) in [(node.operands[0], node.operands[1]), (node.operands[1], node.operands[0])] {
      switch mine {
      case .filled: break
      case .argument(let number):
        guard isLearned(number) else { continue }
        if let value = other.row, width(value) == dz.width {
          let (sums, x) = (sums(of: number, dz.width), keeping(place(value)))
          program.backward.append(.addProductToSums(dz, x, sums: sums))
        } else {
          let (factor, part) = (keeping(other), register(dz.width))
          program.backward.append(.binary(.multiply, .rows(dz), factor, to: part))
          deliver(part, to: mine)
        }
      case .row(let value):
        guard differentiable.contains(value) else { continue }
        let factor = keeping(other)
        if width(value) == dz.width {
          contribute(to: value) { target in [.binary(.multiply, .rows(dz), factor, to: target)] }
        } else if let factor = factor.register, factor.width == dz.width {
          contribute(to: value) { target in [.dotRow(dz, factor, to: target)] }
        } else {
          let part = register(dz.width)
          program.backward.append(.binary(.multiply, .rows(dz), factor, to: part))
          contribute(to: value) { target in [.sumRow(part, to: target)] }
        }
      }
    }
  }

  /// Of z = x / y: dx = dz / y, dy = −dz z / y.
  private mutating func emitQuotientGradient(_ node: StepGraph.Node, _ dz: Register) {
    let (left, right) = (node.operands[0], node.operands[1])
    let divisor = keeping(right)
    if isWanted(left) {
      let part = register(dz.width)
      program.backward.append(.binary(.divide, .rows(dz), divisor, to: part))
      deliver(part, to: left)
    }
    if isWanted(right) {
      let (part, quotient) = (register(dz.width), keeping(place(node.result)))
      program.backward.append(.binary(.multiply, .rows(dz), .rows(quotient), to: part))
      program.backward.append(.binary(.divide, .rows(part), divisor, to: part))
      deliver(part, to: right, isNegative: true)
    }
  }

  /// The gradient goes to the operand that was taken; to the first where they are equal.
  private mutating func emitExtremumGradient(_ node: StepGraph.Node, _ dz: Register) {
    let (first, result) = (keeping(node.operands[0]), keeping(place(node.result)))
    let toFirst = register(dz.width)
    program.backward.append(.binary(.equal, .rows(result), first, to: toFirst))
    program.backward.append(.binary(.multiply, .rows(dz), .rows(toFirst), to: toFirst))
    if isWanted(node.operands[1]) {
      let toSecond = register(dz.width)
      program.backward.append(.binary(.subtract, .rows(dz), .rows(toFirst), to: toSecond))
      deliver(toSecond, to: node.operands[1])
    }
    if isWanted(node.operands[0]) { deliver(toFirst, to: node.operands[0]) }
  }

  /// The gradient goes to what was taken.
  private mutating func emitSelectionGradient(_ node: StepGraph.Node, _ dz: Register) {
    let (condition, zero) = (keeping(node.operands[0]), source(.filled(0)))
    for (operand, isYes) in [(node.operands[1], true), (node.operands[2], false)] where isWanted(operand) {
      let part = register(dz.width)
      program.backward.append(
        .select(condition, isYes ? .rows(dz) : zero, isYes ? zero : .rows(dz), to: part))
      deliver(part, to: operand)
    }
  }

  /// All columns of a row have the gradient of its sum.
  private mutating func emitRowSumGradient(_ node: StepGraph.Node, _ dz: Register) {
    guard let value = node.operands[0].row else { return }
    let one = source(.filled(1))
    contribute(to: value) { target, accumulates in
      [
        accumulates
          ? .binary(.add, .rows(target), .rows(dz), to: target) : .binary(.multiply, .rows(dz), one, to: target)
      ]
    }
  }

  private mutating func emitUnaryGradient(_ operation: UnaryOperation, _ node: StepGraph.Node, _ dz: Register) {
    guard let value = node.operands[0].row, differentiable.contains(value) else { return }
    let needs = operation.derivativeNeeds
    let x = needs.operand ? keeping(place(value)) : dz
    let y = needs.result ? keeping(place(node.result)) : dz
    contribute(to: value) { target in
      [.unaryBackward(operation, operand: x, result: y, gradient: dz, to: target)]
    }
  }

  private mutating func emitLinearGradient(_ node: StepGraph.Node, _ dz: Register) {
    guard let value = node.operands[0].row else { return }
    let weight = argument(node.operands[1])
    contribute(to: value) { target, accumulates in
      [.productBackward(dz, weight: weight, to: target, accumulates: accumulates)]
    }
    let x = value == 0 ? place(value) : keeping(place(value))
    program.argumentGradients.append(
      .weight(
        argument: weight, bias: node.operands.count > 2 ? argument(node.operands[2]) : nil, x: x, dz: keeping(dz)))
  }

  private mutating func emitNormalizationGradient(_ node: StepGraph.Node, _ dz: Register) {
    guard let value = node.operands[0].row, var normalization = normalizations[node.result] else { return }
    let x = keeping(place(value))
    normalization.operand = x
    normalization.means = keeping(normalization.means)
    normalization.deviations = keeping(normalization.deviations)
    let (gain, shift) = (normalization.gain, normalization.shift)
    let (gainSums, shiftSums) = (sums(of: gain, dz.width), isLearned(shift) ? sums(of: shift, dz.width) : nil)
    // Nobody else looks at x again: its gradient takes its place.
    if gradients[value] == nil, graph.isUsedOnce(value), isForgotten(value) { gradients[value] = x }
    func instruction(_ target: Register) -> [StepInstruction] {
      [
        .normalizeBackward(normalization, gradient: dz, gainSums: gainSums, shiftSums: shiftSums, to: target)
      ]
    }
    if differentiable.contains(value) {
      contribute(to: value, writing: instruction)
    } else {
      program.backward += instruction(register(dz.width))
    }
  }

  /// Sums over all steps, the gradient of an argument when they are added up over the rows.
  private mutating func sums(of argument: Int, _ width: Int, isNegative: Bool = false) -> Register {
    let sums = register(width, .sums)
    if isLearned(argument) {
      program.argumentGradients.append(.sum(argument: argument, sums: sums, isNegative: isNegative))
    }
    return sums
  }

  private mutating func emitGatesGradient(_ node: StepGraph.Node) {
    guard
      let sums = node.operands[0].row, let before = node.operands[1].row, var gates = gates[node.result],
      let kept = gates.kept
    else { return }
    let size = width(node.result)
    gates.before = keeping(gates.before)
    let w = keeping(kept)
    /// The gradient of a result, in rows of whole vectors.
    func gradient(_ value: Int) -> Register? { written.contains(value) ? gradients[value] : nil }
    let hidden = gradient(node.results[0])
    let state = node.results.count > 1 ? gradient(node.results[1]) : hidden
    // The kernel turns the gradient of the state after into that of the state before, where it lies.
    let isDirect =
      differentiable.contains(before) && !written.contains(before)
      && {
        guard let known = gradients[before] else { return true }
        return known.column == 0 && stride(known) == kernels.paddedSize(size)
      }() && !(graph.producers[before].map { graph.nodes[$0].slice != nil } ?? false)
      && graph.uses[before]?.contains { graph.nodes[$0].slice != nil } != true
    let turned = isDirect ? target(before).register : register(size)
    program.backward.append(
      state.map { .copy($0, to: turned) } ?? .fill(0, to: turned))
    var shown = turned
    if node.results.count > 1 {
      if let hidden, hidden.column == 0, stride(hidden) == kernels.paddedSize(size) {
        shown = hidden
      } else {
        shown = register(size)
        program.backward.append(
          hidden.map { .copy($0, to: shown) } ?? .fill(0, to: shown))
      }
    }
    program.backward.append(.gatesBackward(gates, kept: w, hidden: shown, state: turned))
    if !isDirect { hand(turned, to: before) }
    hand(w.columns(0..<width(sums)), to: sums)
  }
}
