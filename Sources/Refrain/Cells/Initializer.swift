import RealModule

/// How weights start.
public enum Initializer {
  /// Evenly from ±√(6 / (rows + columns)) (Glorot and Bengio 2010), `[rows, columns]`.
  public static func glorotUniform(
    _ rows: Int, _ columns: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    glorotUniform([rows, columns], between: columns, and: rows, using: &generator)
  }

  /// The same for weights of any shape, through which each output sees `inputs` values and each input reaches `outputs`.
  public static func glorotUniform(
    _ shape: [Int], between inputs: Int, and outputs: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    let bound = Float.sqrt(6 / Float(max(inputs + outputs, 1)))
    return .uniform(shape, in: -bound..<bound, using: &generator)
  }

  /// One orthogonal matrix below another, `[blocks · size, size]`: a recurrent weight a gate (Saxe et al. 2013).
  public static func orthogonalBlocks(
    _ blocks: Int, _ size: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    concatenate((0..<blocks).map { _ in orthogonal(size, using: &generator) }, axis: 0)
  }

  /// Biases of `blocks` gates, `[blocks · size]`: 0, but `value` for the gate `open` (1 for a forget gate: remember at
  /// first, Jozefowicz et al. 2015).
  static func biases(_ blocks: Int, _ size: Int, open: Int?, value: Float = 1) -> Tensor {
    Tensor((0..<blocks * size).map { $0 / max(size, 1) == open ? value : 0 }, shape: [blocks * size])
  }

  /// A random orthogonal matrix `[size, size]`: Gram and Schmidt's method, twice, on normal rows.
  public static func orthogonal(_ size: Int, using generator: inout RandomGenerator) -> Tensor {
    var matrix = Tensor.normal([size, size], using: &generator)
    matrix.write { values in
      for row in 0..<size {
        let current = values + row * size
        for _ in 0..<2 {
          for earlier in 0..<row {
            let other = values + earlier * size
            kernels.addScaled(size, -kernels.dot(size, current, other), other, current)
          }
        }
        kernels.scale(size, 1 / kernels.sumOfSquares(size, current).squareRoot(), current, current)
      }
    }
    return matrix
  }
}
