import RealModule

/// A cell with a gate that decides how much is kept from step to step, so that its bias says how long the cell
/// remembers at first.
public protocol ForgettingCell: RecurrentCell {
  /// The number of blocks of **H** values in `bias_ih`.
  static var biasBlocks: Int { get }
  /// The block of the gate that keeps: the more it is open, the longer the cell remembers.
  static var forgetBlock: Int { get }
  /// The block of the gate that lets new values in, where that is another one.
  static var inputBlock: Int? { get }
}

extension ForgettingCell {
  public static var inputBlock: Int? { nil }
}

extension Initializer {
  /// Biases `bias_ih` of a cell, 0 but the forget gate's (the update gate's of a GRU), which are `value` (Gers,
  /// Schmidhuber and Cummins 2000; Jozefowicz et al. 2015): `shape` is [G·H].
  public static func forgetBias<Cell: ForgettingCell>(_ value: Float, of cell: Cell.Type, _ shape: [Int]) -> Tensor {
    biases(of: cell, shape) { (forget: value, input: 0) }
  }

  /// Biases `bias_ih` of a cell that is to remember over up to `longestDependence` steps (Tallec and Ollivier 2018):
  /// its units forget over times drawn evenly,
  ///
  ///     b_f = log u,  u evenly from 1 … T − 1
  ///     b_i = −b_f                               where the cell has an input gate
  ///
  /// and the others are 0. `shape` is [G·H]. A GRU's update gate, which here keeps where it is open, takes the part of
  /// the forget gate.
  public static func chrono<Cell: ForgettingCell>(
    longestDependence: Int, of cell: Cell.Type, _ shape: [Int], using generator: inout RandomGenerator
  ) -> Tensor {
    require(longestDependence > 1, "the longest dependence is \(longestDependence) steps, and must be at least 2")
    let greatest = Float(longestDependence - 1)
    return biases(of: cell, shape) {
      let forget = Float.log(1 + (greatest - 1) * generator.uniform())
      return (forget: forget, input: -forget)
    }
  }

  private static func biases<Cell: ForgettingCell>(
    of cell: Cell.Type, _ shape: [Int], _ gates: () -> (forget: Float, input: Float)
  ) -> Tensor {
    require(
      shape.count == 1 && shape[0] % Cell.biasBlocks == 0,
      "biases of shape \(shape) are not those of \(Cell.name), [\(Cell.biasBlocks) · H]")
    let size = shape[0] / Cell.biasBlocks
    var bias = Tensor.zeros(shape)
    for unit in 0..<size {
      let values = gates()
      bias[Cell.forgetBlock * size + unit] = values.forget
      if let block = Cell.inputBlock { bias[block * size + unit] = values.input }
    }
    return bias
  }
}
