import RefrainKernels

/// The values that a backward scan leaves for the gradients of the weights.
struct SavedSteps {
  typealias Operand = WeightSums.Operand

  let hiddenSize: Int
  /// The number **N** of packed rows.
  let count: Int
  /// `[N, blocks · H]`
  let gates: P
  let blocks: Int
  /// `[N, H]`, the cell state entering each step, where there is one.
  private let cell: P?
  /// The input of each step.
  let input: Operand
  /// The hidden state entering each step, as the products saw it.
  let hidden: Operand
  /// `[N, H]`, where that is no state but a state of which some was dropped.
  private let dropped: Storage?

  /// - Parameters:
  ///   - gates: `[N, blocks · H]`, packed rows.
  ///   - input: `[B·T, I]`.
  ///   - initial: `[B, padded H]` in the schedule's order, the hidden state before the first step.
  ///   - output: `[B·T, H]`.
  ///   - dropout: `[B, padded H]` in the schedule's order: what the hidden state was multiplied by; nil if nothing.
  init(
    _ schedule: Schedule, gates: P, blocks: Int, cell: M?, input: P, inputSize: Int, initial: P, output: P,
    hiddenSize: Int, dropout: Storage?
  ) {
    self.hiddenSize = hiddenSize
    count = schedule.count
    self.gates = gates
    self.blocks = blocks
    self.cell = cell.map { P($0) }
    self.input = Operand(rows: schedule.positions.map { input + $0 * inputSize }, size: inputSize)
    var hidden: [P] = []
    hidden.reserveCapacity(count)
    let padded = kernels.paddedSize(hiddenSize)
    for step in 0..<schedule.steps {
      for row in 0..<schedule.alive[step] {
        hidden.append(
          step == 0
            ? initial + row * padded
            : output + schedule.positions[schedule.offsets[step - 1] + row] * hiddenSize)
      }
    }
    dropped = dropout.map { [count] dropout in
      let dropped = Storage(count: count * hiddenSize)
      var index = 0
      for step in 0..<schedule.steps {
        for row in 0..<schedule.alive[step] {
          let target = dropped.pointer + index * hiddenSize
          kernels.binary(
            BinaryOperation.multiply.rawValue, hiddenSize, hidden[index], 1, dropout.pointer + row * padded, 1, target)
          hidden[index] = P(target)
          index += 1
        }
      }
      return dropped
    }
    self.hidden = Operand(rows: hidden, size: hiddenSize)
  }

  /// A block of what was kept, as an operand.
  func block(_ block: Int) -> Operand {
    Operand(
      rows: (0..<count).map { P(gates) + ($0 * blocks + block) * hiddenSize }, size: hiddenSize)
  }

  /// The gradient of a peephole `[H]`: the sum over all steps of a gate's gradients times the cell state, the one
  /// entering the step or what is kept in `block`.
  func peepholeGradient(_ gate: Int, by block: Int? = nil) -> Tensor {
    let stride = blocks * hiddenSize
    let (seen, seenStride) = block.map { (gates + $0 * hiddenSize, stride) } ?? (cell ?? gates, hiddenSize)
    return Tensor([hiddenSize]) { sum in
      kernels.fill(hiddenSize, 0, sum)
      parallel(hiddenSize, grain: max(16, 1 << 15 / max(count, 1)), multiple: 16) { units in
        let first = units.lowerBound
        kernels.sumProductRows(
          count, units.count, gates + gate * hiddenSize + first, stride, seen + first, seenStride, sum + first)
      }
    }
  }

  /// For each operand and the gates whose sums it went into: the gradient of the weights `[gates · H, size]` and that
  /// of a bias beside it, `[gates · H]`.
  func gradients(_ products: [(operand: Operand, gates: [Int])]) -> [(weight: Tensor, bias: Tensor)] {
    let sums = WeightSums(
      count: count, width: hiddenSize,
      sources: (0..<blocks).map { (gates + $0 * hiddenSize, blocks * hiddenSize) })
    defer { withExtendedLifetime(dropped) {} }
    return sums.gradients(products.map { ($0.operand, $0.gates) })
  }
}
