import RealModule

/// The likelihood of the true tags of a batch of sequences, and its gradient.
///
/// Sequences are shared between threads in blocks of a fixed size, each with sums of its own, which are added up in
/// their order: the result has the same bits on any number of threads.
struct ChainLikelihood {
  let potentials: ChainPotentials
  /// The steps **T** of the padded batch.
  let time: Int
  let lengths: [Int]
  /// The true tags, `[B · T]`.
  private let tags: [Int]
  /// For each sequence, the row at which its steps begin among those of all sequences.
  private let rows: [Int]
  private let rowCount: Int

  /// The number of sequences in a block.
  private static let block = 4

  /// What the way forward leaves.
  struct Sums {
    /// −log p of each sequence, `[B]`.
    let losses: Tensor
    /// log α, a row of K for each valid step.
    fileprivate let alphas: [Double]
    /// The logarithm of the sum over all paths, for each sequence.
    fileprivate let logPartitions: [Double]
  }

  /// - Parameter tags: `[B, T]`, whole numbers where there is a step.
  init(potentials: ChainPotentials, time: Int, lengths: [Int], tags: [Float]) {
    self.potentials = potentials
    self.time = time
    self.lengths = lengths
    var (rows, count) = ([Int](), 0)
    for length in lengths {
      rows.append(count)
      count += length
    }
    (self.rows, rowCount) = (rows, count)
    var numbers = [Int](repeating: 0, count: tags.count)
    for (sequence, length) in lengths.enumerated() {
      for place in sequence * time..<sequence * time + length {
        let tag = tags[place]
        require(
          tag >= 0 && tag < Float(potentials.tagCount) && tag == tag.rounded(),
          "\(tag) is no tag of a conditional random field of \(potentials.tagCount)")
        numbers[place] = Int(tag)
      }
    }
    self.tags = numbers
  }

  /// Calls `body` for all blocks, side by side.
  private func forEachBlock(_ body: (_ block: Int, _ sequences: Range<Int>) -> Void) {
    let blocks = (lengths.count + Self.block - 1) / Self.block
    let work = max(1, rowCount * potentials.tagCount * (potentials.tagCount + 16) / max(blocks, 1))
    parallel(blocks, grain: max(1, Self.leastWork / work)) { part in
      for block in part {
        body(block, block * Self.block..<min((block + 1) * Self.block, lengths.count))
      }
    }
  }

  /// The products that are worth a thread.
  private static let leastWork = 1 << 16

