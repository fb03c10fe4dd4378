// The arguments of the products. No two buffers of a call overlap.

/// C (+)= A · B (+ bias), with A `[M, K]` and B `[K, N]`.
public struct ProductArguments {
  /// M
  public var rows: Int
  /// N
  public var columns: Int
  /// K
  public var depth: Int
  /// A, whose element (r, k) is `a[(aOffsets?[r] ?? r) · aRowStep + k · aColumnStep]`.
  public var a: UnsafePointer<Float>
  /// The floats from row to row of A.
  public var aRowStep: Int
  /// The floats from column to column of A.
  public var aColumnStep: Int
  /// `[M]`, which row of A stands for each; nil if each stands for itself.
  public var aOffsets: UnsafePointer<Int>?
  /// B, as `packPanels` wrote it.
  public var packed: UnsafePointer<Float>
  /// `[N]`, added to every row; nil if there is none.
  public var bias: UnsafePointer<Float>?
  /// Whether the product is added to C, rather than written over it.
  public var accumulate: Bool
  /// C, whose row r is N floats at `c[(cOffsets?[r] ?? r) · cRowStep]`.
  public var c: UnsafeMutablePointer<Float>
  /// The floats from row to row of C.
  public var cRowStep: Int
  /// `[M]`, which row of C each goes to; nil if each goes to itself.
  public var cOffsets: UnsafePointer<Int>?

  /// A product; the properties say the shapes.
  public init(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aRowStep: Int, aColumnStep: Int,
    aOffsets: UnsafePointer<Int>? = nil, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
    accumulate: Bool, c: UnsafeMutablePointer<Float>, cRowStep: Int, cOffsets: UnsafePointer<Int>? = nil
  ) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.a = a
    self.aRowStep = aRowStep
    self.aColumnStep = aColumnStep
    self.aOffsets = aOffsets
    self.packed = packed
    self.bias = bias
    self.accumulate = accumulate
    self.c = c
    self.cRowStep = cRowStep
    self.cOffsets = cOffsets
  }
}

/// C (+)= Aᵀ · B for one block of K, with A `[K, M]` in tiles and B `[K, N]` in panels.
public struct TiledProductArguments {
  /// M
  public var rows: Int
  /// N
  public var columns: Int
  /// The rows of the block, K.
  public var depth: Int
  /// A, as `packTiles` wrote it.
  public var tiles: UnsafePointer<Float>
  /// B, as `packPanels` wrote it.
  public var packed: UnsafePointer<Float>
  /// The rows that were packed of B.
  public var packedDepth: Int
  /// The first of them that belongs to the block.
  public var firstDepth: Int
  /// Whether the product is added to C, rather than written over it.
  public var accumulate: Bool
  /// C, whose row m is N floats at `c[m · cRowStep]`.
  public var c: UnsafeMutablePointer<Float>
  /// The floats from row to row of C.
  public var cRowStep: Int

  /// A product; the properties say the shapes.
  public init(
    rows: Int, columns: Int, depth: Int, tiles: UnsafePointer<Float>, packed: UnsafePointer<Float>, packedDepth: Int,
    firstDepth: Int, accumulate: Bool, c: UnsafeMutablePointer<Float>, cRowStep: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.tiles = tiles
    self.packed = packed
    self.packedDepth = packedDepth
    self.firstDepth = firstDepth
    self.accumulate = accumulate
    self.c = c
    self.cRowStep = cRowStep
  }
}
