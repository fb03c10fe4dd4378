// The arguments of products of bytes. A quantized matrix has a scale for each of its rows: a weight is a whole number
// from −127 to 127 times the scale of its row. The rows that it multiplies are quantized in the same way as they come.
// The sums are of whole numbers, and exact.
//
// The same arguments serve products of bfloat16, which have no scales, and whose sums are of floats.

/// The products of bytes of one instruction set. They are a protocol of their own because a processor may have
/// instructions for them that its set need not have (AVX-512 VNNI). Those of bfloat16 take their place where weights
/// are that, and are there for AVX-512 BF16 alone.
public protocol QuantizedKernels: SendableMetatype {
  // QuantizedRows.swift
  static func quantizedRowSize(_ depth: Int) -> Int
  static func quantizeRows(_ arguments: QuantizeRowsArguments)
  static func quantizedPackedSize(_ depth: Int, _ columns: Int) -> Int
  static func quantizedPack(_ arguments: QuantizedPackArguments)

  // QuantizedTile.swift
  static func quantizedTile(_ arguments: QuantizedTileArguments)

  // QuantizedProduct.swift
  static func quantizedProduct(_ arguments: QuantizedProductArguments)
}

/// Rows to be quantized.
public struct QuantizeRowsArguments {
  /// Their number.
  public var rows: Int
  /// K, the numbers in a row.
  public var depth: Int
  /// Row r is K floats at `x[r · stride]`.
  public var x: UnsafePointer<Float>
  /// The floats from row to row.
  public var stride: Int
  /// `[rows, quantizedRowSize]` bytes, written.
  public var quantized: UnsafeMutableRawPointer
  /// `[rows]`, written: what a whole number stands for. Left as it is where there are no scales.
  public var scales: UnsafeMutablePointer<Float>

  /// Rows; the properties say the shapes.
  public init(
    rows: Int, depth: Int, x: UnsafePointer<Float>, stride: Int, quantized: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.depth = depth
    self.x = x
    self.stride = stride
    self.quantized = quantized
    self.scales = scales
  }
}

/// One vector of columns of a panel, to be packed.
public struct QuantizedPackArguments {
  /// K
  public var depth: Int
  /// How many of the vector's columns exist; the others are zero.
  public var lanes: Int
  /// The vectors that the panel is wide.
  public var vectors: Int
  /// Which of them this one is.
  public var vector: Int
  /// The weights of column l are K floats at `weights[l · K]`: whole multiples of its scale, but for rounding.
  public var weights: UnsafePointer<Float>
  /// `[lanes]`; nil where there are no scales.
  public var scales: UnsafePointer<Float>?
  /// The panel, of `quantizedPackedSize` floats for all its columns.
  public var panel: UnsafeMutablePointer<Float>

  /// A vector; the properties say the shapes.
  public init(
    depth: Int, lanes: Int, vectors: Int, vector: Int, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    panel: UnsafeMutablePointer<Float>
  ) {
    self.depth = depth
    self.lanes = lanes
    self.vectors = vectors
    self.vector = vector
    self.weights = weights
    self.scales = scales
    self.panel = panel
  }
}

/// A few quantized rows times a panel, added to sums.
public struct QuantizedTileArguments {
  /// From 1 to 6.
  public var rows: Int
  /// The vectors that the panel is wide, from 1 to 4.
  public var vectors: Int
  /// K
  public var depth: Int
  /// Row r is at `a[(offsets?[r] ?? r) · quantizedRowSize]`.
  public var a: UnsafeRawPointer
  /// Its scale is `scales[offsets?[r] ?? r]`.
  public var scales: UnsafePointer<Float>
  /// `[rows]`, which of the quantized rows stands for each; nil if each stands for itself.
  public var offsets: UnsafePointer<Int>?
  /// The panel, as `quantizedPack` wrote it.
  public var panel: UnsafePointer<Float>
  /// Vector j of row r is added to that at `sums[r · stride + j · width]`.
  public var sums: UnsafeMutablePointer<Float>
  /// The floats from row to row of the sums.
  public var stride: Int
  /// Which vector of the sums the third of the panel goes to: 2, or 3.
  public var thirdSlot: Int

  /// A tile; the properties say the shapes. (The kernels make this one.)
  @inlinable @inline(always)
  public init(
    rows: Int, vectors: Int, depth: Int, a: UnsafeRawPointer, scales: UnsafePointer<Float>,
    offsets: UnsafePointer<Int>? = nil, panel: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>, stride: Int,
    thirdSlot: Int = 2
  ) {
    self.rows = rows
    self.vectors = vectors
    self.depth = depth
    self.a = a
    self.scales = scales
    self.offsets = offsets
    self.panel = panel
    self.sums = sums
    self.stride = stride
    self.thirdSlot = thirdSlot
  }
}

/// C (+)= A · B (+ bias), with A `[M, K]` and B `[K, N]` of bytes.
public struct QuantizedProductArguments {
  /// M
  public var rows: Int
  /// N
  public var columns: Int
  /// K
  public var depth: Int
  /// A, as `quantizeRows` wrote it.
  public var a: UnsafeRawPointer
  /// `[M]`
  public var scales: UnsafePointer<Float>
  /// B: panels of `panelWidth` columns, each of `quantizedPackedSize` floats, as `quantizedPack` wrote them.
  public var packed: UnsafePointer<Float>
  /// `[N]`, added to every row; nil if there is none.
  public var bias: UnsafePointer<Float>?
  /// Whether the product is added to C, rather than written over it.
  public var accumulate: Bool
  /// C, whose row r is N floats at `c[r · stride]`.
  public var c: UnsafeMutablePointer<Float>
  /// The floats from row to row of C.
  public var stride: Int

  /// A product; the properties say the shapes.
  public init(
    rows: Int, columns: Int, depth: Int, a: UnsafeRawPointer, scales: UnsafePointer<Float>,
    packed: UnsafePointer<Float>, bias: UnsafePointer<Float>?, accumulate: Bool, c: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.a = a
    self.scales = scales
    self.packed = packed
    self.bias = bias
    self.accumulate = accumulate
    self.c = c
    self.stride = stride
  }
}
