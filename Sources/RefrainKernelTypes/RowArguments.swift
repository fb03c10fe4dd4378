// The arguments of the kernels that go over matrices row by row.

/// An operation on each pair of elements of two matrices `[rows, columns]`.
public struct BinaryRowsArguments {
  /// The raw value of a `BinaryOperation`.
  public var operation: Int
  /// The rows.
  public var rows: Int
  /// The columns.
  public var columns: Int
  /// The left operand.
  public var x: UnsafePointer<Float>
  /// The floats from row to row of it.
  public var xStride: Int
  /// The floats from column to column of it: 1, or 0 for one number a row.
  public var xStep: Int
  /// The right operand.
  public var y: UnsafePointer<Float>
  /// The floats from row to row of it.
  public var yStride: Int
  /// The floats from column to column of it: 1, or 0 for one number a row.
  public var yStep: Int
  /// The results, written; may be `x` or `y`.
  public var z: UnsafeMutablePointer<Float>
  /// The floats from row to row of them.
  public var zStride: Int

  /// An operation; the properties say the shapes.
  public init(
    operation: Int, rows: Int, columns: Int, x: UnsafePointer<Float>, xStride: Int, xStep: Int,
    y: UnsafePointer<Float>, yStride: Int, yStep: Int, z: UnsafeMutablePointer<Float>, zStride: Int
  ) {
    self.operation = operation
    self.rows = rows
    self.columns = columns
    self.x = x
    self.xStride = xStride
    self.xStep = xStep
    self.y = y
    self.yStride = yStride
    self.yStep = yStep
    self.z = z
    self.zStride = zStride
  }
}

/// Layer normalization of the rows of a matrix `[rows, columns]`.
public struct LayerNormArguments {
  /// The rows.
  public var rows: Int
  /// The columns.
  public var columns: Int
  /// ε, added to the variance.
  public var epsilon: Float
  /// The matrix.
  public var x: UnsafePointer<Float>
  /// The floats from row to row of it.
  public var xStride: Int
  /// `[columns]`, by which the normalized values are multiplied.
  public var gain: UnsafePointer<Float>
  /// `[columns]`, added to them after that.
  public var shift: UnsafePointer<Float>
  /// Whether the results are added to `y`, rather than written over it.
  public var accumulate: Bool
  /// The results; may be `x`.
  public var y: UnsafeMutablePointer<Float>
  /// The floats from row to row of them.
  public var yStride: Int
  /// `[rows]`, written: the means, for the gradient.
  public var means: UnsafeMutablePointer<Float>
  /// `[rows]`, written: 1 / √(variance + ε), for the gradient.
  public var inverseDeviations: UnsafeMutablePointer<Float>

  /// A normalization; the properties say the shapes.
  public init(
    rows: Int, columns: Int, epsilon: Float, x: UnsafePointer<Float>, xStride: Int, gain: UnsafePointer<Float>,
    shift: UnsafePointer<Float>, accumulate: Bool, y: UnsafeMutablePointer<Float>, yStride: Int,
    means: UnsafeMutablePointer<Float>, inverseDeviations: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.columns = columns
    self.epsilon = epsilon
    self.x = x
    self.xStride = xStride
    self.gain = gain
    self.shift = shift
    self.accumulate = accumulate
    self.y = y
    self.yStride = yStride
    self.means = means
    self.inverseDeviations = inverseDeviations
  }
}

/// The gradient of a layer normalization.
public struct LayerNormGradientArguments {
  /// The rows.
  public var rows: Int
  /// The columns.
  public var columns: Int
  /// The matrix that was normalized.
  public var x: UnsafePointer<Float>
  /// The floats from row to row of it.
  public var xStride: Int
  /// `[columns]`
  public var gain: UnsafePointer<Float>
  /// `[rows]`, from the normalization.
  public var means: UnsafePointer<Float>
  /// `[rows]`, from the normalization.
  public var inverseDeviations: UnsafePointer<Float>
  /// The gradient of the results.
  public var dy: UnsafePointer<Float>
  /// The floats from row to row of it.
  public var dyStride: Int
  /// The gradient of the matrix, written; may be `x` or `dy`.
  public var dx: UnsafeMutablePointer<Float>
  /// The floats from row to row of it.
  public var dxStride: Int
  /// `[rows / rowsPerSum, columns]`: the gain's gradient is added to it.
  public var dgain: UnsafeMutablePointer<Float>
  /// The same for the shift's; nil if that is not wanted.
  public var dshift: UnsafeMutablePointer<Float>?
  /// The floats from row to row of these two; 0 if there is one row.
  public var sumStride: Int
  /// How many rows of the matrix go into one row of these two.
  public var rowsPerSum: Int

  /// A gradient; the properties say the shapes.
  public init(
    rows: Int, columns: Int, x: UnsafePointer<Float>, xStride: Int, gain: UnsafePointer<Float>,
    means: UnsafePointer<Float>, inverseDeviations: UnsafePointer<Float>, dy: UnsafePointer<Float>, dyStride: Int,
    dx: UnsafeMutablePointer<Float>, dxStride: Int, dgain: UnsafeMutablePointer<Float>,
    dshift: UnsafeMutablePointer<Float>?, sumStride: Int, rowsPerSum: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.x = x
    self.xStride = xStride
    self.gain = gain
    self.means = means
    self.inverseDeviations = inverseDeviations
    self.dy = dy
    self.dyStride = dyStride
    self.dx = dx
    self.dxStride = dxStride
    self.dgain = dgain
    self.dshift = dshift
    self.sumStride = sumStride
    self.rowsPerSum = rowsPerSum
  }
}

/// The cross entropy of logits `[rows, columns]`, contiguous, with one target class a row; the same for its gradient.
public struct CrossEntropyArguments {
  /// The rows.
  public var rows: Int
  /// The classes.
  public var columns: Int
  /// The logits.
  public var logits: UnsafePointer<Float>
  /// `[rows]`, each a class.
  public var targets: UnsafePointer<Int>
  /// ε: the target distribution is 1 − ε on the target and ε spread over all classes.
  public var smoothing: Float
  /// `[rows]`: each row's greatest logit, which the cross entropy writes and its gradient reads.
  public var maxima: UnsafeMutablePointer<Float>
  /// `[rows]`: Σ e^(logit − maximum) of each row, likewise.
  public var sums: UnsafeMutablePointer<Float>

  /// A cross entropy; the properties say the shapes.
  public init(
    rows: Int, columns: Int, logits: UnsafePointer<Float>, targets: UnsafePointer<Int>, smoothing: Float,
    maxima: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.columns = columns
    self.logits = logits
    self.targets = targets
    self.smoothing = smoothing
    self.maxima = maxima
    self.sums = sums
  }
}
