// One step of learning by the LSTM of ScratchLSTM.swift, and the same step by the layer. The numbers are equal; the
// layer's kernel is only faster.
import Refrain

/// The greatest difference between two tensors.
func difference(_ a: Tensor, _ b: Tensor) -> Float {
  zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

func fromScratch() -> (differences: [String: Float], losses: [Float]) {
  var generator = RandomGenerator(seed: 1)
  let (batch, time, inputSize, hiddenSize) = (4, 9, 3, 8)
  let x = Tensor.normal([batch, time, inputSize], using: &generator)
  let target = Tensor.uniform([batch, time, hiddenSize], in: -0.5..<0.5, using: &generator)
  var layer = LSTM(inputSize: inputSize, hiddenSize: hiddenSize, returning: .everyStep, using: &generator)

  // By hand: forward, the gradient of the mean squared error by the outputs, back, and a step against the gradient.
  var weights = Weights(w: layer.cell.weightInput, r: layer.cell.weightHidden, b: layer.cell.bias)
  let inputs = (0..<time).map { x.at($0, axis: 1) }
  let (hidden, steps) = forward(inputs, weights)
  let outputs = stack(hidden, axis: 1)
  let missed = outputs - target
  let dOutputs = missed * (2 / Float(missed.count))
  let gradient = backward((0..<time).map { dOutputs.at($0, axis: 1) }, steps, weights)
  weights.w -= 0.5 * gradient.w
  weights.r -= 0.5 * gradient.r
  weights.b -= 0.5 * gradient.b
  let after = stack(forward(inputs, weights).outputs, axis: 1) - target

  // By the layer.
  let layerOutputs = layer(x)
  let (_, layerGradient) = valueAndGradient(at: layer) { Loss.meanSquaredError($0(x), target) }
  var optimizer = SGD(learningRate: 0.5)
  optimizer.update(&layer, along: layerGradient)

  let differences = [
    "outputs": difference(outputs, layerOutputs),
    "gradient of W": difference(gradient.w, layerGradient.cell.weightInput),
    "gradient of R": difference(gradient.r, layerGradient.cell.weightHidden),
    "gradient of b": difference(gradient.b, layerGradient.cell.bias),
    "outputs after the step": difference(after + target, layer(x)),
  ]
  return (differences, [missed.squared.mean().item, after.squared.mean().item])
}

let (differences, losses) = fromScratch()
print("mean squared error \(losses[0]), after one step \(losses[1])")
for (name, value) in differences.sorted(by: { $0.key < $1.key }) {
  print("\(name): differs from the layer's by at most \(value)")
}
