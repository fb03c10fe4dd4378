import Refrain
import RefrainData
import RefrainFoundation

/// Reads sequences `[B, T, I]` and makes a vector `[B, F]` of each: recurrent layers, in both directions where the plan
/// says so, and a pooling of their steps. Texts, series and recordings end in one.
public struct SequencePart: ColumnPart {
  private(set) var recurrent: any Layer
  private var attention: [AttentionPooling]
  private let pooling: NetworkPlan.Pooling
  private let regularizers: RecurrentRegularizers?
  private let dropout: Float
  private let hasTime: Bool
  public let featureSize: Int

  /// - Parameters:
  ///   - plan: The sizes.
  ///   - inputSize: The values **I** of a step.
  ///   - hasTime: Whether the last of them is the time since the step before. A cell that reads it goes forward only;
  ///     where there is none a GRU is in its place.
  ///   - generator: What weights are drawn from.
  public init(_ plan: NetworkPlan, inputSize: Int, hasTime: Bool = false, using generator: inout RandomGenerator) {
    var plan = plan
    if plan.readsTime { if hasTime { plan.isBidirectional = false } else { plan.cell = GRUCell.name } }
    self.hasTime = hasTime
    let cell: any RecurrentCell.Type = Cells.named(plan.cell) ?? LSTMCell.self
    recurrent = Self.stack(cell, plan, inputSize: inputSize, using: &generator)
    let width = plan.hiddenSize * (plan.isBidirectional ? 2 : 1)
    pooling = plan.pooling
    dropout = plan.dropout
    regularizers = plan.regularizers
    attention = []
    if pooling == .attention {
      var layer = AttentionPooling()
      layer.build(for: [nil, nil, width], using: &generator)
      attention = [layer]
    }
    featureSize = pooling == .attention ? 2 * width : width
  }

  private static func stack<Cell: RecurrentCell>(
    _ cell: Cell.Type, _ plan: NetworkPlan, inputSize: Int, using generator: inout RandomGenerator
  ) -> any Layer {
    let sizes = Array(repeating: plan.hiddenSize, count: plan.layers)
    let returning: Returning = plan.pooling == .last ? .lastStep : .everyStep
    let regularization = plan.regularizers.regularization(of: cell)
    if plan.isBidirectional {
      return Stacked<Bidirectional<Cell>>(
        inputSize: inputSize, hiddenSizes: sizes, dropout: plan.dropout, returning: returning, using: &generator
      ).regularized(by: regularization)
    }
    return Stacked<Recurrent<Cell>>(
      inputSize: inputSize, hiddenSizes: sizes, dropout: plan.dropout, returning: returning, using: &generator
    ).regularized(by: regularization)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try recurrent.forEachTensor(under: "recurrent", body)
    try attention.forEachTensor(under: "attention", body)
  }

  public func callAsFunction(_ values: StepValues, layers: LayerCalls) -> Tensor {
    let steps = layers(recurrent, named: "recurrent", values.map(dropping))
    guard pooling != .last else { return steps.values }
    let said = regularizers.penalizing(steps)
    let greatest = GlobalPooling1D(.maximum)(said).values
    guard let attention = attention.first else { return greatest }
    return concatenate([greatest, layers(attention, named: "attention", said).values], axis: 1)
  }

  /// Leaves out values in training, but not the time.
  private func dropping(_ values: Tensor) -> Tensor {
    guard hasTime else { return Refrain.dropout(values, rate: dropout, mask: .sequence) }
    let width = values.shape[2] - 1
    let kept = Refrain.dropout(values.slice(0..<width, axis: 2), rate: dropout, mask: .sequence)
    return concatenate([kept, values.slice(width..<width + 1, axis: 2)], axis: 2)
  }

  /// About how many weights such a part has.
  public static func weightCount(_ plan: NetworkPlan, inputSize: Int) -> Double {
    let (hidden, directions) = (Double(plan.hiddenSize), plan.isBidirectional ? 2.0 : 1)
    let width = hidden * directions
    let first = directions * 4 * hidden * (Double(inputSize) + hidden + 2)
    let others = Double(plan.layers - 1) * directions * 4 * hidden * (width + hidden + 2)
    return first + others + (plan.pooling == .attention ? width * (width + 2) : 0)
  }
}

/// What the pooling of a ``SequencePart`` knows of the steps so far, one after another.
struct PooledSteps: Equatable, Sendable {
  /// The greatest value of each unit, or the last.
  fileprivate(set) var kept: [Float] = []
  /// The sum of the values by their weights, which are over that of the greatest score.
  fileprivate(set) var sums: [Float] = []
  fileprivate(set) var weights: Float = 0
  fileprivate(set) var greatestScore: Float = 0

  /// Before the first step.
  init() {}

  /// All of it in a row; none before the first step.
  var numbers: [Float] { kept.isEmpty ? [] : kept + sums + [weights, greatestScore] }

  /// What ``numbers`` gave; nil of others.
  init?(_ numbers: [Float], like part: SequencePart?) {
    guard !numbers.isEmpty else { return }
    guard let part, numbers.count == part.featureSize + 2, numbers.allSatisfy(\.isFinite) else { return nil }
    kept = Array(numbers.prefix(part.width))
    sums = Array(numbers[part.width..<part.featureSize])
    (weights, greatestScore) = (numbers[numbers.count - 2], numbers[numbers.count - 1])
    // Of attention, the step of the greatest score counts for 1.
    guard part.width == part.featureSize || weights >= 1 else { return nil }
  }
}

extension SequencePart {
  /// The values of a step as the recurrent layers give it.
  fileprivate var width: Int { attention.isEmpty ? featureSize : featureSize / 2 }

  /// Takes the next steps as the recurrent layers give them, one after the other. The softmax of the scores is that of
  /// all steps at any moment (Milakov and Gimelshein 2018).
  func add(_ outputs: [Float], to pooled: inout PooledSteps) {
    for step in 0..<outputs.count / width {
      let values = outputs[step * width..<(step + 1) * width]
      if pooled.kept.isEmpty || pooling == .last {
        pooled.kept = Array(values)
      } else {
        for (unit, value) in values.enumerated() { pooled.kept[unit] = max(pooled.kept[unit], value) }
      }
      guard let layer = attention.first else { continue }
      // Each alone: the bits do not depend on how many come at once.
      let hidden = layer.hidden(Tensor(Array(values), shape: [1, width])).values
      let score = zip(hidden, layer.weightScore.values).reduce(0) { $0 + $1.0 * $1.1 }
      if pooled.sums.isEmpty {
        (pooled.sums, pooled.greatestScore) = (Array(repeating: 0, count: width), score)
      } else if score > pooled.greatestScore {
        let share = exp(pooled.greatestScore - score)
        for unit in pooled.sums.indices { pooled.sums[unit] *= share }
        pooled.weights *= share
        pooled.greatestScore = score
      }
      let weight = exp(score - pooled.greatestScore)
      for (unit, value) in values.enumerated() { pooled.sums[unit] += weight * value }
      pooled.weights += weight
    }
  }

  /// What is made of the steps so far, `[1, F]`; nil before the first.
  func features(of pooled: PooledSteps) -> Tensor? {
    guard !pooled.kept.isEmpty else { return nil }
    let attended = pooled.sums.map { $0 / pooled.weights }
    return Tensor(pooled.kept + attended, shape: [1, featureSize])
  }
}
