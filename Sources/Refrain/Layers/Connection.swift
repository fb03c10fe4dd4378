/// How the output of one level of a ``Stacked`` stack becomes the input of the next. y is what a level's cell gives, x
/// the output of the level below (the second level is the first to have one); all but `direct` want levels of one width
/// **W**.
///
/// For the connection through the cells' memories (Yao et al. 2015) see ``DepthGatedLSTMCell``.
public enum Connection: String, CellOptions, CaseIterable {
  /// y itself.
  case direct
  /// x + y (He et al. 2016; between recurrent layers Wu et al. 2016).
  case residual
  /// t ⊙ y + (1 − t) ⊙ x with t = σ(W x + b), for each level its own W and b (Srivastava, Greff and Schmidhuber 2015).
  /// b starts at −1: at first most goes past the level.
  case highway
  /// The levels are the steps of a second LSTM, which reads the y of each in turn, and whose h' goes on to the next
  /// level (Xu et al. 2020, who connect the layers of a transformer so, with a layer normalization that is left out
  /// here). Its weights are the same at all levels, as an LSTM's are at all steps; its state begins with zeros below
  /// the first.
  case depthWise

  /// The output of the level below as it is.
  public init() { self = .direct }
}

/// What is learned of the connections between the levels of a ``Stacked`` stack.
public struct Links: Module {
  private let connection: Connection
  /// W and b of each highway, from the second level on.
  public var highways: [Dense] = []
  /// The LSTM whose steps are the levels.
  public var depth: [LSTMCell] = []

  /// Connections without anything to learn.
  init() { connection = .direct }

  /// Connections that are learned already.
  package init(_ connection: Connection, highways: [Dense], depth: [LSTMCell]) {
    self.connection = connection
    self.highways = highways
    self.depth = depth
  }

  /// The connections between `levels` levels of one width.
  init(_ connection: Connection, levels: Int, width: Int, using generator: inout RandomGenerator) {
    self.connection = connection
    switch connection {
    case .direct, .residual: break
    case .highway:
      highways = (1..<max(levels, 1)).map { _ in
        var highway = Dense(inputSize: width, outputSize: width, activation: .sigmoid, using: &generator)
        highway.bias = Tensor(repeating: -1, shape: [width])
        return highway
      }
    case .depthWise: depth = [LSTMCell(inputSize: width, hiddenSize: width, using: &generator)]
    }
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in highways.indices { try highways[index].forEachTensor(under: "highway_l\(index + 1)", body) }
    for index in depth.indices { try depth[index].forEachTensor(under: "depth", body) }
  }

  /// The output of a level.
  ///
  /// - Parameters:
  ///   - y: what its cell gives, `[…, W]`.
  ///   - below: the output x of the level below, if there is one.
  ///   - memory: what goes from level to level besides, nil at first.
  func connect(_ y: Tensor, below: Tensor?, _ level: Int, _ memory: inout Tensor?) -> Tensor {
    switch (connection, below) {
    case (.residual, let x?): return x + y
    case (.highway, let x?): return x + highways[level - 1](x) * (y - x)
    case (.depthWise, _):
      // [N, W]: at every place of the batch an LSTM of its own.
      let rows = y.reshaped([-1, y.shape[y.rank - 1]])
      let zeros = Tensor.zeros(rows.shape)
      let state = depth[0](
        rows, LSTMCell.State(hidden: below?.reshaped(rows.shape) ?? zeros, cell: memory ?? zeros))
      memory = state.cell
      return state.hidden.reshaped(y.shape)
    default: return y
    }
  }
}
