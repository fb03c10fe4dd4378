import Refrain

extension Layer {
  /// The output of the layer; `steps` become those that it passes on.
  func callAsFunction(_ input: Tensor, passing steps: inout Steps) -> Tensor {
    let output = self(StepValues(input, steps: steps))
    steps = output.steps
    return output.values
  }
}
