import RealModule
import RefrainKernels

extension Loss {
  /// Connectionist temporal classification (Graves, Fernández, Gomez and Schmidhuber 2006): −log of the probability
  /// that a sequence of T steps says its U labels, in their order, at whatever steps; with a blank between where it
  /// likes.
  ///
  ///     let loss = Loss.ctc(blank: 0)(logits, labels, lengths: [300, 240], targetLengths: [31, 25])
  ///
  /// The prediction is logits `[B, T, V]`, of which the loss takes the softmax itself; the target `[B, U]` holds
  /// indices of symbols other than the blank, `targetLengths` says how many of each row there are, and what stands
  /// behind them does not matter. Every sequence counts once, however long it is. A label that is none, or the blank,
  /// is a mistake of the program and stops it: check labels that come from outside before.
  ///
  /// Labels that T steps cannot say have no path and the loss is infinite: it takes a step a label, and one more for
  /// the blank between two equal ones (``ctcStepsNeeded(_:)``). No gradient comes from such a sequence.
  ///
  /// - Parameters:
  ///   - blank: the index of the blank.
  ///   - zeroInfinity: whether the loss of a sequence that has no path is 0 instead.
  ///   - perLabel: whether each sequence's loss is divided by its number of labels, at least 1; with equal weights the
  ///     mean over a batch is then that of PyTorch's `CTCLoss`.
  public static func ctc(blank: Int = 0, zeroInfinity: Bool = false, perLabel: Bool = false) -> Loss {
    require(blank >= 0, "ctc: the blank is \(blank), and must be an index from 0")
    return Loss("ctc", prediction: .logits) { batch in
      let labels = CTC.labels(of: batch, blank: blank)
      let loss = CTC(blank: blank, zeroInfinity: zeroInfinity, labels: labels, lengths: batch.lengths)
        .losses(of: batch.prediction)
      guard perLabel else { return loss }
      return loss * Tensor(labels.map { 1 / Float(max(1, $0.count)) })
    }
  }

  /// How many steps it takes to say some labels: one a label, and a blank between two equal ones.
  public static func ctcStepsNeeded(_ labels: [Int]) -> Int {
    labels.count + zip(labels, labels.dropFirst()).count { $0 == $1 }
  }
}

/// The loss of one batch.
private struct CTC {
  let blank: Int
  let zeroInfinity: Bool
  let labels: [[Int]]
  let lengths: [Int]

  /// The logarithm of what cannot be, as the kernel has it.
  private static let impossible: Float = -1e30

  /// The labels of each sequence, checked.
  static func labels(of batch: SequenceBatch, blank: Int) -> [[Int]] {
    let (prediction, target) = (batch.prediction.shape, batch.target.shape)
    require(
      prediction.count == 3 && target.count == 2,
      "ctc: a prediction of shape \(prediction) and a target of shape \(target); expected [B, T, V] and [B, U]")
    let symbols = prediction[2]
    require(blank < symbols, "ctc: the blank is \(blank), and the prediction has \(symbols) symbols, from 0")
    return batch.target.read { values in
      (0..<batch.count).map { row in
        (0..<(batch.targetLengths?[row] ?? target[1])).map { place in
          let value = values[row * target[1] + place]
          require(
            value >= 0 && value < Float(symbols) && value == value.rounded() && Int(value) != blank,
            "ctc: label \(place) of sequence \(row) is \(value); "
              + "labels are 0 ..< \(symbols), and not the blank, \(blank)")
          return Int(value)
        }
      }
    }
  }

  /// The losses `[N]` of logits `[N, T, V]`. The gradient is found on the way where one is wanted: it takes the same
  /// forward variables.
  func losses(of logits: Tensor) -> Tensor {
    let (count, time, symbols) = (logits.shape[0], logits.shape[1], logits.shape[2])
    let size = time * symbols
    let wantsGradient = Recording.current?.differentiates([logits]) ?? false
    let losses = Storage(count: count)
    var slopes = Tensor.zeros(wantsGradient ? logits.shape : [0])
    slopes.write { slopes in
      logits.read { logits in
        parallel(count) { part in
          for row in part {
            losses.pointer[row] = sequence(
              row, logits + row * size, symbols: symbols, gradient: wantsGradient ? slopes + row * size : nil)
          }
        }
      }
    }
    let saved = slopes
    return Tensor(losses, shape: [count]).recording((logits, { saved * $0.reshaped([count, 1, 1]) }), as: "ctc")
  }

