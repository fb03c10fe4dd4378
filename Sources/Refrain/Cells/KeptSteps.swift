import RefrainKernels

/// What a backward scan leaves for the gradients of the weights.
struct KeptSteps {
  /// What stood before some weights at every step: where its `[N]` rows begin, and how many values each has.
  struct Operand {
    let rows: [P]
    let size: Int
  }

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
  ///   - steps: the steps of the schedule it is about.
  ///   - gates: `[N, blocks · H]`, the packed rows of these steps.
  ///   - input: `[B·T, I]`.
  ///   - initial: `[B, padded H]` in the schedule's order, the hidden state before the first of these steps.
  ///   - output: `[B·T, H]`.
  ///   - dropout: `[B, padded H]` in the schedule's order: what the hidden state was multiplied by; nil if nothing.
  init(
    _ steps: Range<Int>, of schedule: Schedule, gates: P, blocks: Int, cell: M?, input: P, inputSize: Int, initial: P,
    output: P, hiddenSize: Int, dropout: Storage?
  ) {
    let rows = schedule.rows(of: steps)
    self.hiddenSize = hiddenSize
    self.count = rows.count
    self.gates = gates
    self.blocks = blocks
    self.cell = cell.map { P($0) }
    self.input = Operand(rows: schedule.positions[rows].map { input + $0 * inputSize }, size: inputSize)
    var hidden: [P] = []
    hidden.reserveCapacity(rows.count)
    let padded = kernels.paddedSize(hiddenSize)
    for step in steps {
      for row in 0..<schedule.alive[step] {
        hidden.append(
          step == steps.lowerBound
            ? initial + row * padded
            : output + schedule.positions[schedule.offsets[step - 1] + row] * hiddenSize)
      }
    }
    dropped = dropout.map { dropout in
      let dropped = Storage(count: rows.count * hiddenSize)
      var index = 0
      for step in steps {
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

  /// The gradient of a peephole `[H]`: the sum over all steps of a gate's gradients times the cell state, the one entering
  /// the step or what is kept in `block`.
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

  /// For each operand and the gates whose sums it went into: the gradient of the weights `[gates · H, size]` and that of
  /// a bias beside it, `[gates · H]`.
  func gradients(_ products: [(operand: Operand, gates: [Int])]) -> [(weight: Tensor, bias: Tensor)] {
    // Transposed, [size + 1, gates · H], the last row for the bias: the gates' rows, of which there are more, then take
    // the cheaper place in the product.
    var sums = products.map { Storage(count: ($0.operand.size + 1) * $0.gates.count * hiddenSize) }
    let work = count * products.reduce(0) { $0 + $1.operand.size * $1.gates.count }
    parallel(hiddenSize, grain: max(16, 1 << 18 / max(work, 1)), multiple: 16) { columns in
      addProducts(products, columns, sums.map(\.pointer))
    }
    // The sums are given up as they are turned: both at once would be half as much again as all gradients.
    return products.map { product in
      let (size, columns) = (product.operand.size, product.gates.count * hiddenSize)
      let sums = sums.removeFirst()
      let weight = Tensor([columns, size]) { target in
        parallel(columns, grain: max(16, 1 << 16 / max(size, 1)), multiple: 16) { part in
          kernels.transpose(
            size, part.count, sums.pointer + part.lowerBound, columns, target + part.lowerBound * size, size)
        }
      }
      let bias = Tensor([columns]) { kernels.copy(columns, sums.pointer + size * columns, $0) }
      withExtendedLifetime(sums) {}
      return (weight, bias)
    }
  }

  /// Columns `columns` of every gate.
  private func addProducts(
    _ products: [(operand: Operand, gates: [Int])], _ columns: Range<Int>, _ sums: [M]
  ) {
    // Long, because the sums are read and written once for each; shorter where the block would be most of the memory.
    let block = blocks * hiddenSize < 1024 ? 256 : 512
    let panels = kernels.packedSize(block, columns.count)
    let packed = Storage(count: blocks * panels)
    let tiles = Storage(count: block * kernels.tiledColumns() + 16)
    let used = Set(products.flatMap(\.gates))
    // At least once, so that the sums of no steps are zero.
    for start in stride(from: 0, through: max(0, count - 1), by: block) {
      let depth = min(block, count - start)
      for gate in used {
        kernels.packPanels(
          depth, columns.count, gates + (start * blocks + gate) * hiddenSize + columns.lowerBound, blocks * hiddenSize,
          1, packed.pointer + gate * panels)
      }
      for (product, sums) in zip(products, sums) {
        let stride = product.gates.count * hiddenSize
        let rows = product.operand.size + 1
        for first in Swift.stride(from: 0, to: rows, by: kernels.tiledColumns()) {
          let end = min(rows, first + kernels.tiledColumns())
          product.operand.rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            kernels.packTiles(depth, product.operand.size, first, end, rows + start, tiles.pointer)
          }
          for (index, gate) in product.gates.enumerated() {
            kernels.productTiled(
              end - first, columns.count, depth, tiles.pointer, packed.pointer + gate * panels, depth, 0, start > 0,
              sums + first * stride + index * hiddenSize + columns.lowerBound, stride)
          }
        }
      }
    }
    withExtendedLifetime((packed, tiles, dropped)) {}
  }
}
