/// Stands between the gradient of a batch and the update along it: the mean over several machines, noise, a clipping of
/// one's own.
///
///     struct MeanOverMachines: GradientExchange {
///       func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) throws(TrainingError) {
///         // Σ w g / Σ w, with the sums over all machines
///       }
///     }
///
/// The exchanges of ``Trainer/exchanges`` run in their order at every update, before the trainer's own clipping and
/// noise. A batch whose weight is 0 is exchanged too, as other machines may wait; an update is made where the weight is
/// more than 0 after all.
public protocol GradientExchange {
  /// Changes the gradient that is to be applied.
  ///
  /// - Parameters:
  ///   - gradient: of the mean loss of the batch, or of the batches accumulated; on return what is to be applied.
  ///   - step: its weight, which an exchange over machines makes that of all of them, and the update's place in
  ///     training.
  /// - Throws: ``TrainingError``, made by ``TrainingError/init(_:_:)``, which ends training.
  func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) throws(TrainingError)
}

/// What is known of a gradient besides its values.
public struct GradientStep: Sendable {
  /// The weight of the batch in a mean over batches: how many examples, or steps, counted.
  public var weight: Double
  /// How many updates the optimizer has made before.
  public let step: Int
  /// What noise is drawn from: it follows from the training's seed and the batch alone.
  public var generator: RandomGenerator

  /// The facts of a gradient of the given weight.
  public init(weight: Double, step: Int, generator: RandomGenerator) {
    self.weight = weight
    self.step = step
    self.generator = generator
  }
}

extension Clipping: GradientExchange {
  public func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) { gradient.clip(self) }
}

extension GradientNoise: GradientExchange {
  public func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
    add(to: &gradient, step: step.step, using: &step.generator)
  }
}

/// The sum of the gradients of several batches, each with its weight: their mean is the gradient of all the batches as
/// one, up to the order of the sums.
struct AccumulatedGradient<Model: TensorGroup> {
  private var sum: Model?
  private(set) var weight = 0.0
  private(set) var count = 0

  mutating func add(_ gradient: consuming Model, weight: Double) {
    count += 1
    guard weight > 0 else { return }
    self.weight += weight
    guard var total = sum.take() else {
      gradient.forEachTensor { _, tensor in tensor.scale(by: Float(weight)) }
      sum = gradient
      return
    }
    var added = gradient.tensors[...]
    total.forEachTensor { _, tensor in tensor.add(added.removeFirst(), scaledBy: Float(weight)) }
    sum = total
  }

  /// The mean, and nothing is left; nil when nothing counted.
  mutating func take() -> (gradient: Model, weight: Double)? {
    defer { self = AccumulatedGradient() }
    guard var mean = sum.take() else { return nil }
    let factor = Float(1 / weight)
    mean.forEachTensor { _, tensor in tensor.scale(by: factor) }
    return (mean, weight)
  }
}

extension Tensor {
  /// Multiplies all values; a sparse gradient stays sparse.
  fileprivate mutating func scale(by factor: Float) {
    if let rows = sparseRows {
      self = Tensor(sparseRows: SparseRows(rows, values: rows.values * factor), shape: shape)
    } else {
      self *= Tensor(factor)
    }
  }

  /// Adds a multiple of another gradient; two sparse ones stay sparse.
  fileprivate mutating func add(_ other: Tensor, scaledBy factor: Float) {
    var other = other
    other.scale(by: factor)
    add(gradient: other)
  }
}
