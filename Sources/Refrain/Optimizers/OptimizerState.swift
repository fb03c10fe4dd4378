/// What an optimizer remembers from step to step: how many it has made, and the moments of each parameter. A group, so
/// it is saved with the walk that saves models, under names such as `0.weight_ih_l0.exp_avg`, and `step`.
public struct OptimizerState: TensorGroup {
  /// The number of steps made.
  public var step: Int {
    get { Int(steps.item) }
    set { steps = Tensor(Float(newValue)) }
  }
  /// For each parameter, its moments, shaped as the parameter; empty before the first step.
  public internal(set) var moments: [[Tensor]] = []
  var names: [[String]] = []
  private var steps = Tensor(0 as Float)

  /// The state before the first step.
  public init() {}

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("step", &steps)
    for parameter in moments.indices {
      for moment in moments[parameter].indices {
        try body(names[parameter][moment], &moments[parameter][moment])
      }
    }
  }
}