  /// The way forward.
  ///
  /// - Parameter scores: `[B, T, K]`
  func sums(_ scores: Tensor) -> Sums {
    let count = potentials.tagCount
    var alphas = [Double](repeating: 0, count: rowCount * count)
    var logPartitions = [Double](repeating: 0, count: lengths.count)
    let losses = Tensor([lengths.count]) { losses in
      scores.read { scores in
        alphas.withUnsafeMutableBufferPointer { alphas in
          logPartitions.withUnsafeMutableBufferPointer { logPartitions in
            nonisolated(unsafe) let (alphas, logPartitions) = (alphas.baseAddress, logPartitions.baseAddress)
            forEachBlock { _, sequences in
              withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * count) { scratch in
                for sequence in sequences {
                  guard lengths[sequence] > 0, let alphas, let logPartitions, let scratch = scratch.baseAddress else {
                    losses[sequence] = 0
                    continue
                  }
                  let scores = scores + sequence * time * count
                  let logPartition = potentials.forward(
                    scores, steps: lengths[sequence], alphas + rows[sequence] * count, scratch: scratch)
                  logPartitions[sequence] = logPartition
                  losses[sequence] = Float(logPartition - potentials.score(of: path(sequence), scores))
                }
              }
            }
          }
        }
      }
    }
    return Sums(losses: losses, alphas: alphas, logPartitions: logPartitions)
  }

  private func path(_ sequence: Int) -> ArraySlice<Int> {
    tags[sequence * time..<sequence * time + lengths[sequence]]
  }

  /// The gradients of scores, transitions, start and end.
  ///
  /// - Parameters:
  ///   - scores: `[B, T, K]`
  ///   - sums: what ``sums(_:)`` gave for them.
  ///   - factors: the gradient of the losses, `[B]`.
  func gradients(_ scores: Tensor, _ sums: Sums, along factors: Tensor) -> [Tensor] {
    let count = potentials.tagCount
    // A block's sums: K² of transitions whose factors are still to be applied, K² of the others, K of start and of end.
    let width = 2 * count * count + 2 * count
    let blocks = (lengths.count + Self.block - 1) / Self.block
    var blockSums = [Double](repeating: 0, count: blocks * width)
    var scoreGradient = Tensor.zeros(scores.shape)
    scoreGradient.write { target in
      read(scores, factors) { scores, factors in
        blockSums.withUnsafeMutableBufferPointer { blockSums in
          sums.alphas.withUnsafeBufferPointer { alphas in
            guard let blockSums = blockSums.baseAddress, let alphas = alphas.baseAddress else { return }
            nonisolated(unsafe) let shared = blockSums
            forEachBlock { block, sequences in
              for sequence in sequences where lengths[sequence] > 0 {
                let place = sequence * time * count
                addGradient(
                  of: sequence, scores + place, alphas + rows[sequence] * count, sums.logPartitions[sequence],
                  Double(factors[sequence]), to: target + place, shared + block * width)
              }
            }
          }
        }
      }
    }
    return [scoreGradient] + total(blockSums, width: width, blocks: blocks)
  }

  /// The gradients of transitions, start and end from the sums of the blocks.
  private func total(_ blockSums: [Double], width: Int, blocks: Int) -> [Tensor] {
    let count = potentials.tagCount
    var total = [Double](repeating: 0, count: width)
    for block in 0..<blocks {
      for index in 0..<width { total[index] += blockSums[block * width + index] }
    }
    let square = count * count
    let transitions = (0..<square).map { Float(total[$0] * potentials.factors[$0] + total[square + $0]) }
    return [
      Tensor(transitions, shape: [count, count]),
      Tensor(total[2 * square..<2 * square + count].map(Float.init), shape: [count]),
      Tensor(total[(2 * square + count)...].map(Float.init), shape: [count]),
    ]
  }

  /// Writes the gradient of a sequence's scores, and adds those of the field to the sums of its block.
  private func addGradient(
    of sequence: Int, _ scores: UnsafePointer<Float>, _ alphas: UnsafePointer<Double>, _ logPartition: Double,
    _ factor: Double, to target: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Double>
  ) {
    let (count, steps) = (potentials.tagCount, lengths[sequence])
    let square = count * count
    let (others, starts, ends) = (sums + square, sums + 2 * square, sums + 2 * square + count)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: (steps + 3) * count) { memory in
      guard let betas = memory.baseAddress else { return }
      let scratch = betas + steps * count
      potentials.backward(scores, steps: steps, betas, scratch: scratch)
      var previous: Int?
      for (step, tag) in path(sequence).enumerated() {
        let (alpha, beta, row) = (alphas + step * count, betas + step * count, target + step * count)
        for other in 0..<count {
          let share = factor * .exp(alpha[other] + beta[other] - logPartition)
          row[other] = Float(other == tag ? share - factor : share)
          if step == 0 { starts[other] += share }
          if step == steps - 1 { ends[other] += share }
        }
        if let previous {
          others[previous * count + tag] -= factor
          addTransitions(
            alpha - count, beta, scores + step * count, logPartition, factor, to: sums, others, scratch: scratch)
        } else {
          starts[tag] -= factor
        }
        if step == steps - 1 { ends[tag] -= factor }
        previous = tag
      }
    }
  }

  /// Adds the probabilities of all transitions from one step to the next.
  ///
  /// - Parameters:
  ///   - alpha: log α of the step before, `[K]`.
  ///   - beta: log β of the step, `[K]`.
  ///   - scores: of the step, `[K]`.
  ///   - sums: `[K, K]`, to be multiplied by the potentials' factors.
  ///   - others: `[K, K]`, where nothing is to be multiplied.
  ///   - scratch: 2 K numbers.
  private func addTransitions(
    _ alpha: UnsafePointer<Double>, _ beta: UnsafePointer<Double>, _ scores: UnsafePointer<Float>,
    _ logPartition: Double, _ factor: Double, to sums: UnsafeMutablePointer<Double>,
    _ others: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Double>
  ) {
    let count = potentials.tagCount
    let (from, to) = (scratch, scratch + count)
    var (greatestFrom, greatestTo) = (-Double.infinity, -Double.infinity)
    for tag in 0..<count {
      to[tag] = Double(scores[tag]) + beta[tag]
      greatestFrom = max(greatestFrom, alpha[tag])
      greatestTo = max(greatestTo, to[tag])
    }
    let common = Double.exp(greatestFrom + greatestTo + potentials.shift - logPartition)
    guard common < ChainPotentials.greatest else {
      for first in 0..<count {
        for second in 0..<count {
          let place = first * count + second
          others[place] += factor * .exp(alpha[first] + potentials.transitions[place] + to[second] - logPartition)
        }
      }
      return
    }
    for tag in 0..<count {
      from[tag] = factor * common * .exp(alpha[tag] - greatestFrom)
      to[tag] = .exp(to[tag] - greatestTo)
    }
    var row = sums
    for first in 0..<count {
      let weight = from[first]
      for second in 0..<count { row[second] += weight * to[second] }
      row += count
    }
  }
}
