import RefrainTestSupport
import Testing

@testable import Refrain

/// A layer that goes through time, with its input and the state before it.
struct Passing<L: Module, State: TensorGroup>: Module {
  var layer: L
  var input: Tensor
  var state: State

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try layer.forEachTensor(under: "layer", body)
    try input.forEachTensor(under: "input", body)
    try state.forEachTensor(under: "state", body)
  }

  /// The gradient of the sum of an outcome's tensors times ramps.
  func gradient(_ outcome: (Self) -> Outcome<State>) -> Self {
    valueAndGradient(at: self) { point in
      let found = outcome(point)
      return zip(found.tensors, found.ramps).map { ($0 * $1).sum() }.reduce(Tensor(0), +)
    }.gradient
  }
}

/// Loss and metric of a compiled model over windows, without learning: those of whole sequences where the state is
/// carried.
func expectCarriesState(
  _ layers: [any Layer], inputShape: [Int?], x: Tensor, y: Tensor, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  var model = Sequential(exampleShape: inputShape, seed: 1) { layers }
  model.compile(optimizer: SGD(learningRate: 0), loss: .meanSquaredError)
  let steps = Steps(lengths: [6, 5, 0, 6, 3], present: StepsTests.present, resets: StepsTests.resets)
  let whole = model.evaluate(x, y, steps: steps)
  for size in [1, 4] {
    let history = try model.fit(x, y, steps: steps, shuffle: false, truncation: size)
    #expect(
      abs(history.losses[0] - whole.loss) < 1e-5 * whole.loss, "windows of \(size)", sourceLocation: sourceLocation)
  }
  var learning = model
  learning.compile(optimizer: SGD(learningRate: 0.1), loss: .meanSquaredError)
  let losses = try learning.fit(x, y, steps: steps, epochs: 4, truncation: 3).losses
  #expect(losses[3] < losses[0], sourceLocation: sourceLocation)
}
