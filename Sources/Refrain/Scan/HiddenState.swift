/// The state of a cell that carries nothing but its output.
public struct HiddenState: RecurrentState {
  /// The hidden state h, `[B, H]`.
  public var hidden: Tensor

  /// A state from h, `[B, H]`.
  public init(hidden: Tensor) { self.hidden = hidden }

  public var output: Tensor { hidden }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("hidden", &hidden) }
}

extension RecurrentCell where State == HiddenState {
  /// Zeros, for `batch` sequences.
  public func initialState(batch: Int) -> HiddenState { HiddenState(hidden: .zeros([batch, hiddenSize])) }
}
