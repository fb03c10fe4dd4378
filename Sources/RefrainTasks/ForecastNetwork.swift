import Refrain

/// The network of a ``Forecaster``: recurrent layers read the context; what they conclude, and a linear map of the
/// context, correct a naive forecast. Both corrections start at zero, so that training begins at the naive forecast.
///
///     naive[h] = the context's last value, or that of the season before
///     y[h, q] = naive[h] + (D context)[h] + (W lastOutput + b)[h, q]
///
/// The linear map is the autoregressive part of LSTNet (Lai et al. 2018); q goes over the quantiles.
package struct ForecastNetwork: Module {
  package static let quantiles: [Float] = [0.1, 0.5, 0.9]

  package var recurrent: any Layer
  package var head: Dense
  /// D, `[horizon, context · I]`
  package var skip: Tensor
  /// How many steps at the end of the context the naive forecast repeats.
  package let base: Int

  init(_ plan: ForecastPlan, featureCount: Int, using generator: inout RandomGenerator) {
    func stack<Cell: RecurrentCell>(_ cell: Cell.Type) -> any Layer {
      Stacked<Recurrent<Cell>>(
        inputSize: featureCount, hiddenSizes: Array(repeating: plan.hiddenSize, count: plan.layers), using: &generator)
    }
    let cell: any RecurrentCell.Type = Cells.named(plan.cell) ?? LSTMCell.self
    recurrent = stack(cell)
    head = Dense(
      inputSize: plan.hiddenSize, outputSize: plan.horizon * Self.quantiles.count, using: &generator)
    head.weight = .zeros(head.weight.shape)
    skip = .zeros([plan.horizon, plan.context * featureCount])
    base = plan.base
  }

  package mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try recurrent.forEachTensor(under: "recurrent", body)
    try head.forEachTensor(under: "head", body)
    try body("skip.weight", &skip)
  }

  /// Quantiles of the future, `[B, horizon, 3]`, from features `[B, context, I]` of which the first is the series.
  package func callAsFunction(_ input: Tensor) -> Tensor {
    let (batch, context) = (input.shape[0], input.shape[1])
    let horizon = skip.shape[0]
    let series = input.slice(0..<1, axis: 2).reshaped([batch, context])
    let season = series.slice(context - base..<context, axis: 1)
    let repeated = concatenate(Array(repeating: season, count: (horizon + base - 1) / base), axis: 1)
    let naive = repeated.slice(0..<horizon, axis: 1)
    let linear = input.reshaped([batch, -1]).matrixProduct(skip, transposingOther: true)
    let correction = head(recurrent(input)).reshaped([batch, horizon, Self.quantiles.count])
    return (naive + linear).reshaped([batch, horizon, 1]) + correction
  }
}
