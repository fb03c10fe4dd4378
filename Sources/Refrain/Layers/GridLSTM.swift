/// Long short-term memory over a grid in two dimensions (Kalchbrenner, Danihelka and Graves 2015): each place reads the
/// hidden states of the place above and of the place to the left, and along either way goes a memory of its own.
/// `[B, rows, columns, I]` → `[B, rows, columns, 2H]`: h of the way down, then h of the way to the right.
///
///     H = [h_down; h_right]                       from above; from the left
///     i = σ(W_i x + R_i H + b_i)                  input gate
///     f = σ(W_f x + R_f H + b_f)                  forget gate
///     c̃ = tanh(W_c x + R_c H + b_c)               candidate
///     o = σ(W_o x + R_o H + b_o)                  output gate
///     c' = f ⊙ c + i ⊙ c̃,  h' = o ⊙ tanh(c')      for each way, with weights and a cell state of its own
///
/// At the borders states are 0. Weights start by Glorot's rule, recurrent blocks orthogonal, biases at 0 but the forget
/// gates' at 1.
public struct GridLSTM: Layer {
  /// The order of the blocks of 4**H** rows in weights and biases, each with the gates of ``LSTMCell``.
  public enum Way: Int, CaseIterable, Sendable { case down, right }

  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The size **H** of a state.
    public var hiddenSize: Int
  }

  public static let kind = "grid-lstm"
  public let configuration: Configuration
  /// W, `[8H, I]`
  public var weightInput: Tensor
  /// R, `[8H, 2H]`: by h from above, then by h from the left.
  public var weightHidden: Tensor
  /// b, `[8H]`
  public var bias: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weightInput = .zeros([0, 0])
    weightHidden = .zeros([0, 0])
    bias = .zeros([0])
  }

  /// A layer whose input size ``Sequential`` finds.
  public init(_ hiddenSize: Int) { self.init(Configuration(hiddenSize: hiddenSize)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.hiddenSize, "the hidden size", of: Self.kind)
    _ = try features(of: inputShape, for: Self.kind)
    guard inputShape.count == 4 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, rows, columns, I]")
    }
    return inputShape.dropLast() + [2 * configuration.hiddenSize]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let inputSize = inputShape[inputShape.count - 1] else { return }
    let (size, blocks) = (configuration.hiddenSize, Way.allCases.count * LSTMCell.Gate.allCases.count)
    weightInput = Initializer.glorotUniform(blocks * size, inputSize, using: &generator)
    weightHidden = concatenate(
      Way.allCases.map { _ in Initializer.orthogonalBlocks(blocks, size, using: &generator) }, axis: 1)
    bias = .zeros([blocks * size])
    for way in Way.allCases {
      let forget = (way.rawValue * LSTMCell.Gate.allCases.count + LSTMCell.Gate.forget.rawValue) * size
      for unit in 0..<size { bias[forget + unit] = 1 }
    }
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }

  /// What leaves the places of a diagonal one way, a row for each place of each grid.
  private struct Front {
    var hidden: Tensor
    var cell: Tensor

    func map(_ transform: (Tensor) -> Tensor) -> Front { Front(hidden: transform(hidden), cell: transform(cell)) }
  }

  /// The output `[B, rows, columns, 2H]`. The grid has no lengths; `lengths` must be nil.
  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    require(
      input.rank == 4 && input.shape[3] == weightInput.shape[1],
      "\(Self.kind): the input has shape \(input.shape), expected [B, rows, columns, \(weightInput.shape[1])]")
    require(lengths == nil, "\(Self.kind): lengths were given, and a grid has none")
    let (batch, rows, columns, size) = (input.shape[0], input.shape[1], input.shape[2], configuration.hiddenSize)
    guard input.count > 0 else { return .zeros([batch, rows, columns, 2 * size]) }

    // The places of a diagonal do not depend on each other: they are computed at once, from the uppermost to the lowest.
    let diagonals = (0..<rows + columns - 1).map { max(0, $0 - columns + 1)..<min($0, rows - 1) + 1 }
    let places = diagonals.enumerated().flatMap { diagonal, range in
      range.flatMap { row in (0..<batch).map { ($0 * rows + row) * columns + diagonal - row } }
    }
    let sums = input.reshaped([batch * rows * columns, -1]).gatheringRows(places)
      .linear(weight: weightInput, bias: bias)
    let nothing = Tensor.zeros([batch, size])
    let border = Front(hidden: nothing, cell: nothing)
    var (down, right) = (border, border)
    var outputs: [Tensor] = []
    for (diagonal, inputSums) in sums.split(diagonals.map { $0.count * batch }).enumerated() {
      let range = diagonals[diagonal]
      if diagonal > 0 {
        let before = diagonals[diagonal - 1]
        func places(_ rows: Range<Int>, of front: Front) -> Front {
          front.map {
            $0.slice(
              (rows.lowerBound - before.lowerBound) * batch..<(rows.upperBound - before.lowerBound) * batch, axis: 0)
          }
        }
        func joined(_ one: Front, _ other: Front) -> Front {
          Front(
            hidden: concatenate([one.hidden, other.hidden], axis: 0),
            cell: concatenate([one.cell, other.cell], axis: 0))
        }
        // The place above stands in the row before, the place to the left in the same one.
        let (start, end) = (range.lowerBound, range.upperBound)
        down =
          start == 0
          ? (end == 1 ? border : joined(border, places(0..<end - 1, of: down))) : places(start - 1..<end - 1, of: down)
        right =
          end == before.upperBound
          ? places(start..<end, of: right)
          : (start == end - 1 ? border : joined(places(start..<end - 1, of: right), border))
      }
      let all =
        inputSums
        + concatenate([down.hidden, right.hidden], axis: 1).matrixProduct(weightHidden, transposingOther: true)
      down = step(all.block(Way.down.rawValue, of: 4 * size), down.cell)
      right = step(all.block(Way.right.rawValue, of: 4 * size), right.cell)
      outputs.append(concatenate([down.hidden, right.hidden], axis: 1))
    }
    return concatenate(outputs, axis: 0).scatteringRows(to: places, count: batch * rows * columns)
      .reshaped([batch, rows, columns, 2 * size])
  }

  /// One way through the places of a diagonal: the sums `[N, 4H]` and the cell states `[N, H]` that come in.
  private func step(_ sums: Tensor, _ cell: Tensor) -> Front {
    let next = LSTMCell.State(sums: sums, cell: cell)
    return Front(hidden: next.hidden, cell: next.cell)
  }
}
