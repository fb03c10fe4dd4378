import Refrain
import RefrainData

/// The network of a ``Forecaster``: recurrent layers read the context; what they conclude, and a linear map of the
/// context, correct a naive forecast. Both corrections start at zero, so that training begins at the naive forecast.
///
///     naive[h] = the context's last value, or that of the season before
///     y[h, q] = naive[h] + (D context)[h] + (W lastOutput + b)[h, q]
///
/// The linear map is the autoregressive part of LSTNet (Lai et al. 2018); q goes over the quantiles.
package struct ForecastNetwork: TracedNetwork {
  package static let quantiles: [Float] = [0.1, 0.5, 0.9]

  package var recurrent: any Layer
  package var head: Dense
  /// D, `[horizon, context · I]`
  package var skip: Tensor
  /// How many steps at the end of the context the naive forecast repeats.
  package let base: Int
  /// How many steps the network looks back.
  private let context: Int

  init(_ plan: ForecastPlan, featureCount: Int, using generator: inout RandomGenerator) {
    func stack<Cell: RecurrentCell>(_ cell: Cell.Type) -> any Layer {
      Stacked<Recurrent<Cell>>(
        inputSize: featureCount, hiddenSizes: Array(repeating: plan.hiddenSize, count: plan.layers), using: &generator
      ).regularized(by: plan.regularizers.regularization(of: cell))
    }
    let cell: any RecurrentCell.Type = Cells.named(plan.cell) ?? LSTMCell.self
    recurrent = stack(cell)
    head = Dense(
      inputSize: plan.hiddenSize, outputSize: plan.horizon * Self.quantiles.count, using: &generator)
    head.weight = .zeros(head.weight.shape)
    skip = .zeros([plan.horizon, plan.context * featureCount])
    (base, context) = (plan.base, plan.context)
  }

  package mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try recurrent.forEachTensor(under: "recurrent", body)
    try head.forEachTensor(under: "head", body)
    try body("skip.weight", &skip)
  }

  /// Features of the context, in the network's unit: the first is the series, scaled and less the mean of its last
  /// season in the context (its last value where there is no season); then come the covariates, scaled, and the sine
  /// and cosine of each longer period.
  package var inputs: [ModelPort] {
    [ModelPort(name: "input", type: .float32, shape: [nil, context, skip.shape[1] / context])]
  }

  /// The 10 %, 50 % and 90 % quantiles of the future, in the same unit.
  package var outputs: [ModelPort] {
    [ModelPort(name: "output", type: .float32, shape: [nil, skip.shape[0], Self.quantiles.count])]
  }

  package func callAsFunction(_ inputs: [Tensor], layers: LayerCalls) -> [Tensor] { [self(inputs[0], layers: layers)] }

  /// Quantiles of the future, `[B, horizon, 3]`, from features `[B, context, I]` of which the first is the series.
  package func callAsFunction(_ input: Tensor, layers: LayerCalls = LayerCalls()) -> Tensor {
    let (batch, context) = (input.shape[0], input.shape[1])
    let horizon = skip.shape[0]
    let series = input.slice(0..<1, axis: 2).reshaped([batch, context])
    let season = series.slice(context - base..<context, axis: 1)
    let repeated = concatenate(Array(repeating: season, count: (horizon + base - 1) / base), axis: 1)
    let naive = repeated.slice(0..<horizon, axis: 1)
    let linear = input.reshaped([batch, -1]).matrixProduct(skip, transposingOther: true)
    let last = layers(recurrent, named: "recurrent", input)
    let correction = head(last).reshaped([batch, horizon, Self.quantiles.count])
    return (naive + linear).reshaped([batch, horizon, 1]) + correction
  }
}
