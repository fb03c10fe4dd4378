// The arguments of the products of convolutions. No two buffers of a call overlap.

/// Outputs of one line of a convolution: C (+)= Σ_s A_s · B_s (+ bias), where row r of A_s is `depth` floats that lie
/// one behind another, at `a[starts[s] + r · aRowStep]`. Rows may overlap, so that the patches of a line need not be
/// gathered: a run of taps along the last axis of space is one row, and s goes over the taps along the others.
public struct ConvolutionLineArguments {
  /// M, the outputs.
  public var rows: Int
  /// N, the channels of an output.
  public var columns: Int
  /// How many runs s there are.
  public var runs: Int
  /// `[runs]`, where the first row of each begins.
  public var starts: UnsafePointer<Int>
  /// The floats of a row of a run, K / runs.
  public var depth: Int
  /// A, of all runs.
  public var a: UnsafePointer<Float>
  /// The floats from row to row of A.
  public var aRowStep: Int
  /// B `[K, N]`, as `packPanels` wrote it, run after run.
  public var packed: UnsafePointer<Float>
  /// `[N]`, added to every row; nil if there is none.
  public var bias: UnsafePointer<Float>?
  /// Whether the sums are added to C, rather than written over it.
  public var accumulate: Bool
  /// C, whose row r is N floats at `c[r · cRowStep]`.
  public var c: UnsafeMutablePointer<Float>
  /// The floats from row to row of C.
  public var cRowStep: Int

  /// A line; the properties say the shapes.
  public init(
    rows: Int, columns: Int, runs: Int, starts: UnsafePointer<Int>, depth: Int, a: UnsafePointer<Float>, aRowStep: Int,
    packed: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil, accumulate: Bool, c: UnsafeMutablePointer<Float>,
    cRowStep: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.runs = runs
    self.starts = starts
    self.depth = depth
    self.a = a
    self.aRowStep = aRowStep
    self.packed = packed
    self.bias = bias
    self.accumulate = accumulate
    self.c = c
    self.cRowStep = cRowStep
  }
}
