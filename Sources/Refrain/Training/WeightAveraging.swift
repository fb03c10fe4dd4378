/// A mean of the weights along the way of training, which often predicts better than the point where the way ends.
///
///     Trainer(epochs: 20, averaging: .exponential(decay: 0.999))
///
/// The optimizer goes on from the weights themselves; validation, the best epoch and the result are those of the mean.
/// All tensors of the walk are averaged, the running statistics of a ``BatchNorm`` too.
public struct WeightAveraging: Sendable, Equatable {
  private enum Kind: Sendable, Equatable {
    case exponential(decay: Float)
    case uniform(firstEpoch: Int)
  }

  private let kind: Kind

  /// After each update θ̄ ← d θ̄ + (1 − d) θ (Polyak and Juditsky 1992), with d = min(`decay`, (1 + t) / (10 + t)) at
  /// the update t, so that the first weights are soon forgotten.
  public static func exponential(decay: Float = 0.999) -> WeightAveraging {
    require((0..<1).contains(decay), "the decay of averaged weights is \(decay), and must be at least 0 and below 1")
    return WeightAveraging(kind: .exponential(decay: decay))
  }

  /// The plain mean of the weights at the ends of the epochs from the given one on, the first being 1 (stochastic
  /// weight averaging; Izmailov et al. 2018).
  public static func uniform(fromEpoch first: Int) -> WeightAveraging {
    require(first > 0, "weights are to be averaged from epoch \(first) on; the first is 1")
    return WeightAveraging(kind: .uniform(firstEpoch: first))
  }

  /// Whether weights have entered the mean by the end of an epoch, from 1.
  package func isBegun(afterEpoch epoch: Int) -> Bool {
    switch kind {
    case .exponential: true
    case .uniform(let first): epoch >= first
    }
  }

  /// The part that the weights after an update have in the mean; nil where they do not enter it.
  ///
  /// - Parameter count: how many entered before.
  func part(afterUpdate count: Int) -> Float? {
    guard case .exponential(let decay) = kind else { return nil }
    return count == 0 ? 1 : 1 - min(decay, Float(1 + count) / Float(10 + count))
  }

  /// The part that the weights at the end of an epoch, from 1, have in the mean; nil where they do not enter it.
  func part(afterEpoch epoch: Int, count: Int) -> Float? {
    guard case .uniform(let first) = kind, epoch >= first else { return nil }
    return 1 / Float(count + 1)
  }
}

/// The mean of some weights.
struct AveragedWeights<Model: TensorGroup> {
  /// The mean so far; nil before the first weights enter it.
  var model: Model?

  /// Moves the mean towards new weights by `part` of the way.
  mutating func add(_ weights: Model, part: Float) {
    guard part < 1, var mean = model.take() else {
      model = weights
      return
    }
    var new = weights.tensors[...]
    mean.forEachTensor { _, tensor in tensor += (new.removeFirst() - tensor) * part }
    model = mean
  }
}
