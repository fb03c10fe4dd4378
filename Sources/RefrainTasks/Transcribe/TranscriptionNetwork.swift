import Refrain
import RefrainData

/// The network of a ``Transcriber``: recurrent layers, in both directions unless it is for live use, and at each step
/// the logits of all symbols.
package struct TranscriptionNetwork: TracedNetwork {
  package var recurrent: any Layer
  package var head: Dense
  private let inputSize: Int
  private let regularizers: RecurrentRegularizers?

  init(_ plan: TranscriptionPlan, using generator: inout RandomGenerator) {
    let cell: any RecurrentCell.Type = Cells.named(plan.cell) ?? LSTMCell.self
    recurrent = Self.stack(plan, cell)
    recurrent.build(for: [nil, nil, plan.inputSize], using: &generator)
    head = Dense(
      inputSize: plan.hiddenSize * (plan.isLive ? 1 : 2), outputSize: plan.symbols.count, using: &generator)
    (inputSize, regularizers) = (plan.inputSize, plan.regularizers)
  }

  /// The recurrent layers, without weights.
  static func stack<Cell: RecurrentCell>(_ plan: TranscriptionPlan, _ cell: Cell.Type) -> any Layer {
    let regularization = plan.regularizers.regularization(of: cell)
    let sizes = Array(repeating: plan.hiddenSize, count: plan.layers)
    return plan.isLive
      ? Stacked<Recurrent<Cell>>(sizes, dropout: plan.dropout, returning: .everyStep).regularized(by: regularization)
      : Stacked<Bidirectional<Cell>>(sizes, dropout: plan.dropout, returning: .everyStep).regularized(
        by: regularization)
  }

  package mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try recurrent.forEachTensor(under: "recurrent", body)
    try head.forEachTensor(under: "head", body)
  }

  /// Steps of a recording: features less their means, over their deviations, stacked.
  package var inputs: [ModelPort] {
    [ModelPort(name: "input", type: .float32, shape: [nil, nil, inputSize])]
  }

  /// The logits of all symbols at each step; the blank is the first.
  package var outputs: [ModelPort] {
    [ModelPort(name: "output", type: .float32, shape: [nil, nil, head.weight.shape[0]])]
  }

  package func callAsFunction(_ inputs: [Tensor], layers: LayerCalls) -> [Tensor] {
    [head(layers(recurrent, named: "recurrent", inputs[0]))]
  }

  /// The logits `[B, T, V]` of padded steps `[B, T, I]`.
  func logits(_ input: Tensor, lengths: [Int], dropout rate: Float = 0) -> Tensor {
    let outputs = regularizers.penalizing(recurrent(StepValues(input, steps: Steps(lengths: lengths))))
    return head(dropout(outputs.values, rate: rate))
  }
}
