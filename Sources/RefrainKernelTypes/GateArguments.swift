// The arguments of the gate functions alone, for cells whose products a caller computes. H is the hidden size, Hp that
// padded to whole vectors (`paddedSize`).

/// The gate function of a cell of a single stage, at one step. No two buffers overlap, but that `keptGates` may be
/// `sums` where they are of one shape.
public struct RecurrentGatesArguments {
  /// The raw value of a `RecurrentKind`.
  public var kind: Int
  /// H
  public var hiddenSize: Int
  /// `[rows, gates · H]`, in the order of the cell's file; of the GRU r z n and hn.
  public var sums: UnsafePointer<Float>
  /// The floats from row to row of the sums.
  public var sumsStride: Int
  /// `[k, Hp]`, the factors unit by unit; nil if the cell has none.
  public var parameters: UnsafePointer<Float>?
  /// `[rows, Hp]`, the hidden state before.
  public var previous: UnsafeMutablePointer<Float>
  /// `[rows, Hp]`, written: the one after.
  public var next: UnsafeMutablePointer<Float>
  /// `[rows, Hp]`. In: the cell state before; out: after. A cell without one does not touch it.
  public var cell: UnsafeMutablePointer<Float>
  /// `[rows, kept · H]`, written, for the backward pass; nil if that is not wanted.
  public var keptGates: UnsafeMutablePointer<Float>?

  /// A step; the properties say the shapes.
  public init(
    kind: Int, hiddenSize: Int, sums: UnsafePointer<Float>, sumsStride: Int, parameters: UnsafePointer<Float>? = nil,
    previous: UnsafeMutablePointer<Float>, next: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>,
    keptGates: UnsafeMutablePointer<Float>?
  ) {
    self.kind = kind
    self.hiddenSize = hiddenSize
    self.sums = sums
    self.sumsStride = sumsStride
    self.parameters = parameters
    self.previous = previous
    self.next = next
    self.cell = cell
    self.keptGates = keptGates
  }
}

/// The backward pass through a gate function, of cells without parameters.
public struct RecurrentGatesBackwardArguments {
  /// The raw value of a `RecurrentKind`.
  public var kind: Int
  /// H
  public var hiddenSize: Int
  /// `[rows, kept · H]`. In: the kept gates; out: the gradients of the sums.
  public var gates: UnsafeMutablePointer<Float>
  /// `[rows, Hp]`, the hidden state before, of the GRU.
  public var previous: UnsafePointer<Float>
  /// The cell state before, of an LSTM.
  public var cell: UnsafePointer<Float>
  /// The floats from row to row of the cell state.
  public var cellStride: Int
  /// `[rows, Hp]`. In: the gradient of the hidden state after; out: the GRU's is that of the state before.
  public var hiddenGradient: UnsafeMutablePointer<Float>
  /// `[rows, Hp]`. In: the gradient of the cell state after; out: an LSTM's is that of the state before.
  public var cellGradient: UnsafeMutablePointer<Float>

  /// A step; the properties say the shapes.
  public init(
    kind: Int, hiddenSize: Int, gates: UnsafeMutablePointer<Float>, previous: UnsafePointer<Float>,
    cell: UnsafePointer<Float>, cellStride: Int, hiddenGradient: UnsafeMutablePointer<Float>,
    cellGradient: UnsafeMutablePointer<Float>
  ) {
    self.kind = kind
    self.hiddenSize = hiddenSize
    self.gates = gates
    self.previous = previous
    self.cell = cell
    self.cellStride = cellStride
    self.hiddenGradient = hiddenGradient
    self.cellGradient = cellGradient
  }
}
