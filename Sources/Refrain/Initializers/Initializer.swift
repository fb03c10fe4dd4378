import RealModule

/// How weights start.
public enum Initializer {
  /// Whether the weights are zeros, because only their shapes are wanted: a large orthogonal matrix takes seconds.
  @TaskLocal static var drawsNothing = false

  /// Evenly from ±√(6 / (rows + columns)) (Glorot and Bengio 2010), `[rows, columns]`.
  public static func glorotUniform(
    _ rows: Int, _ columns: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    glorotUniform([rows, columns], between: columns, and: rows, using: &generator)
  }

  /// The same for weights of any shape, through which each output sees `inputs` values and each input reaches
  /// `outputs`.
  public static func glorotUniform(
    _ shape: [Int], between inputs: Int, and outputs: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    uniform(shape, squaredBound: 6 / Float(max(inputs + outputs, 1)), using: &generator)
  }

  /// Normal of the variance 2 / (rows + columns) (Glorot and Bengio 2010), `[rows, columns]`.
  public static func glorotNormal(
    _ rows: Int, _ columns: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    .normal([rows, columns], deviation: Float.sqrt(2 / Float(max(rows + columns, 1))), using: &generator)
  }

  /// Evenly from ±√(6 / columns), for units with a rectifier (He et al. 2015), `[rows, columns]`: a row's columns are
  /// what goes into a unit.
  public static func heUniform(
    _ rows: Int, _ columns: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    uniform([rows, columns], squaredBound: 6 / Float(max(columns, 1)), using: &generator)
  }

  /// Normal of the variance 2 / columns, for units with a rectifier (He et al. 2015), `[rows, columns]`.
  public static func heNormal(
    _ rows: Int, _ columns: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    .normal([rows, columns], deviation: Float.sqrt(2 / Float(max(columns, 1))), using: &generator)
  }

  private static func uniform(
    _ shape: [Int], squaredBound: Float, using generator: inout RandomGenerator
  ) -> Tensor {
    guard !drawsNothing else { return .zeros(shape) }
    let bound = Float.sqrt(squaredBound)
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

  /// A random orthogonal matrix `[size, size]`.
  public static func orthogonal(_ size: Int, using generator: inout RandomGenerator) -> Tensor {
    orthogonal(size, size, using: &generator)
  }

  /// A random matrix `[rows, columns]` whose rows, or columns where these are fewer, are orthogonal and of length
  /// `gain` (Saxe et al. 2013): Gram and Schmidt's method, twice, on normal rows.
  public static func orthogonal(
    _ rows: Int, _ columns: Int, gain: Float = 1, using generator: inout RandomGenerator
  ) -> Tensor {
    guard !drawsNothing else { return .zeros([rows, columns]) }
    guard rows <= columns else {
      return orthogonal(columns, rows, gain: gain, using: &generator).transposed([1, 0])
    }
    var matrix = Tensor.normal([rows, columns], using: &generator)
    matrix.write { values in
      for row in 0..<rows {
        let current = values + row * columns
        for _ in 0..<2 {
          for earlier in 0..<row {
            let other = values + earlier * columns
            kernels.addScaled(columns, -kernels.dot(columns, current, other), other, current)
          }
        }
        kernels.scale(columns, 1 / kernels.sumOfSquares(columns, current).squareRoot(), current, current)
      }
    }
    return gain == 1 ? matrix : matrix * gain
  }
}

// MARK: - By name

extension Module {
  /// Lets the tensors of some names start anew.
  ///
  ///     model.initialize("*.weight_ih*", using: &generator) { shape, generator in
  ///       Initializer.heNormal(shape[0], shape[1], using: &generator)
  ///     }
  ///
  /// - Parameters:
  ///   - pattern: which tensors, by their names in saved files; `*` stands for any characters, also none. It must fit
  ///     some.
  ///   - generator: what is drawn from.
  ///   - initializer: makes a tensor of the given shape.
  public mutating func initialize(
    _ pattern: String, using generator: inout RandomGenerator,
    by initializer: (_ shape: [Int], _ generator: inout RandomGenerator) -> Tensor
  ) {
    var names: [String] = []
    var isFound = false
    forEachTensor { name, tensor in
      names.append(name)
      guard name.matches(pattern: pattern) else { return }
      isFound = true
      let drawn = initializer(tensor.shape, &generator)
      require(drawn.shape == tensor.shape, "\(name) has the shape \(tensor.shape), and was given \(drawn.shape)")
      tensor = drawn
    }
    require(isFound, "the pattern '\(pattern)' fits none of the tensors \(names.joined(separator: ", "))")
  }
}