  /// The loss of one sequence, and its gradient by the logits where that is wanted.
  private func sequence(_ row: Int, _ logits: P, symbols: Int, gradient: M?) -> Float {
    let (steps, labels) = (lengths[row], labels[row])
    let states = 2 * labels.count + 1
    let stride = (states + 4 + 15) / 16 * 16
    let logarithms = Storage(count: steps * symbols)
    kernels.logSoftmaxRows(steps, symbols, logits, logarithms.pointer)
    let emissions = Storage(count: steps * stride)
    let hasNaN = labels.withUnsafeBufferPointer {
      gather($0, logarithms.address, symbols: symbols, steps: steps, stride: stride, into: emissions.pointer)
    }
    if hasNaN { return .nan }
    let rows = Storage(count: (steps + 3) * stride + steps)
    kernels.fill((steps + 3) * stride, Self.impossible, rows.pointer)
    let (alphas, scratch) = (rows.pointer, rows.pointer + steps * stride)
    let (skips, maxima) = (rows.pointer + (steps + 2) * stride, rows.pointer + (steps + 3) * stride)
    let arguments = CTCArguments(
      steps: steps, states: states, stride: stride, emissions: emissions.address, skips: skips, alphas: alphas,
      maxima: maxima, scratch: scratch)
    for (index, label) in labels.enumerated() where index > 0 && label != labels[index - 1] { skips[3 + 2 * index] = 0 }

    let loss = withExtendedLifetime((emissions, rows)) { () -> Double in
      guard kernels.ctcForward(arguments) else { return .infinity }
      // The greatest values of the rows before the last are what it was taken less of.
      let offset = (0..<steps - 1).reduce(0.0) { $0 + Double(maxima[$1]) }
      let last = alphas + (steps - 1) * stride + 2 + states - 1
      let (end, other) = (Double(last[0]), states > 1 ? Double(last[-1]) : Double(Self.impossible))
      let greatest = max(end, other)
      if greatest < -1e29 { return .infinity }
      return -(offset + greatest + Double.log(onePlus: .exp(min(end, other) - greatest)))
    }
    guard loss.isFinite else { return zeroInfinity ? 0 : .infinity }
    guard let gradient else { return Float(loss) }
    withExtendedLifetime((logarithms, emissions, rows)) {
      kernels.ctcOccupancies(arguments)
      kernels.unary(UnaryOperation.exponential.rawValue, steps * symbols, logarithms.address, gradient)
      labels.withUnsafeBufferPointer {
        subtract(alphas, $0, symbols: symbols, steps: steps, stride: stride, from: gradient)
      }
    }
    return Float(loss)
  }

  /// The log-probabilities of the states' symbols, each row with its neighbors. Returns whether one is not a number.
  private func gather(
    _ labels: UnsafeBufferPointer<Int>, _ logarithms: P, symbols: Int, steps: Int, stride: Int, into emissions: M
  ) -> Bool {
    var hasNaN = false
    kernels.fill(steps * stride, Self.impossible, emissions)
    for step in 0..<steps {
      let (source, target) = (logarithms + step * symbols, emissions + step * stride + 2)
      func value(_ symbol: Int) -> Float {
        let value = source[symbol]
        hasNaN = hasNaN || value.isNaN
        return value < Self.impossible ? Self.impossible : value
      }
      let ofBlank = value(blank)
      target[0] = ofBlank
      for index in 0..<labels.count {
        target[2 * index + 1] = value(labels[index])
        target[2 * index + 2] = ofBlank
      }
    }
    return hasNaN
  }

  /// Takes how probable each state is from the probabilities of its symbol: the gradient by the logits.
  private func subtract(
    _ occupancies: P, _ labels: UnsafeBufferPointer<Int>, symbols: Int, steps: Int, stride: Int, from gradient: M
  ) {
    for step in 0..<steps {
      let (source, target) = (occupancies + step * stride + 2, gradient + step * symbols)
      var ofBlank = source[0]
      for index in 0..<labels.count {
        target[labels[index]] -= source[2 * index + 1]
        ofBlank += source[2 * index + 2]
      }
      target[blank] -= ofBlank
    }
  }
}
