import Refrain
import RefrainData

/// The networks of a ``Detector``: one foretells the next row from those before it, one says a window of rows again
/// that it has seen through the narrow place between an encoder and a decoder (Malhotra et al. 2016). Both read, for
/// each channel, the squashed value and whether it is there, and the waves of the season; both say values of the
/// channels.
struct DetectionNetwork: Module {
  /// `[B, T, I]` to `[B, T, D]`, the next row after each.
  var predictor: Sequential?
  /// `[B, window, I]` to `[B, window, D]`.
  var autoencoder: Sequential?

  init(_ plan: DetectorPlan, using generator: inout RandomGenerator) {
    let cell: any RecurrentCell.Type = Cells.named(plan.cell) ?? LSTMCell.self
    let (input, output) = (plan.inputSize, plan.channels.count)
    func stack<Cell: RecurrentCell>(_ cell: Cell.Type, _ size: Int, _ returning: Returning) -> any Layer {
      Stacked<Recurrent<Cell>>(Array(repeating: size, count: plan.layers), returning: returning)
        .regularized(by: plan.regularizers.regularization(of: cell))
    }
    // The layer that penalizes what the last recurrent one says has no weights.
    let penalty: [any Layer] = plan.regularizers.penalty.map { [$0] } ?? []
    if plan.method != .reconstruction {
      predictor = Sequential(
        exampleShape: [nil, input],
        layers: [stack(cell, plan.hiddenSize, .everyStep)] + penalty + [Dense(output)], using: &generator)
    }
    if plan.method != .prediction {
      let narrow = max(4, plan.hiddenSize / 2)
      autoencoder = Sequential(
        exampleShape: [plan.window, input],
        layers: [
          stack(cell, narrow, .lastStep), RepeatVector(plan.window), stack(cell, narrow, .everyStep),
        ] + penalty + [Dense(output)], using: &generator)
    }
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try predictor?.forEachTensor(under: "predictor", body)
    try autoencoder?.forEachTensor(under: "autoencoder", body)
  }

  /// About how many weights there will be; nil where one of the sizes is impossible.
  static func weightCount(_ plan: DetectorPlan) -> Double? {
    // Four gates at most of two matrices each, three stacks, with room for cells that have more.
    let (hidden, input) = (Double(plan.hiddenSize), Double(plan.inputSize))
    return Double(plan.layers) * hidden * (hidden + input) + hidden * Double(plan.channels.count)
  }
}
